"""Asks the Python flavour of an MLflow model folder for its answer to some rows, so that it can be compared with the served one.

    python -m kiban.parity --model DIR --rows rows.json --out preds.json

rows.json is {"columns": [...], "data": [[...], ...]}, null for a missing value. preds.json is {"probabilities": [[...], ...]} for a
classifier, else {"values": [...]}; a row that the model cannot answer alone is null, and "errors" then has its index and message.
It runs in the model's own environment. Loading a model runs its code: only do it in a job.
"""

import argparse
import json
import math
import pathlib
import sys
import warnings

NUMBERS = {"float": "float32", "double": "float64", "integer": "float64", "long": "float64"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="kiban.parity", description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--rows", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    args = parser.parse_args()
    if not (args.model / "MLmodel").is_file():
        sys.exit(f"{args.model} is no MLflow model folder: it has no file MLmodel")
    rows = json.loads(args.rows.read_text())
    if not isinstance(rows, dict) or not {"columns", "data"} <= rows.keys():
        sys.exit(f'{args.rows} must be {{"columns": [...], "data": [[...], ...]}}')
    args.out.write_text(json.dumps(answer(args.model, rows)))


def answer(model_folder: pathlib.Path, rows: dict) -> dict:
    """The model's answer to each row. Rows are asked together; if that fails, one by one, to know which."""
    import pandas

    warnings.filterwarnings("ignore")
    model, types = load(model_folder)
    frame = pandas.DataFrame(rows["data"], columns=rows["columns"], dtype=object)
    if types:
        missing = [name for name in types if name not in frame.columns]
        if missing:
            sys.exit(f"the model wants the columns {missing}, but the rows do not have them")
        frame = frame[list(types)]
    for name in frame.columns:
        kind = types.get(name)
        if kind in NUMBERS:
            frame[name] = pandas.to_numeric(frame[name]).astype(NUMBERS[kind])
        elif kind is None:
            frame[name] = frame[name].infer_objects()
    predict = getattr(model, "predict_proba", None)
    name, ask = ("probabilities", predict) if predict else ("values", model.predict)
    try:
        return {name: plain(ask(frame))}
    except Exception:  # whatever the user's model throws
        return one_by_one(name, ask, frame)


def one_by_one(name: str, ask, frame) -> dict:
    answers: list = []
    errors = []
    for index in range(len(frame)):
        try:
            answers.append(plain(ask(frame.iloc[index : index + 1]))[0])
        except Exception as error:
            answers.append(None)
            errors.append({"row": index, "message": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"})
    return {name: answers, "errors": errors}


def load(folder: pathlib.Path):
    """The model object and the types of its columns. scikit-learn models are taken as they are; the rest through pyfunc."""
    import mlflow
    from mlflow.models import Model

    meta = Model.load(str(folder))
    types = {}
    if meta.signature is not None and meta.signature.inputs is not None and not meta.signature.inputs.is_tensor_spec():
        types = {column.name: column.type.name for column in meta.signature.inputs.inputs}
    if "sklearn" in meta.flavors:
        return mlflow.sklearn.load_model(str(folder)), types
    return mlflow.pyfunc.load_model(str(folder)), types


def plain(values) -> list:
    """Lists of finite numbers or null."""
    tolist = getattr(values, "tolist", None)
    if tolist is None and hasattr(values, "to_numpy"):
        tolist = values.to_numpy().tolist
    return _finite(tolist() if tolist else list(values))


def _finite(value):
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    main()
