"""Whether ONNX answers as Python does. Run with: python -m unittest test_conversion

Kiban's release step makes the same comparison on every new version and refuses a difference above 1e-4.
"""

import unittest

import numpy
import onnxruntime
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

import delay_model

ROWS = 4000


def some_flights():
    """Synthetic flights: the same columns, missing numbers and all, without needing the pipeline to have run."""
    import pandas

    random = numpy.random.default_rng(7)
    frame = pandas.DataFrame({name: random.normal(size=ROWS) for name in delay_model.NUMBERS})
    frame = frame.mask(random.random(frame.shape) < 0.1)
    for name, size in zip(delay_model.TEXT, (16, 3, 100), strict=True):
        frame[name] = [f"{name[0].upper()}{i:02}" for i in random.integers(size, size=ROWS)]
    frame["late"] = (frame["sched_minute"].fillna(0) + random.normal(size=ROWS) + frame["dest"].str[1:].astype(int) % 7 / 3 > 1).astype(int)
    return delay_model.as_inputs(frame)


def largest_difference(model: Pipeline, rows) -> float:
    session = onnxruntime.InferenceSession(delay_model.to_onnx(model))
    inputs = {name: rows[[name]].to_numpy(dtype=object if name in delay_model.TEXT else "float32") for name in delay_model.FEATURES}
    answer = session.run(["probabilities"], inputs)[0]
    return float(numpy.abs(answer - model.predict_proba(rows[delay_model.FEATURES])).max())


class Conversion(unittest.TestCase):
    def test_ordinal_codes_agree(self) -> None:
        rows = some_flights()
        model = delay_model.boosted_trees(0.05, 31, 100, 0, 50).fit(rows[delay_model.FEATURES], rows["late"])
        self.assertLess(largest_difference(model, rows), 1e-5)

    def test_unknown_text_and_missing_numbers_agree(self) -> None:
        rows = some_flights()
        model = delay_model.boosted_trees(0.05, 31, 100, 0, 50).fit(rows[delay_model.FEATURES], rows["late"])
        strange = rows.head(20).copy()
        strange["dest"] = "???"
        strange[delay_model.NUMBERS] = numpy.nan
        self.assertLess(largest_difference(model, delay_model.as_inputs(strange)), 1e-5)

    def test_categorical_features_convert_without_a_word_and_are_wrong(self) -> None:
        rows = some_flights()
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        columns = ColumnTransformer([("text", codes, delay_model.TEXT), ("numbers", "passthrough", delay_model.NUMBERS)])
        trees = HistGradientBoostingClassifier(categorical_features=[0, 1, 2], max_iter=50, random_state=0)
        model = Pipeline([("columns", columns), ("model", trees)]).fit(rows[delay_model.FEATURES], rows["late"])
        # The day this fails, the converter has been mended: then categorical_features may be tried.
        self.assertGreater(largest_difference(model, rows), 0.01)


if __name__ == "__main__":
    unittest.main()
