"""Run with: PYTHONPATH=src python -m unittest discover tests"""

import contextlib
import io
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import kiban


class Job(unittest.TestCase):
    def test_params_are_what_the_platform_gave(self) -> None:
        with mock.patch.dict(os.environ, {"KIBAN_PARAMS": '{"cutoff": "2013-04-01"}'}):
            self.assertEqual(kiban.params(), {"cutoff": "2013-04-01"})

    def test_inputs_are_the_entries_of_the_folder(self) -> None:
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"KIBAN_INPUTS": folder}):
            pathlib.Path(folder, "fit").mkdir()
            self.assertEqual(kiban.inputs(), {"fit": pathlib.Path(folder, "fit")})

    def test_a_metric_is_a_line(self) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            kiban.log_metric("auc", 0.75, step=3)
        self.assertEqual(out.getvalue(), "kiban:metric auc=0.75 step=3\n")

    def test_a_metric_that_is_no_number_is_refused_by_name(self) -> None:
        with self.assertRaisesRegex(ValueError, "auc"):
            kiban.log_metric("auc", float("nan"))
        with self.assertRaisesRegex(ValueError, "two words"):
            kiban.log_metric("two words", 1)

    def test_outside_of_a_job_the_variable_is_named(self) -> None:
        with mock.patch.dict(os.environ, clear=True), self.assertRaisesRegex(RuntimeError, "KIBAN_OUTPUTS"):
            kiban.output("model")


if __name__ == "__main__":
    unittest.main()
