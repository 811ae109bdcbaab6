"""The unmodified MLflow client through tracking; prints one JSON object of what it saw."""
import json
import math
import os
import tempfile

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

seen = {}
client = MlflowClient()

experiment = mlflow.set_experiment("first")
seen["experiment"] = [experiment.experiment_id, experiment.name]
with mlflow.start_run(run_name="one", tags={"team": "a"}) as run:
    mlflow.log_param("lr", 0.1)
    mlflow.log_params({"opt": "adam", "depth": 3})
    for step in range(5):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"auc": 0.9, "nan": math.nan, "inf": math.inf}, step=1)
    mlflow.set_tag("stage", "draft")
    mlflow.set_tags({"b": "1", "c": "2"})
    mlflow.delete_tag("c")
    mlflow.log_text("hello", "notes/a b.txt")
    mlflow.log_dict({"x": 1}, "notes/d.json")
    mlflow.log_table({"a": [1, 2], "b": ["x", "y"]}, artifact_file="t/table.json")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "é.bin"), "wb") as file:
            file.write(bytes(range(256)) * 1000)
        mlflow.log_artifacts(folder, "raw")
    with mlflow.start_run(nested=True, run_name="child") as child:
        mlflow.log_metric("loss", 3.0)

run_id = run.info.run_id
got = client.get_run(run_id)
seen["status"] = got.info.status
seen["name"] = got.info.run_name
seen["params"] = got.data.params
seen["metrics"] = {key: str(value) for key, value in got.data.metrics.items()}
seen["tags"] = {key: got.data.tags.get(key) for key in ("team", "stage", "b", "c", "mlflow.runName")}
seen["history"] = [[m.step, m.value] for m in client.get_metric_history(run_id, "loss")]
seen["artifacts"] = sorted(a.path for a in client.list_artifacts(run_id))
seen["notes"] = sorted([a.path, a.is_dir, a.file_size] for a in client.list_artifacts(run_id, "notes"))
seen["text"] = mlflow.artifacts.load_text(got.info.artifact_uri + "/notes/a b.txt")
with tempfile.TemporaryDirectory() as folder:
    path = client.download_artifacts(run_id, "raw", folder)
    with open(os.path.join(path, "é.bin"), "rb") as file:
        seen["bytes"] = file.read() == bytes(range(256)) * 1000
seen["table"] = mlflow.load_table("t/table.json", run_ids=[run_id]).to_dict("records")
seen["parent"] = client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run_id

found = mlflow.search_runs(filter_string="metrics.auc > 0.5 and params.opt = 'adam' and tags.team = 'a'", order_by=["metrics.auc DESC"])
seen["search"] = [found.iloc[0]["run_id"] == run_id, len(found)]
pages = client.search_runs([experiment.experiment_id], max_results=1)
seen["page"] = [len(pages), len(client.search_runs([experiment.experiment_id], max_results=1, page_token=pages.token))]
seen["experiments"] = [e.name for e in client.search_experiments(filter_string="name LIKE 'fir%'")]


def refusal(call):
    try:
        call()
    except (RestException, MlflowException) as error:
        return [error.error_code, error.message]
    return None


seen["param_again"] = refusal(lambda: client.log_param(run_id, "lr", "0.2"))
seen["or"] = refusal(lambda: client.search_runs([experiment.experiment_id], "metrics.a > 1 or metrics.b > 1"))
seen["no_run"] = refusal(lambda: client.get_run("0" * 32))
client.delete_run(child.info.run_id)
seen["deleted"] = [len(client.search_runs([experiment.experiment_id])), refusal(lambda: client.log_metric(child.info.run_id, "x", 1))[1]]
client.restore_run(child.info.run_id)
other = client.create_experiment("second", tags={"k": "v"})
client.rename_experiment(other, "renamed")
client.set_experiment_tag(other, "k2", "v2")
client.delete_experiment(other)
seen["twice"] = refusal(lambda: client.delete_experiment(other))[0]
client.restore_experiment(other)
seen["renamed"] = [client.get_experiment(other).name, client.get_experiment(other).tags.get("k2")]

mlflow.sklearn.autolog()
x, y = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run() as auto:
    LogisticRegression(max_iter=500).fit(x, y).score(x, y)
auto_run = client.get_run(auto.info.run_id)
seen["autolog"] = [
    auto_run.data.params["max_iter"],
    "training_score" in auto_run.data.metrics,
    len(auto_run.inputs.dataset_inputs),
    len(auto_run.outputs.model_outputs),
]
GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}, cv=2).fit(x, y)
mlflow.sklearn.autolog(disable=True)

with mlflow.start_run() as logged:
    fitted = LogisticRegression(max_iter=500).fit(x, y)
    info = mlflow.sklearn.log_model(fitted, name="model", input_example=x.head(2), serialization_format="cloudpickle")
from_run = mlflow.sklearn.load_model(f"runs:/{logged.info.run_id}/model")
by_id = mlflow.pyfunc.load_model(f"models:/{info.model_id}")
seen["load"] = [bool((from_run.predict(x) == fitted.predict(x)).all()), len(by_id.predict(x))]
seen["logged_models"] = len(mlflow.search_logged_models(experiment_ids=[experiment.experiment_id], output_format="list"))
print(json.dumps(seen))
