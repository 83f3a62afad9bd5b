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
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil
from attrs import evolve, field, frozen

from affmem import cells
from affmem.assembly import build, files
from affmem.consent import Consent, admit
from affmem.directory import check_empty, held, sweep
from affmem.emotions import nearest
from affmem.errors import InputError, UserError
from affmem.evaluation import Utterance, score, units, utterances
from affmem.experiment import Experiment, Watching, dumps
from affmem.files import MIB, from_json, write
from affmem.gallery import write_gallery
from affmem.keeping import Shelf, apart, without_likeness
from affmem.parallel import parallel
from affmem.protocols import Backend, Contest, Metric, Runtime
from affmem.road import Parts
from affmem.timing import Clock
from affmem.values import Kept, Step, Unit
from affmem.walked import FINISHED, Job, Walked, Walker, Walks

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
    *,
    resume: bool = False,
) -> Result:
    """Walk an experiment's road and write its run directory `out`, which must be new or empty.

    With `resume`, `out` is the directory of a run of the same experiment that was cut off: who was
    walked there to the end is not walked again, and the figures are those of a run that was not.

    `watch(stage, done, of, step)` hears of each frame that this process walks, or else of each
    person's last (clips done, of all), and of later stages. Where the experiment has a store,
    persons go on from the memories kept there, which are kept anew when their last clip is walked.
    Raises InputError and its kin; on KeyboardInterrupt the directory says "interrupted" and keeps
    the persons who were finished.
    """
    began, cpu = datetime.now(UTC), perf_counter()
    if not resume:
        check_empty(out)
    runtime = Runtime(seed=experiment.seed, device=experiment.device)
    stations, metrics = build(experiment, runtime)
    backend = experiment.runtime.build(runtime)
    reporter = experiment.report.build(runtime)  # now: what it lacks is said before the work
    clips = stations.dataset.clips()
    if not clips:
        raise UserError(f"dataset {experiment.dataset.use!r}: holds no clip")
    with ExitStack() as stack:
        if resume:  # before it is read: nobody is erased from it meanwhile
            stack.enter_context(held(out))
            sweep(out)
        walks = Walks(out, clips, dumps(experiment, where=False) + files(experiment))
        shelf = open_shelf(
            experiment, stations, (clip.person for clip in clips), experiment.consent, again=resume
        )
        if shelf is not None:
            stack.enter_context(closing(shelf))
        if not resume:
            out.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(out))
        record = begun(experiment, began, stations.dataset.notes())
        clock = Clock()
        with logged(out), status(out, record):
            write(out / "experiment.toml", dumps(experiment))
            before = {one.person for one in walks.done}
            with _tabled(walks, out):
                _walk(walks, experiment, backend, shelf, clock, watch)
            steps = walks.steps()
            log.info("watched %d clips", len(clips))
            watch("scoring", len(clips), len(clips), None)
            with clock("score"):
                figures = scored(
                    steps, stations.dataset.unit, metrics, experiment.resamples, runtime
                )
            write(out / "metrics.json", as_json(figures))
            if isinstance(stations.dataset, Contest):
                write(out / "predictions.csv", _predictions(stations.dataset, steps))
            record["notes"] = [
                *walks.notes(stations.dataset.notes()), *_unscored(steps, figures),
                *_known(shelf, walks.done),
            ]  # fmt: skip
            for note in record["notes"]:
                log.debug("note: %s", note)
            remember({one.person: one.kept for one in walks.done}, out / "memories")
            if experiment.faces_kept:
                watch("drawing edits", len(clips), len(clips), None)
                with clock("gallery"):
                    write_gallery(stations, experiment.gallery, out / "edits")
            timing = _timed(clock, cpu, [one for one in walks.done if one.person not in before])
            write(out / "timing.json", as_json(timing))
        walks.forget()
        watch("reporting", len(clips), len(clips), None)
        return Result(out, figures, timing, record["notes"], reporter.write(out))


def _walk(
    walks: Walks, experiment: Experiment, backend: Backend, shelf: Shelf | None, clock: Clock,
    watch: Callable[[str, int, int, Step | None], None],
) -> None:  # fmt: skip
    """Walk every person who is not walked yet, and keep what came of each."""
    of, todo = len(walks.clips), walks.todo

    def told(step: Step) -> None:
        watch("watching", walks.watched + whole[step.clip.name], of, step)

    def jobs() -> Iterator[Job]:
        for job in todo:
            if shelf is not None:
                since, kept = shelf.since(job.person), shelf.fetch(job.person)
                kept = None if kept is None else without_likeness(kept)
                base = shelf.version(job.person)
                job = evolve(job, kept=kept, base=base, since=since)  # noqa: PLW2901
            yield job

    for walked in walks.done:
        if shelf is not None:  # it may have been cut off between the one and the other
            shelf.settle(walked.person, walked.kept, walked.base, walked.since)
    whole = {clip.name: i for job in todo for i, clip in enumerate(job.clips)}
    walker = Walker(experiment, backend.threads, told)
    for walked in parallel(walker, jobs(), len(todo), backend):
        walks.put(walked)
        if shelf is not None:
            with clock("keep"):
                shelf.keep(walked.person, walked.kept, walked.since)
        if walked.steps:
            watch("watching", walks.watched, of, walked.steps[-1])


def open_shelf(
    experiment: Experiment | Watching,
    parts: Parts,
    persons: Iterable[str] = (),
    consent: Consent | None = None,
    *,
    again: bool = False,
) -> Shelf | None:
    """The experiment's store, opened; None where it has none. Raises what `build` of it raises.

    With `consent`, it is open to those of `persons` alone who have given it; `again` where a run
    goes on (`admit`).
    """
    if experiment.store is None:
        return None
    store = experiment.store.config.build(parts.runtime)  # its own, to be closed
    memory = experiment.memory
    admission = None if consent is None else admit(store, persons, consent, again=again)
    return Shelf(store, memory.use, memory.config, parts.encoder, admission)


def _known(shelf: Shelf | None, people: Sequence[Walked]) -> Iterator[str]:
    """Who is not kept, and whether memories had learnt before, a line each."""
    if shelf:
        yield from shelf.notes()
    if known := sum(one.base > 0 for one in people):
        yield (
            f"{known} of {len(people)} persons were known from the store: their "
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


def resumed(out: Path, overrides: Sequence[str]) -> Path:
    """The experiment of a run that was cut off. Raises UserError where there is none to go on with.

    `overrides` may say where it goes on, and nothing else.
    """
    for one in overrides:
        if one.partition(".")[0].strip() != "runtime":
            raise UserError(f"--set {one}: a run that goes on stays as it is; expected runtime.KEY")
    about = out / "run.json"
    if not about.is_file():
        raise InputError(out, "holds no run")
    said = from_json(about, MIB)
    if not isinstance(said, dict):
        raise InputError(about, "is not as a run writes it")
    if said.get("status") == "finished":
        shutil.rmtree(out / FINISHED, ignore_errors=True)  # where it was killed just before that
        raise InputError(out, "holds a run that is finished")
    return out / "experiment.toml"


def _predictions(dataset: Contest, steps: Sequence[Step]) -> str:
    read = {one.clip: one.memory for one in utterances(steps) if one.memory is not None}
    return dataset.predictions(read)


@contextmanager
def _tabled(walks: Walks, out: Path) -> Iterator[None]:
    """Keep the tables of the steps, as they are now and as they are in the end."""
    write_steps(out, walks.steps())
    try:
        yield
    finally:
        write_steps(out, walks.steps())


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


def _timed(clock: Clock, began: float, walked: Sequence[Walked]) -> dict[str, Any]:
    """The same of a run that began then (`perf_counter`), wherever these were walked."""
    for one in walked:
        clock.add(one.seconds)
    return timed(clock, perf_counter() - began, sum(len(one.steps) for one in walked))


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


def remember(people: Mapping[str, Kept], folder: Path) -> None:
    """Keep each person's memory as arrays, and whose file is whose."""
    from safetensors.numpy import save

    folder.mkdir(exist_ok=True)
    names = {}
    for i, (name, kept) in enumerate(people.items()):
        # safetensors writes the bytes as they lie: only contiguous arrays come back as they were.
        state, _likeness = apart(kept)
        arrays = {key: np.ascontiguousarray(one) for key, one in state.items()}
        if arrays:
            names[name] = f"{i}.safetensors"
            write(folder / names[name], save(arrays, metadata={"faces": str(kept.faces)}))
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
