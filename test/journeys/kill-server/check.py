"""check.py ROWS OUT: writes the names and sizes of what it was given, once it has what its environment promises."""

import json
import os
import pathlib
import sys
import time

import six

rows, out = sys.argv[1:]
with open(os.environ["STARTS"] + "/check", "a") as starts:
    starts.write("started\n")
time.sleep(0.5)
files = sorted(path.name for path in pathlib.Path(rows).iterdir())
pathlib.Path(out).write_text(json.dumps({"six": six.__version__, "files": files}))
