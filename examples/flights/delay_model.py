"""The delay model: its features, how it is read, built, scored and written as an MLflow model folder."""

import importlib.metadata
import pathlib

import numpy
import pandas
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

TEXT = ["carrier", "origin", "dest"]
NUMBERS = [
    "sched_minute", "weekday", "distance", "sched_span", "sched_in_hour",
    "temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib",
    "apt_dep_2h", "apt_delay_2h", "apt_late_2h", "apt_overdue", "car_delay_3h", "car_overdue",
    "carrier_rel", "route_rel", "flight_rel",
]  # fmt: skip
FEATURES = TEXT + NUMBERS
TARGET = "late"
THRESHOLD = 0.3
# What the Python flavour needs to answer.
SERVING = ("scikit-learn", "pandas", "numpy", "cloudpickle", "mlflow-skinny")


def read_table(path: str) -> pandas.DataFrame:
    """Reads a Parquet file, or all of a folder, in the order it was written."""
    import duckdb

    source = f"{path}/**/*.parquet" if pathlib.Path(path).is_dir() else path
    return as_inputs(duckdb.read_parquet(source).order("sched, flight_id").df())


def as_inputs(frame: pandas.DataFrame) -> pandas.DataFrame:
    """The types that the model is trained and asked with: float32 numbers, text as objects."""
    frame[NUMBERS] = frame[NUMBERS].astype("float32")
    frame[TEXT] = frame[TEXT].astype(object)
    return frame


def boosted_trees(rate: float, leaves: int, min_leaf: int, l2: float, trees: int) -> Pipeline:
    """Ordinal codes for text, numbers as they are, missing ones included: the trees have a branch for them.

    `categorical_features` is not used: skl2onnx converts such a model without a word and wrongly (test_conversion.py).
    """
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer([("text", codes, TEXT), ("numbers", "passthrough", NUMBERS)])
    model = HistGradientBoostingClassifier(
        learning_rate=rate, max_leaf_nodes=leaves, min_samples_leaf=min_leaf, l2_regularization=l2, max_iter=trees, early_stopping=False, random_state=0
    )
    return Pipeline([("columns", columns), ("model", model)])


def score(truth: pandas.Series, probability: numpy.ndarray, rate: float) -> dict[str, float]:
    """AUC, log-loss and that of always saying `rate`, expected calibration error (10 bins of equal width) and F1 at THRESHOLD."""
    y = truth.to_numpy(dtype=float)
    bins = numpy.minimum((probability * 10).astype(int), 9)
    gaps = [abs(y[bins == b].mean() - probability[bins == b].mean()) * (bins == b).mean() for b in range(10) if (bins == b).any()]
    return {
        "auc": float(roc_auc_score(y, probability)),
        "log_loss": float(log_loss(y, probability)),
        "baseline_log_loss": float(-(y.mean() * numpy.log(rate) + (1 - y.mean()) * numpy.log(1 - rate))),
        "ece": float(sum(gaps)),
        "f1": float(f1_score(y, probability >= THRESHOLD)),
    }


def to_onnx(model: Pipeline) -> bytes:
    """The whole pipeline as ONNX: 25 named inputs of [N, 1] in, `label` and `probabilities` [N, 2] out."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    inputs = [(name, StringTensorType([None, 1])) for name in TEXT] + [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    proto = convert_sklearn(
        model, "delay", inputs, target_opset={"": 17, "ai.onnx.ml": 3}, options={id(model): {"zipmap": False}}
    )
    # skl2onnx has its own words for the two outputs.
    for output in proto.graph.output:
        wanted = {"output_label": "label", "output_probability": "probabilities"}.get(output.name, output.name)
        for node in proto.graph.node:
            for i, name in enumerate(node.output):
                if name == output.name:
                    node.output[i] = wanted
        output.name = wanted
    return proto.SerializeToString()


def save(model: Pipeline, example: pandas.DataFrame, folder: str) -> None:
    """Writes an MLflow model folder that holds the model twice: as scikit-learn (for Python) and as ONNX (for serving)."""
    import mlflow
    import onnx
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    rows = example[FEATURES].head(5)
    # Any number may be missing: a weather station is silent, no plane has left in the last hours. The model answers all the same.
    columns = [ColSpec("string", name) for name in TEXT] + [ColSpec("float", name, required=False) for name in NUMBERS]
    answer = TensorSpec(numpy.dtype("float32"), (-1, 2), name="probabilities")
    signature = ModelSignature(Schema(columns), Schema([answer]))
    pins = [f"{name}=={importlib.metadata.version(name)}" for name in SERVING]
    # Without pip_requirements the client would start a second Python to find out what the model imports.
    mlflow.sklearn.save_model(
        model, folder, signature=signature, input_example=rows, pip_requirements=pins, pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
    )
    pathlib.Path(folder, "model.onnx").write_bytes(to_onnx(model))
    meta = Model.load(folder)
    meta.add_flavor("onnx", onnx_version=onnx.__version__, data="model.onnx", providers=["CPUExecutionProvider"])
    meta.save(str(pathlib.Path(folder, "MLmodel")))

