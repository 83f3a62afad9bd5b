"""An experiment's parts, built and put together."""

from pathlib import Path

from attrs import fields

from affmem.cache import listed
from affmem.errors import PluginError
from affmem.experiment import Experiment, Watching
from affmem.protocols import Metric, Runtime
from affmem.road import Parts, Stations
from affmem.start import latent

NAMED = ("dataset", "faces", "encoder", "reader", "editor", "memory")


def build(experiment: Experiment, runtime: Runtime) -> tuple[Stations, dict[str, Metric]]:
    """Make all of an experiment's parts. Raises what their `build` raises."""
    stations = build_stations(experiment, runtime)
    metrics = {part.use: part.build(runtime) for part in experiment.metrics}
    for name, metric in metrics.items():
        if getattr(metric, "better", None) not in ("higher", "lower"):
            raise PluginError(f'metric {name!r}: its \'better\' must be "higher" or "lower"')
    return stations, metrics


def build_stations(experiment: Experiment, runtime: Runtime) -> Stations:
    """Make all that the road calls. Raises what the parts' `build` raises."""
    parts = build_parts(experiment, runtime)
    return Stations(
        **{one.name: getattr(parts, one.name) for one in fields(Parts)},
        dataset=experiment.dataset.build(runtime),
    )


def build_parts(experiment: Experiment | Watching, runtime: Runtime) -> Parts:
    """Make what pictures pass through. Raises what the parts' `build` raises."""
    parts = Parts(
        faces=experiment.faces.build(runtime),
        encoder=experiment.encoder.build(runtime),
        reader=experiment.reader.build(runtime),
        editor=experiment.editor.build(runtime),
        memory=experiment.memory.config,
        start=experiment.start,
        runtime=runtime,
    )
    if experiment.start.by == "codes":
        latent(parts.editor).check_encoder(parts.encoder)
    return parts


def files(experiment: Experiment) -> str:
    """By what the files that its parts name, less the store's, are known again: sizes and times."""
    parts = [getattr(experiment, name) for name in NAMED]
    paths = [
        value.expanduser()
        for config in (part.config for part in parts)
        for one in fields(type(config))
        if isinstance(value := getattr(config, one.name), Path)
    ]
    return " ".join(listed(path) for path in paths)
