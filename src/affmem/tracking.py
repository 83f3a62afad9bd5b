"""Who watches a training: trackers hear its figures and see its pictures, and change nothing."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from affmem.pictures import read
from affmem.protocols import Tracker
from affmem.terms import sample

log = logging.getLogger(__name__)


@contextmanager
def tracked(
    trackers: Mapping[str, Tracker], out: Path, text: str
) -> Iterator[Callable[[Mapping[str, float]], None]]:
    """Within it, the function that it gives tells every tracker the figures of a step, and shows
    them the sample sheet of that step if the folder `out` holds one.

    A tracker that raises is named in the log and hears no more; the training goes on.
    """
    listening = dict(trackers)

    def each(tell: Callable[[Tracker], None]) -> None:
        for name, tracker in trackers.items():
            if name in listening:
                try:
                    tell(tracker)
                except Exception as error:  # noqa: BLE001  (a training outlives whoever watches it)
                    del listening[name]
                    log.warning("tracker %r failed, and hears no more: %s", name, error)

    def told(figures: Mapping[str, float]) -> None:
        step = int(figures["step"])
        values = {name: one for name, one in figures.items() if name not in ("step", "of")}
        each(lambda tracker: tracker.figures(step, dict(values)))
        if (path := sample(out, step)).exists():
            each(lambda tracker: tracker.picture(step, "samples", read(path)))

    each(lambda tracker: tracker.begin(out, text))
    try:
        yield told
    finally:
        each(lambda tracker: tracker.end())
