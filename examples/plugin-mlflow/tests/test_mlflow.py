"""A training that was cut off and went on is one run in MLflow, each step once."""

import numpy as np
import pytest
from affmem_mlflow import MLflowConfig

from affmem import Runtime
from affmem.conformance import conforms

mlflow = pytest.importorskip("mlflow")
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own

test_it_keeps_its_promises = conforms("tracker:mlflow")


def test_a_step_told_again_takes_the_place_of_the_old(tmp_path):
    tracker = MLflowConfig().build(Runtime())
    for begun, steps in enumerate([(1, 2, 3), (2, 3)]):
        tracker.begin(tmp_path, "seed = 1\n")
        for step in steps:
            tracker.figures(step, {"loss": step + 10.0 * begun, "ccc": float("nan")})
            tracker.picture(step, "samples", np.zeros((4, 6, 3), np.uint8))
        tracker.end()
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("affmem").experiment_id])
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(1, 1), (2, 12), (3, 13)]
    assert [*run.data.metrics] == ["loss"]
    assert run.info.status == "FINISHED"
