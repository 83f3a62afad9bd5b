"""The page: a run's values and charts put into the template, as one file."""

import base64
import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import final

import numpy as np
import numpy.typing as npt
from attrs import frozen
from jaxtyping import Bool
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image
from plotly.offline import get_plotlyjs

from affmem.errors import InputError
from affmem.files import reason, write
from affmem.pictures import read as read_picture
from affmem.values import DIMENSIONS, Unit
from affmem_report import charts, words
from affmem_report.config import HTMLConfig
from affmem_report.run import SYSTEMS, BySystem, Edits, Metrics, Person, Run, Table, Timing, read

NAME = "report.html"


@final
class HTML:
    """Reporter "html": writes `report.html` into the run's directory."""

    def __init__(self, config: HTMLConfig) -> None:
        self._config = config

    def write(self, run: Path) -> Path:
        target = run / NAME
        write(target, render(read(run), self._config).encode("utf-8", "replace"))
        return target


def render(run: Run, config: HTMLConfig) -> str:
    """The whole page; the same run and config give the same text."""
    templates = Environment(
        loader=PackageLoader("affmem_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"number": words.number, "interval": words.interval}
    (plotly, plotly_hash), script = _plotly(), _source(templates, "report.js")
    shown = [_shown(n, one, config) for n, one in enumerate(run.persons[: config.persons])]
    scatter = charts.scatter(run)
    learning = charts.learning(run)
    dimensions = DIMENSIONS if run.metrics and run.metrics.systems else ()
    return templates.get_template("report.html.j2").render(
        run=run,
        title=config.title or _title(run),
        words=words,
        labels=SYSTEMS,
        dimensions=DIMENSIONS,
        summary=words.summary(run),
        answers={one: pack(charts.answer(run.metrics, one)) for one in dimensions if run.metrics},
        shown=shown,
        faces=any(one.edits for one in run.persons),
        left_out=len(run.persons) - len(shown),
        persons=[
            _row(one, run.metrics.unit if run.metrics else "utterance") for one in run.persons
        ],
        scatter=pack({"chart": scatter[0], "points": scatter[1]}) if scatter else None,
        learning=pack(learning) if learning else None,
        tables=_tables(run.metrics) if run.metrics else {},
        stages=_stages(run.timing) if run.timing else [],
        css=Markup(_source(templates, "report.css")),  # noqa: S704  (our own file)
        script=Markup(script),  # noqa: S704  (our own file)
        plotly=plotly,
        hashes=[_hash(script), plotly_hash],
    )


def pack(value: object) -> str:
    """A value as compressed JSON in base64: small, and no name in it can end a script element."""
    return _pack(json.dumps(value, separators=(",", ":"), allow_nan=False))


def _pack(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


@cache
def _plotly() -> tuple[str, str]:
    """Plotly's script, packed, and its hash: seconds of work, the same for every page."""
    script = get_plotlyjs()
    return _pack(script), _hash(script)


def _hash(script: str) -> str:
    """The script as the page's Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _source(templates: Environment, name: str) -> str:
    loader = templates.loader
    assert loader is not None  # noqa: S101  (`render` gives one)
    return loader.get_source(templates, name)[0]


def _title(run: Run) -> str:
    dataset = run.about.parts.get("dataset")
    return f"Personal affective memory on {dataset}" if dataset else "Personal affective memory"


# --- one person -----------------------------------------------------------------------------


@frozen
class Sheet:
    """A person's edits, ready for the page."""

    face: str | None
    image: str
    rows: Sequence[str]
    columns: Sequence[str]
    ratio: str


@frozen(eq=False)
class Shown:
    """A person with charts of their own."""

    number: int
    person: Person
    sentence: str
    chart: str | None
    step: int
    sheet: Sheet | None


def _shown(number: int, person: Person, config: HTMLConfig) -> Shown:
    chart, step = charts.timeline(person, config.points)
    return Shown(
        number=number,
        person=person,
        sentence=_sentence(person),
        chart=pack(chart) if len(person.frames.time) else None,
        step=step,
        sheet=_sheet(person.edits) if person.edits else None,
    )


def _sentence(person: Person) -> str:
    frames = person.frames
    n = len(frames.time)
    clips = len(person.clips) or len(dict.fromkeys(frames.clip))
    said = f"{words.count(clips, 'clip')}, {words.count(n, 'frame')}"
    if n:
        said += f"; a face was found in {words.share(int(frames.face.sum()), n)} of them"
    units = _last_units(person)
    return said + (f"; {words.count(units, 'neuron')} at the end." if units is not None else ".")


def _last_units(person: Person) -> int | None:
    known = person.frames.units[np.isfinite(person.frames.units)]
    return int(known[-1]) if len(known) else None


def _sheet(edits: Edits) -> Sheet:
    columns = max(1, edits.columns)
    grid = [edits.affects[i : i + columns] for i in range(0, len(edits.affects), columns)]
    regular = bool(grid) and all(
        len(row) == columns
        and len({arousal for arousal, _valence in row}) == 1
        and [valence for _arousal, valence in row] == [valence for _arousal, valence in grid[0]]
        for row in grid
    )
    image, width, height = _image(edits.sheet)
    return Sheet(
        face=_image(edits.face)[0] if edits.face else None,
        image=image,
        rows=[words.number(row[0][0], 1, sign=True) for row in grid] if regular else (),
        columns=[words.number(v, 1, sign=True) for _a, v in grid[0]] if regular else (),
        ratio=f"{width} / {height}",
    )


def _image(path: Path) -> tuple[str, int, int]:
    """A picture as a data URI (WebP: a tenth of a PNG of faces), its width and its height."""
    picture = Image.fromarray(read_picture(path))
    kept = io.BytesIO()
    try:
        picture.save(kept, "WEBP", quality=86, method=4)
    except ValueError as error:  # WebP has no more than 16383 pixels in a row
        raise InputError(path, f"is no sheet of edits ({reason(error)})") from None
    width, height = picture.size
    data = base64.b64encode(kept.getvalue()).decode()
    return f"data:image/webp;base64,{data}", width, height


# --- tables ---------------------------------------------------------------------------------


@frozen
class Row:
    """One line of the table of persons; errors are (arousal, valence)."""

    name: str
    clips: int
    frames: int
    faces: str
    units: int | None
    labelled: int
    pk: tuple[float, float]
    memory: tuple[float, float]


def _row(person: Person, unit: Unit) -> Row:
    frames = person.frames
    if unit == "utterance":
        clips = person.clips
        truth, pk, memory = (
            np.array([getattr(clip, who) for clip in clips], np.float64).reshape(-1, 2)
            for who in ("truth", "pk", "memory")
        )
    else:
        truth, pk, memory = frames.truth, frames.pk, frames.memory
    both = np.isfinite(truth + pk + memory)
    return Row(
        name=person.name,
        clips=len(person.clips) or len(dict.fromkeys(frames.clip)),
        frames=len(frames.time),
        faces=words.share(int(frames.face.sum()), len(frames.time)),
        units=_last_units(person),
        labelled=int(both.all(axis=1).sum()),
        pk=_mean_error(truth, pk, both),
        memory=_mean_error(truth, memory, both),
    )


def _mean_error(
    truth: Table, predicted: Table, where: Bool[npt.NDArray[np.bool_], "n 2"]
) -> tuple[float, float]:
    """Mean absolute error of arousal and of valence, over the rows that both systems answer."""
    error = np.abs(predicted - truth)
    arousal, valence = (
        float(error[where[:, i], i].mean()) if where[:, i].any() else float("nan") for i in (0, 1)
    )
    return arousal, valence


def _tables(metrics: Metrics) -> dict[str, BySystem]:
    """The further figures, by heading."""
    headline = f"{words.label(metrics.headline)}, mean over persons"
    first = {headline: metrics.by_person} if metrics.by_person else {}
    return {**first, **{words.label(name): of for name, of in metrics.metrics.items()}}


@frozen
class Stage:
    """Where some of the time went."""

    name: str
    seconds: float
    share: float
    per_frame_ms: float | None


def _stages(timing: Timing) -> list[Stage]:
    """Each stage in the order of the road, and what lies between them."""
    seconds = {words.STAGES.get(name, name): value for name, value in timing.seconds.items()}
    rest = timing.total_seconds - sum(seconds.values())
    if rest > 0.005 * timing.total_seconds:
        seconds["everything else"] = rest
    whole = max(timing.total_seconds, sum(seconds.values())) or 1.0
    return [
        Stage(name, value, value / whole, 1000 * value / timing.frames if timing.frames else None)
        for name, value in seconds.items()
    ]
