"""Scores two versions of the model on the same flights, month by month, and says which was better where.

    python compare.py FEATURES --first MODEL --second MODEL --report FILE

It answers with the ONNX that served, not with the Python that trained.
"""

import argparse
import json
import pathlib

import onnxruntime

import delay_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features")
    parser.add_argument("--first", required=True)
    parser.add_argument("--second", required=True)
    parser.add_argument("--report", required=True)
    args = parser.parse_args()

    rows = delay_model.read_table(args.features).dropna(subset=["late"])
    months = rows["day"].dt.strftime("%Y-%m")
    probability = {name: answer(folder, rows) for name, folder in (("first", args.first), ("second", args.second))}
    report = []
    for month in sorted(months.unique()):
        chosen = (months == month).to_numpy()
        truth = rows["late"][chosen]
        scores = {name: delay_model.score(truth, values[chosen], truth.mean()) for name, values in probability.items()}
        better = min(scores, key=lambda name: scores[name]["log_loss"])
        report.append({"month": month, "rows": int(chosen.sum()), "better": better, **scores})
        first, second = scores["first"], scores["second"]
        print(f"{month}  AUC {first['auc']:.3f} -> {second['auc']:.3f}   log-loss {first['log_loss']:.3f} -> {second['log_loss']:.3f}   {better} is better")
    pathlib.Path(args.report).write_text(json.dumps(report))


def answer(folder: str, rows):
    session = onnxruntime.InferenceSession(pathlib.Path(folder, "model.onnx"))
    inputs = {name: rows[[name]].to_numpy(dtype=object if name in delay_model.TEXT else "float32") for name in delay_model.FEATURES}
    return session.run(["probabilities"], inputs)[0][:, 1]


if __name__ == "__main__":
    main()
