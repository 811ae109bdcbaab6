"""Writes a month that must not pass: April with a hundred flights that are there twice, and an airport nobody knows.

    python break-month.py OUT.parquet
"""

import argparse
import pathlib

import duckdb

REPEATED, UNKNOWN = 100, 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    args = parser.parse_args()
    april = pathlib.Path(__file__).parent / "data" / "flights-2013-04.parquet"
    database = duckdb.connect()
    database.execute(f"CREATE TABLE april AS SELECT row_number() OVER () AS n, * FROM '{april}'")
    database.execute(
        f"""
        COPY (
          SELECT * EXCLUDE (n) REPLACE (CASE WHEN n <= {UNKNOWN} THEN 'XXX' ELSE origin END AS origin) FROM april
          UNION ALL
          SELECT * EXCLUDE (n) FROM april WHERE n > 1000 AND n <= 1000 + {REPEATED}
        ) TO '{args.out}' (FORMAT parquet, COMPRESSION zstd)
        """
    )
    print(f"{args.out}: {REPEATED} flights twice, {UNKNOWN} from the unknown airport XXX")


if __name__ == "__main__":
    main()
