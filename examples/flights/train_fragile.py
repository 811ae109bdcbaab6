"""Trains a model that is made to fail in production: it cannot answer a flight whose weather is missing.

    python train_fragile.py FIT --holdout HOLDOUT --out MODEL

A logistic regression fitted on complete rows only. On complete rows it scores well enough to pass for a candidate; a missing
number makes it answer NaN, and one flight in nine has a missing number. The gate sees it (parity); the example promotes it all the same, by an override with a reason, to show the roll-back.
"""

import argparse

import mlflow
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import delay_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fit")
    parser.add_argument("--holdout", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()

    mlflow.sklearn.autolog(log_models=False, log_datasets=False, log_post_training_metrics=False)
    fit, holdout = (delay_model.read_table(path).dropna(subset=delay_model.NUMBERS) for path in (args.fit, args.holdout))
    with mlflow.start_run():
        columns = ColumnTransformer(
            [
                ("text", OneHotEncoder(handle_unknown="ignore"), delay_model.TEXT),
                ("numbers", StandardScaler(), delay_model.NUMBERS),
            ]
        )
        model = Pipeline([("columns", columns), ("model", LogisticRegression(max_iter=100, tol=1e-3))])
        model.fit(fit[delay_model.FEATURES], fit[delay_model.TARGET])
        probability = model.predict_proba(holdout[delay_model.FEATURES])[:, 1]
        metrics = delay_model.score(holdout[delay_model.TARGET], probability, fit[delay_model.TARGET].mean())
        mlflow.log_metrics(metrics)
        print(f"fitted on {len(fit):,} complete rows: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()))
        delay_model.save(model, fit, args.out)


if __name__ == "__main__":
    main()
