"""What was watched as a run directory, which `affmem report` opens (`affmem.run`)."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import final

from affmem.catalogue import catalogue
from affmem.directory import check_empty, held
from affmem.experiment import METRICS, Watching, dumps
from affmem.files import write
from affmem.protocols import Metric, Runtime
from affmem.run import (
    as_json,
    begun,
    logged,
    remember,
    scored,
    status,
    timed,
    write_steps,
)
from affmem.session import Session
from affmem.values import Clip, Step
from affmem.watch import Look


@final
class Record:
    """Keeps what was said of those who agreed: a clip each; of nobody else, nothing.

    A picture in which a known person was not seen has no row of theirs. Steps are held until it is
    closed, some 300 bytes each.
    """

    def __init__(self, out: Path, experiment: Watching, source: str, session: Session) -> None:
        """Raises InputError where `out` is no new or empty folder, or what the reporter's does."""
        check_empty(out)
        self._reporter = experiment.report.build(Runtime())
        out.mkdir(parents=True, exist_ok=True)
        self._out, self._experiment, self._session = out, experiment, session
        self._source = source
        self._clips: dict[str, Clip] = {}
        self._steps: list[Step] = []
        self._began = perf_counter()
        notes = [f"watched live: {source}; nothing of it is labelled, and nothing is scored"]
        about = begun(experiment, datetime.now(UTC), notes)
        with ExitStack() as lock:
            lock.enter_context(held(out))
            with ExitStack() as going:
                going.enter_context(logged(out))
                going.enter_context(status(out, about))
                write(out / "experiment.toml", f"# affmem watch {source}\n{dumps(experiment)}")
                self._going = going.pop_all()
            self._lock = lock.pop_all()

    def see(self, look: Look) -> None:
        """Add a look."""
        for one in look.sightings:
            if one.person is not None:
                clip = self._clips.setdefault(
                    one.person, Clip(f"{self._source} {one.person}", one.person)
                )
                self._steps.append(
                    Step(
                        clip, look.time, face=True, pk=one.pk, memory=one.memory,
                        activation=one.activation, units=one.units, truth=None,
                    )
                )  # fmt: skip

    def close(self) -> None:
        """Write all of it, and its report; whoever was forgotten meanwhile is left out."""
        with self._lock:  # until the report is there: nobody is erased in between
            with self._going:
                people = self._session.people
                steps = [one for one in self._steps if one.clip.person in people]
                steps.sort(key=lambda step: step.clip.name)
                write_steps(self._out, steps)
                runtime = Runtime(seed=self._experiment.seed)
                figures = scored(steps, "frame", _metrics(runtime), 1, runtime)
                write(self._out / "metrics.json", as_json(figures))
                seen = {name: people[name].kept() for name in self._clips if name in people}
                remember(seen, self._out / "memories")
                timing = timed(self._session.clock, perf_counter() - self._began, len(steps))
                write(self._out / "timing.json", as_json(timing))
            self._reporter.write(self._out)


def _metrics(runtime: Runtime) -> Mapping[str, Metric]:
    found = catalogue()
    return {name: found.config("metric", name)().build(runtime) for name in METRICS}
