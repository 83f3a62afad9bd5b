"""A person's clips, one after the other."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from affmem_report.run import Frames, Person, Series, Table


def end_to_end(frames: Frames) -> tuple[Series, list[tuple[float, float]]]:
    """Each frame's place in seconds where the clips stand end to end; each clip's start and end."""
    at = np.zeros(len(frames.time))
    spans: list[tuple[float, float]] = []
    start = 0.0
    for first, last in stretches(frames.clip):
        time = frames.time[first:last]
        between = float(np.median(np.diff(time))) if len(time) > 1 else 0.04
        at[first:last] = start + time - time[0]
        end = start + float(time[-1] - time[0]) + between
        spans.append((round(start, 2), round(end, 2)))
        start = end
    return at, spans


def stretches(names: Sequence[str]) -> list[tuple[int, int]]:
    """First row, and the one after the last, of each run of equal names.

    >>> stretches("aab")
    [(0, 2), (2, 3)]
    """
    cuts = [0, *(i for i in range(1, len(names)) if names[i] != names[i - 1]), len(names)]
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def labels(person: Person) -> Table:
    """The label of each frame: its own, or else its clip's."""
    frames = person.frames
    by_clip = {clip.name: clip.truth for clip in person.clips}
    unknown = np.full(2, np.nan)
    whole = np.array([by_clip.get(name, unknown) for name in frames.clip]).reshape(-1, 2)
    return np.where(np.isfinite(frames.truth), frames.truth, whole)
