"""The unmodified MLflow client through the model registry; prints one JSON object of what it saw."""
import json

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

seen = {}
client = MlflowClient()
x, y = load_iris(return_X_y=True, as_frame=True)
mlflow.set_experiment("registry")


def refusal(call):
    try:
        call()
    except (RestException, MlflowException) as error:
        return [error.error_code, error.message]
    return None


with mlflow.start_run() as run:
    fitted = LogisticRegression(max_iter=500).fit(x, y)
    info = mlflow.sklearn.log_model(fitted, name="model", input_example=x.head(2), serialization_format="cloudpickle")
expected = fitted.predict(x)
first = mlflow.register_model(f"models:/{info.model_id}", "iris")
second = mlflow.register_model(f"runs:/{run.info.run_id}/model", "iris", tags={"k": "v"})
seen["versions"] = [first.version, second.version, second.run_id == run.info.run_id, second.status]
client.set_registered_model_alias("iris", "candidate", second.version)
seen["load"] = [
    bool((mlflow.pyfunc.load_model(uri).predict(x) == expected).all())
    for uri in (f"models:/iris/{first.version}", "models:/iris@candidate", "models:/iris/latest", f"models:/{info.model_id}")
]
seen["alias"] = client.get_model_version_by_alias("iris", "candidate").version
seen["aliases"] = client.get_registered_model("iris").aliases
client.delete_registered_model_alias("iris", "candidate")
seen["no_alias"] = refusal(lambda: client.get_model_version_by_alias("iris", "candidate"))
client.set_registered_model_alias("iris", "production", second.version)
client.update_registered_model("iris", "all about irises")
client.set_registered_model_tag("iris", "team", "a")
client.set_model_version_tag("iris", "1", "checked", "yes")
client.update_model_version("iris", "1", "the first")
got = client.get_registered_model("iris")
seen["model"] = [got.description, got.tags, sorted(v.version for v in got.latest_versions)]
one = client.get_model_version("iris", "1")
seen["version"] = [one.description, one.tags, one.current_stage, one.aliases]
seen["search_models"] = [m.name for m in client.search_registered_models("name LIKE 'ir%'")]
seen["search_versions"] = sorted(v.version for v in client.search_model_versions("name = 'iris'"))
seen["by_run"] = len(client.search_model_versions(f"run_id = '{run.info.run_id}'"))
staged = client.transition_model_version_stage("iris", "1", "Staging")
seen["stage"] = [staged.current_stage, client.get_latest_versions("iris", ["Staging"])[0].version]
copied = client.copy_model_version("models:/iris/1", "iris-copy")
seen["copy"] = [copied.name, copied.version]
seen["exists"] = refusal(lambda: client.create_registered_model("iris"))
seen["source"] = [refusal(lambda uri=uri: client.create_model_version("iris", uri))[0] for uri in ("file:///etc", "/etc", "http://127.0.0.1:1/x")]
seen["held"] = refusal(lambda: client.delete_model_version("iris", second.version))[0]
client.delete_model_version("iris", "1")
seen["gone"] = refusal(lambda: client.get_model_version("iris", "1"))[0]
client.delete_registered_model("iris-copy")
seen["no_model"] = refusal(lambda: client.get_registered_model("iris-copy"))[0]
client.delete_model_version_tag("iris", "2", "k")
client.rename_registered_model("iris", "flowers")
seen["renamed"] = [client.get_registered_model("flowers").name, client.get_model_version_by_alias("flowers", "production").version]
prompt = client.register_prompt("greet", "Hello {{name}}")
seen["prompt"] = [client.load_prompt("prompts:/greet/1").template, [m.name for m in client.search_registered_models()]]
print(json.dumps(seen))
