"""A run: an experiment walked to its end, and the directory that keeps what came of it.

The directory is whole at every moment: each file is written beside its place and then moved there,
and `run.json` says whether the run is running, finished, interrupted or failed.
"""

import csv
import io
import json
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil
from attrs import field, fields, frozen

from affmem import cells
from affmem.consent import Consent, admit
from affmem.emotions import nearest
from affmem.errors import InputError, PluginError, UserError
from affmem.evaluation import Utterance, score, units, utterances
from affmem.experiment import Experiment, Watching, dumps
from affmem.gallery import write_gallery
from affmem.keeping import Shelf
from affmem.protocols import Contest, Metric, Runtime
from affmem.road import Parts, Person, Stations, walk
from affmem.start import latent
from affmem.timing import Clock
from affmem.values import Clip, Step, Unit

FORMAT = 1
PACKAGES = ("affmem", "av", "numpy", "opencv-python-headless", "scipy", "torch")
log = logging.getLogger("affmem")


@frozen
class Result:
    """What a run came to."""

    out: Path
    metrics: Mapping[str, Any] = field(repr=False)
    timing: Mapping[str, Any] = field(repr=False)
    notes: Sequence[str]
    report: Path | None


def run(
    experiment: Experiment,
    out: Path,
    watch: Callable[[str, int, int, Step | None], None] = lambda *_: None,
) -> Result:
    """Walk an experiment's road and write its run directory `out`, which must be new or empty.

    `watch(stage, done, of, step)` hears of each frame (clips done, of all) and of later stages.
    Where the experiment has a store, persons go on from the memories kept there, which are kept
    anew at each clip's end. Raises InputError and its kin; on KeyboardInterrupt the directory says
    "interrupted" and keeps the clips that were finished.
    """
    began, cpu = datetime.now(UTC), perf_counter()
    check_empty(out)
    runtime = Runtime(seed=experiment.seed, device=experiment.device)
    stations, metrics = build(experiment, runtime)
    clips = stations.dataset.clips()
    if not clips:
        raise UserError(f"dataset {experiment.dataset.use!r}: holds no clip")
    shelf = open_shelf(experiment, stations, (clip.person for clip in clips), experiment.consent)
    out.mkdir(parents=True, exist_ok=True)
    record = begun(experiment, began, stations.dataset.notes())
    steps: list[Step] = []
    people: dict[str, Person] = {}
    clock = Clock()
    with closing(shelf) if shelf else nullcontext(), logged(out), status(out, record):
        write(out / "experiment.toml", dumps(experiment))
        finished = False
        try:
            steps.extend(_watched(walk(stations, people, clock, shelf), clips, watch))
            finished = True
        finally:
            write_steps(out, steps if finished else _whole(steps))
        watch("scoring", len(clips), len(clips), None)
        with clock("score"):
            figures = scored(steps, stations.dataset.unit, metrics, experiment.resamples, runtime)
        write(out / "metrics.json", as_json(figures))
        if isinstance(stations.dataset, Contest):
            read = {one.clip: one.memory for one in utterances(steps) if one.memory is not None}
            write(out / "predictions.csv", stations.dataset.predictions(read))
        record["notes"] = [
            *stations.dataset.notes(), *_unscored(steps, figures), *_known(shelf, people)
        ]  # fmt: skip
        for note in record["notes"]:
            log.debug("note: %s", note)
        remember(people, out / "memories")
        if experiment.faces_kept:
            watch("drawing edits", len(clips), len(clips), None)
            with clock("gallery"):
                write_gallery(stations, experiment.gallery, out / "edits")
        timing = timed(clock, perf_counter() - cpu, len(steps))
        write(out / "timing.json", as_json(timing))
    watch("reporting", len(clips), len(clips), None)
    report = experiment.report.build(runtime).write(out)
    return Result(out, figures, timing, record["notes"], report)


def build(experiment: Experiment, runtime: Runtime) -> tuple[Stations, dict[str, Metric]]:
    """Make an experiment's parts. Raises what their `build` raises."""
    parts = build_parts(experiment, runtime)
    stations = Stations(
        **{one.name: getattr(parts, one.name) for one in fields(Parts)},
        dataset=experiment.dataset.build(runtime),
    )
    metrics = {part.use: part.build(runtime) for part in experiment.metrics}
    for name, metric in metrics.items():
        if getattr(metric, "better", None) not in ("higher", "lower"):
            raise PluginError(f'metric {name!r}: its \'better\' must be "higher" or "lower"')
    return stations, metrics


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


def open_shelf(
    experiment: Experiment | Watching,
    parts: Parts,
    persons: Iterable[str] = (),
    consent: Consent | None = None,
) -> Shelf | None:
    """The experiment's store, opened; None where it has none. Raises what `build` of it raises.

    With `consent`, it is open to those of `persons` alone who have given it.
    """
    if experiment.store is None:
        return None
    store = experiment.store.config.build(parts.runtime)  # its own, to be closed
    memory = experiment.memory
    admission = None if consent is None else admit(store, persons, consent)
    return Shelf(store, memory.use, memory.config, parts.encoder, admission)


def _known(shelf: Shelf | None, people: Mapping[str, Person]) -> Iterator[str]:
    """Who is not kept, and whether memories had learnt before, a line each."""
    if shelf:
        yield from shelf.notes()
    if shelf and shelf.known:
        yield (
            f"{len(shelf.known)} of {len(people)} persons were known from the store: their "
            "memories had learnt before this run, maybe from these very clips"
        )


def _unscored(steps: Sequence[Step], figures: Mapping[str, Any]) -> Iterator[str]:
    """What kept clips from being scored, a line each."""
    shown = {step.clip.name for step in steps if step.face}
    blind = [name for name in dict.fromkeys(step.clip.name for step in steps) if name not in shown]
    if not shown:
        yield f"no face was found in any of {len(steps)} frames: nothing could be read"
    elif blind:
        few = ", ".join(blind[:3]) + (", ..." if len(blind) > 3 else "")
        yield f"{len(blind)} of {figures['clips']} clips show no face, not scored: {few}"
    if shown and not figures["scored"]:
        yield "no clip with a face has a label: nothing is scored"


def check_empty(out: Path) -> None:
    """Raises InputError where `out` cannot become a new directory of results."""
    try:
        if out.is_dir():
            if any(out.iterdir()):
                raise InputError(out, "is a folder that is not empty; expected a new one")
        elif out.exists():
            raise InputError(out, "is a file; expected a new folder")
        else:
            parent = next(one for one in out.absolute().parents if one.exists())
            if not os.access(parent, os.W_OK):
                raise InputError(out, f"cannot be made: no permission to write in {parent}")
    except PermissionError:
        raise InputError(out, "no permission") from None


def write(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all. Raises InputError where there is no space or permission."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(path, f"cannot be written ({error.strerror or error})") from None


def write_steps(out: Path, steps: Sequence[Step]) -> None:
    """What was said of each frame, and of each clip, as tables."""
    write(out / "frames.csv", _frames(steps))
    write(out / "utterances.csv", _utterances(utterances(steps)))


def scored(
    steps: Sequence[Step], unit: Unit, metrics: Mapping[str, Metric], resamples: int,
    runtime: Runtime,
) -> dict[str, Any]:  # fmt: skip
    """What `metrics.json` holds."""
    return {
        "unit": unit,
        "persons": len({step.clip.person for step in steps}),
        "clips": len({step.clip.name for step in steps}),
        "frames": len(steps),
        "faces": sum(step.face for step in steps),
        **score(units(steps, unit), metrics, resamples, runtime.rng("bootstrap")),
    }


def timed(clock: Clock, total: float, frames: int) -> dict[str, Any]:
    """What `timing.json` holds, of so many seconds and frames."""
    return {
        "seconds": {name: round(s, 3) for name, s in clock.seconds.items()},
        "total_seconds": round(total, 3),
        "frames": frames,
        "frames_per_second": round(frames / total, 2),
        "peak_memory_mib": _peak_memory_mib(),
    }


def as_json(value: object) -> str:
    """A value as JSON, with a line's end."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def begun(
    experiment: Experiment | Watching, began: datetime, notes: Sequence[str]
) -> dict[str, Any]:
    """What `run.json` holds as a run begins."""
    parts = ["dataset", "faces", "encoder", "reader", "editor", "memory"]
    parts += ["store"] if experiment.store else []
    return {
        "format": FORMAT,
        "status": "running",
        "started": began.isoformat(timespec="seconds"),
        "finished": None,
        "affmem": version("affmem"),
        "seed": experiment.seed,
        "machine": {
            "platform": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "python": platform.python_version(),
        },
        "versions": dict(_versions()),
        "notes": list(notes),
        "parts": {
            name: getattr(experiment, name).use for name in parts if hasattr(experiment, name)
        },
    }


@contextmanager
def status(out: Path, record: dict[str, Any]) -> Iterator[None]:
    """Keep `run.json` true: running, then finished, interrupted or failed."""
    try:
        write(out / "run.json", as_json(record))
        yield
        record["status"] = "finished"
    except KeyboardInterrupt:
        record["status"] = "interrupted"
        raise
    except BaseException as error:
        record["status"] = "failed"
        record["notes"].append(str(error) or type(error).__name__)
        raise
    finally:
        record["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
        write(out / "run.json", as_json(record))


@contextmanager
def logged(out: Path) -> Iterator[None]:
    """Keep the log of the run in its directory."""
    handler = logging.FileHandler(out / "log.txt", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.DEBUG)  # what others listen to is for their handlers to say
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
        handler.close()


def _watched(
    steps: Iterator[Step], clips: Sequence[Clip], watch: Callable[[str, int, int, Step], None]
) -> Iterator[Step]:
    order = {clip.name: i for i, clip in enumerate(clips)}
    for step in steps:
        watch("watching", order[step.clip.name], len(clips), step)
        yield step
    log.info("watched %d clips", len(clips))


def _whole(steps: Sequence[Step]) -> list[Step]:
    """The steps of an interrupted run, less its last clip, which was not seen to its end."""
    return [step for step in steps if step.clip.name != steps[-1].clip.name]


def remember(people: Mapping[str, Person], folder: Path) -> None:
    """Keep each person's memory as arrays, and whose file is whose."""
    from safetensors.numpy import save

    folder.mkdir(exist_ok=True)
    names = {}
    for i, (name, person) in enumerate(people.items()):
        # safetensors writes the bytes as they lie: only contiguous arrays come back as they were.
        arrays = {key: np.ascontiguousarray(one) for key, one in person.memory.state().items()}
        if arrays:
            names[name] = f"{i}.safetensors"
            write(folder / names[name], save(arrays, metadata={"faces": str(person.seen)}))
    write(folder / "people.json", as_json(names))


def _frames(steps: Sequence[Step]) -> str:
    head = (
        "clip,person,time,face,pk_arousal,pk_valence,memory_arousal,memory_valence,"
        "activation,units,truth_arousal,truth_valence"
    )
    return _csv(head, map(_frame, steps))


def _frame(step: Step) -> list[object]:
    names = [cells.written(step.clip.name), cells.written(step.clip.person)]
    said = [*cells.affects(step.pk), *cells.affects(step.memory), f"{step.activation:.4f}"]
    return [
        *names,
        f"{step.time:.3f}",
        int(step.face),
        *said,
        step.units,
        *cells.affects(step.truth),
    ]


def _utterances(rows: Sequence[Utterance]) -> str:
    head = (
        "clip,person,frames,faces,truth_arousal,truth_valence,pk_arousal,pk_valence,"
        "memory_arousal,memory_valence,emotion"
    )
    return _csv(
        head,
        (
            [cells.written(one.clip), cells.written(one.person), one.frames, one.faces,
             *cells.affects(one.truth), *cells.affects(one.pk), *cells.affects(one.memory),
             "" if one.memory is None else nearest(one.memory)]
            for one in rows
        ),
    )  # fmt: skip


def _csv(head: str, rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head.split(","))
    writer.writerows(rows)
    return text.getvalue()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _peak_memory_mib() -> int:
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset // 2**20)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
