"""Trains the delay model.

    python train.py FIT --holdout HOLDOUT --out MODEL [--rate .05 --leaves 31 --min-leaf 100 --l2 0]
    python train.py FIT --trial --chosen FILE [...]

The second is a trial of the search: it scores the last two weeks of FIT, keeps no model and writes the values it was given to FILE,
which the training takes as --settings.

Logs to MLflow with its own client and autologging: parameters by themselves, hold-out metrics by name.
"""

import argparse
import datetime
import json
import pathlib

import mlflow

import delay_model

TREES = 200
# A trial fits on every second row: the order of the candidates is the same, at half the time.
TRIAL_DAYS, TRIAL_STRIDE = 14, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fit")
    parser.add_argument("--holdout")
    parser.add_argument("--out")
    parser.add_argument("--trial", action="store_true")
    parser.add_argument("--chosen", help="where a trial writes its values")
    parser.add_argument("--settings", type=json.loads, default={}, help="values that a search chose, as JSON")
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--min-leaf", type=int, default=100)
    parser.add_argument("--l2", type=float, default=0.0)
    args = parser.parse_args()
    chosen = {"rate": args.rate, "leaves": args.leaves, "min_leaf": args.min_leaf, "l2": args.l2} | args.settings
    if not args.trial and not (args.holdout and args.out):
        parser.error("a training needs --holdout and --out; a trial of the search needs --trial")

    # The model is written by hand below (twice: scikit-learn and ONNX), so autologging keeps to parameters and metrics.
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, log_post_training_metrics=False)
    fit = delay_model.read_table(args.fit)
    if args.trial:
        last = fit["day"].max() - datetime.timedelta(days=TRIAL_DAYS)
        holdout = fit[fit["day"] > last]
        fit = fit[fit["day"] <= last].iloc[::TRIAL_STRIDE]
    else:
        holdout = delay_model.read_table(args.holdout)

    with mlflow.start_run():  # the run that the platform opened for this job (MLFLOW_RUN_ID), or a new one
        model = delay_model.boosted_trees(**chosen, trees=TREES)
        model.fit(fit[delay_model.FEATURES], fit[delay_model.TARGET])
        probability = model.predict_proba(holdout[delay_model.FEATURES])[:, 1]
        metrics = delay_model.score(holdout[delay_model.TARGET], probability, fit[delay_model.TARGET].mean())
        mlflow.log_metrics({**metrics, "fit_rows": len(fit), "holdout_rows": len(holdout)})
        print(f"fitted on {len(fit):,} rows, scored on {len(holdout):,}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))
        if args.chosen:
            pathlib.Path(args.chosen).write_text(json.dumps(chosen))
        if args.out:
            delay_model.save(model, fit, args.out)


if __name__ == "__main__":
    main()
