"""What a job can ask the platform that runs it. Optional: everything here is also an environment variable or a line of output.

    import kiban
    kiban.params()["cutoff"], kiban.inputs()["fit"], kiban.output("model"), kiban.log_metric("auc", 0.74)
"""

import json
import math
import os
import pathlib
import sys

__all__ = ["inputs", "log_metric", "output", "outputs", "params"]


def params() -> dict:
    """The values given to this job, by name. Empty outside of a job."""
    return json.loads(os.environ.get("KIBAN_PARAMS", "{}"))


def inputs() -> dict[str, pathlib.Path]:
    """The folders and files given to this job, by name. They are read-only."""
    folder = _folder("KIBAN_INPUTS")
    return {path.name: path for path in sorted(folder.iterdir())} if folder.is_dir() else {}


def outputs() -> pathlib.Path:
    """The folder in which this job's outputs are looked for."""
    return _folder("KIBAN_OUTPUTS")


def output(name: str) -> pathlib.Path:
    """Where the output `name` is to be written: make a folder or a file of it."""
    return outputs() / name


def log_metric(name: str, value: float, step: int | None = None) -> None:
    """Reports a metric as a line on standard output. Raises ValueError for a name with spaces or a value that is no number."""
    if not name or any(character.isspace() or character == "=" for character in name):
        raise ValueError(f"a metric's name has no spaces and no =, but this is {name!r}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"the metric {name} is {number}: only finite numbers can be logged")
    sys.stdout.write(f"kiban:metric {name}={number!r}" + ("" if step is None else f" step={int(step)}") + "\n")
    sys.stdout.flush()


def _folder(variable: str) -> pathlib.Path:
    value = os.environ.get(variable)
    if not value:
        raise RuntimeError(f"{variable} is not set: this is not running as a Kiban job")
    return pathlib.Path(value)
