"""Tracker "mlflow": a training as a run in MLflow."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from attrs import field, frozen
from attrs.validators import min_len

from affmem import Runtime, hookimpl
from affmem.protocols import Tracker, TrackerConfig
from affmem.values import Image

FOLDER = "affmem.folder"
"""The tag by which a training that goes on finds what was told of it before."""


@frozen
class MLflowConfig:
    """Settings of tracker "mlflow"."""

    uri: str | None = None
    """Where MLflow keeps it; unless given, `mlflow.db` in the training's folder."""
    experiment: str = field(default="affmem", validator=min_len(1))
    """The experiment's name in MLflow."""

    def build(self, _runtime: Runtime) -> Tracker:
        """Make it."""
        return MLflow(self)


class MLflow:
    """A run for each beginning, which takes over the earlier steps of the one before."""

    def __init__(self, config: MLflowConfig) -> None:
        self._config = config
        self._folder = Path()
        self._text = ""
        self._client: Any = None
        self._run: str | None = None

    def begin(self, folder: Path, text: str) -> None:
        """Remember it; the run is made at the first step."""
        self._folder, self._text = folder.absolute(), text

    def figures(self, step: int, figures: Mapping[str, float]) -> None:
        """Log what is finite."""
        run = self._opened(step)
        for name, value in figures.items():
            if isfinite(value):
                self._client.log_metric(run, name, value, step=step)

    def picture(self, step: int, name: str, image: Image) -> None:
        """Keep it as an artifact."""
        from PIL import Image as Picture

        file = f"{name}-{step:09}.png"
        self._client.log_image(self._opened(step), Picture.fromarray(image), artifact_file=file)

    def end(self) -> None:
        """Close the run."""
        if self._run is not None:
            self._client.set_terminated(self._run)
        self._run = None

    def _opened(self, step: int) -> str:
        """The run; a new one takes over the figures of earlier steps, and the old one goes."""
        if self._run is None:
            from mlflow import MlflowClient

            uri = self._config.uri or f"sqlite:///{self._folder / 'mlflow.db'}"
            self._client = client = MlflowClient(tracking_uri=uri)
            experiment, tags = self._experiment(), {FOLDER: str(self._folder)}
            before = client.search_runs([experiment], f"tags.`{FOLDER}` = '{self._folder}'")
            made = client.create_run(experiment, tags=tags, run_name=self._folder.name)
            self._run = made.info.run_id
            client.log_text(self._run, self._text, "training.toml")
            for old in before:
                for name in old.data.metrics:
                    for one in client.get_metric_history(old.info.run_id, name):
                        if one.step < step:
                            client.log_metric(self._run, name, one.value, step=one.step)
                client.delete_run(old.info.run_id)
        return self._run

    def _experiment(self) -> str:
        """The experiment's number; it is made if there is none of the name."""
        name = self._config.experiment
        if known := self._client.get_experiment_by_name(name):
            return str(known.experiment_id)
        here = None if self._config.uri else (self._folder / "mlflow").as_uri()
        return str(self._client.create_experiment(name, artifact_location=here))


@hookimpl
def affmem_trackers() -> Mapping[str, type[TrackerConfig]]:
    """Tracker "mlflow"."""
    return {"mlflow": MLflowConfig}
