"""A run as a recording that the Rerun viewer plays: what was said of each person, over time.

    persons/NAME/arousal/pk       likewise memory and label, and valence: numbers over time
    persons/NAME/activation       of the best-matching unit, and units: how many there are
    persons/NAME/plane/pk         likewise memory and label: points (valence, -arousal), since the
                                  viewer's planes have y downwards
    persons/NAME/clip             where each clip begins
    persons/NAME/edits            where the run holds such pictures: the face, and its edits

There are two timelines, both in seconds: `time`, as in frames.csv, and `watched`, the clips of
the person end to end. The library holds all of it in memory, and sends nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import numpy as np
import numpy.typing as npt
import rerun as rr
import rerun.blueprint as rrb
from jaxtyping import Bool

from affmem.files import write
from affmem.pictures import read as read_picture
from affmem.values import DIMENSIONS
from affmem_report.clips import end_to_end, labels, stretches
from affmem_report.config import RerunConfig
from affmem_report.run import Edits, Person, Run, Series, Table, read

NAME = "report.rrd"
LOOKS: Final = {
    "label": ("label", (150, 160, 175)),
    "pk": ("PK", (240, 147, 74)),
    "memory": ("P-AffMem", (93, 184, 240)),
}
"""Name and colour of each series; the viewer is dark unless told otherwise."""
TRAIL: Final = 2.0
"""Seconds of readings that stand in the plane."""
Rows = Bool[npt.NDArray[np.bool_], " n"]


@final
class Rerun:
    """Reporter "rerun": writes `report.rrd` into the run's directory."""

    def __init__(self, config: RerunConfig) -> None:
        self._config = config

    def write(self, run: Path) -> Path:
        target = run / NAME
        write(target, recorded(read(run), self._config))
        return target


def recorded(run: Run, config: RerunConfig) -> bytes:
    """What the file holds. It bears an identity of its own: the viewer merges equal ones."""
    stream = rr.RecordingStream("affmem", send_properties=False)
    kept = stream.memory_recording()
    stream.send_recording_name(run.folder.absolute().name)
    for person in run.persons:
        _record(stream, person)
    single = all(len(stretches(one.frames.clip)) <= 1 for one in run.persons)
    timeline = "time" if single else "watched"
    views = [_views(one, timeline) for one in run.persons[: config.persons]]
    stream.send_blueprint(
        rrb.Blueprint(rrb.Tabs(*views), rrb.TimePanel(timeline=timeline), collapse_panels=True)
    )
    return kept.drain_as_bytes()


def _record(stream: rr.RecordingStream, person: Person) -> None:
    frames, name = person.frames, person.name
    watched, _ = end_to_end(frames)

    def send(path: Sequence[str], rows: Rows, columns: rr.ComponentColumnList) -> None:
        indexes = [
            rr.TimeColumn(one, duration=np.round(at[rows] * 1e6).astype("timedelta64[us]"))
            for one, at in (("time", frames.time), ("watched", watched))
        ]
        stream.send_columns(_path(name, *path), indexes, columns, strict=True)

    def line(values: Series, where: Rows, look: str, *path: str) -> None:
        rows = where & np.isfinite(values)
        if rows.any():
            called, colour = LOOKS[look]
            drawn = rr.SeriesLines(names=[called], colors=[colour])
            stream.log(_path(name, *path), drawn, static=True, strict=True)
            send(path, rows, rr.Scalars.columns(scalars=values[rows]))

    def points(affects: Table, where: Rows, look: str) -> None:
        rows = where & np.isfinite(affects).all(axis=1)
        if rows.any():
            drawn = rr.Points2D.from_fields(colors=[LOOKS[look][1]], radii=[0.02])
            stream.log(_path(name, "plane", look), drawn, static=True, strict=True)
            at = affects[rows] @ np.array([[0, -1], [1, 0]])
            send(("plane", look), rows, rr.Points2D.columns(positions=at))

    always = np.ones(len(frames.time), bool)
    said = {
        "label": (labels(person), always),
        "pk": (frames.pk, frames.face),
        "memory": (frames.memory, frames.face),
    }
    for look, (affects, where) in said.items():
        for i, dimension in enumerate(DIMENSIONS):
            line(affects[:, i], where, look, dimension, look)
        points(affects, where, look)
    line(frames.activation, frames.face, "memory", "activation")
    line(frames.units, always, "memory", "units")
    cross = rr.LineStrips2D([[[-1, 0], [1, 0]], [[0, -1], [0, 1]]], colors=[LOOKS["label"][1]])
    stream.log(_path(name, "plane", "axes"), cross, static=True, strict=True)
    starts = [first for first, _ in stretches(frames.clip)]
    if starts:
        begins = np.isin(np.arange(len(frames.time)), starts)
        texts = [frames.clip[first] for first in starts]
        send(("clip",), begins, rr.TextLog.columns(text=texts))
    if person.edits is not None:
        _record_edits(stream, name, person.edits)


def _record_edits(stream: rr.RecordingStream, name: str, edits: Edits) -> None:
    for called, file in _pictures(edits):
        picture = rr.Image(read_picture(file)).compress(jpeg_quality=90)
        stream.log(_path(name, "edits", called), picture, static=True, strict=True)


def _pictures(edits: Edits) -> list[tuple[str, Path]]:
    face = [] if edits.face is None else [("face", edits.face)]
    return [*face, ("sheet", edits.sheet)]


def _views(person: Person, timeline: str) -> rrb.Horizontal:
    """A person's tab."""

    def series(what: str, low: float, high: float | None = None) -> rrb.TimeSeriesView:
        axis = None if high is None else rrb.ScalarAxis(range=(low, high))
        return rrb.TimeSeriesView(origin=_path(person.name, what), name=what, axis_y=axis)

    trail = rrb.VisibleTimeRange(
        timeline,
        start=rrb.TimeRangeBoundary.cursor_relative(seconds=-TRAIL),
        end=rrb.TimeRangeBoundary.cursor_relative(),
    )
    plane = rrb.Spatial2DView(
        origin=_path(person.name, "plane"),
        name="plane: arousal upwards, valence to the right",
        visual_bounds=rrb.VisualBounds2D(x_range=(-1.1, 1.1), y_range=(-1.1, 1.1)),
        time_ranges=[trail],
    )
    sheets = [
        rrb.Spatial2DView(origin=_path(person.name, "edits", one), name=one)
        for one, _ in (_pictures(person.edits) if person.edits else ())
    ]
    clips = rrb.TextLogView(origin=_path(person.name, "clip"), name="clips")
    lines = [series(one, -1.05, 1.05) for one in DIMENSIONS]
    lines += [series("units", 0), series("activation", 0, 1.05)]
    right = rrb.Vertical(plane, rrb.Tabs(clips, *sheets), row_shares=[2, 1])
    return rrb.Horizontal(rrb.Vertical(*lines), right, name=person.name)


def _path(person: str, *parts: str) -> str:
    """Where something of a person stands; whatever the name is, it is one part of it."""
    return rr.new_entity_path(["persons", person, *parts])
