"""The figures of an ablation's rows: how they read affect, and what their edits are like.

Of edits there are four: whether a judge reads in them the affect asked for; whether they are the
same person to an encoder that tells persons apart; and how sharp they are. Each has a 95 %
bootstrap interval over persons; of several seeds it is the mean.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import frozen

from affmem import sheets
from affmem.ablation import Ablation
from affmem.catalogue import catalogue
from affmem.errors import ExperimentError, PluginError
from affmem.gallery import Sheet
from affmem.interval import bootstrap
from affmem.protocols import Encoder, Metric, Runtime
from affmem.start import Start, plane
from affmem.values import DIMENSIONS, Affects, Codes, Faces, Values

log = logging.getLogger("affmem")

Figures = dict[str, Any]
EDITED = 40
"""Of how many test faces edits are judged, spread over all of them; each with so many affects:"""
ASKED = 25
KNOWN = 5
"""To how many of a face's edits the slower encoder of persons looks."""
SHEETS = 2
"""Of how many test faces the sheets show edits and maps."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Shares of red, green and blue in how bright a pixel looks (ITU-R BT.601)."""


@frozen
class Judges:
    """Who looks at edits, but for the row that the ablation names."""

    identity: Encoder | None
    missing: str
    """Why there is no `identity`."""


@frozen(eq=False)
class Tested:
    """The test faces, what they show, and whose they are."""

    faces: Faces
    truth: Affects
    persons: Sequence[str]


def judges(ablation: Ablation) -> Judges:
    """Raises PluginError where the ablation names an identity encoder that cannot be had."""
    runtime = Runtime(device=ablation.training.device)
    if ablation.identity is not None:
        return Judges(ablation.identity.build(runtime), "")
    try:
        return Judges(catalogue().config("encoder", "identity")().build(runtime), "")
    except PluginError as error:
        return Judges(None, str(error))


def score(
    ablation: Ablation, folders: Sequence[Sequence[Path]], found: Judges
) -> tuple[Figures, dict[str, Sheet]]:
    """A row of the table for each row of the ablation, whose seeds were trained in `folders`; and
    sheets of some test faces: their "edits", and "maps" of where each row's encoder looks."""
    tested = _tested(ablation)
    names = [row.name for row in ablation.rows]
    judge = _pk(folders[names.index(ablation.judge)][0]) if ablation.judge else None
    ccc: Metric = catalogue().config("metric", "ccc")().build(Runtime())
    some = np.linspace(0, len(tested.faces) - 1, min(EDITED, len(tested.faces))).astype(int)
    originals = Tested(tested.faces[some], tested.truth[some], [tested.persons[i] for i in some])
    asked = plane(Start(edits=ASKED), np.random.default_rng(0))
    codes = found.identity.encode(originals.faces) if found.identity else None
    shown = originals.faces[np.linspace(0, len(some) - 1, SHEETS).astype(int)]
    rows, edited, looked = [], {}, {}
    for row, of_row in zip(ablation.rows, folders, strict=True):
        networks = [_pk(folder) for folder in of_row]
        read = [pk.read(pk.encode(tested.faces)) for pk in networks]
        figures: Figures = {"name": row.name, "terms": list(row.terms)}
        for column, dimension in enumerate(DIMENSIONS):
            figures[dimension] = _agreement(
                ccc, tested.truth[:, column], [one[:, column] for one in read], tested.persons,
                ablation.resamples,
            )  # fmt: skip
        draws = "reconstruction" in row.terms
        looked[row.name] = sheets.looks(networks[0], networks[0] if draws else None, shown)
        if draws:
            edits = [np.stack([pk.edit(x, asked) for x in originals.faces]) for pk in networks]
            of_edits = figures["edits"] = {}
            if judge is not None:
                back = [_each(lambda x: judge.read(judge.encode(x)), one) for one in edits]
                for column, dimension in enumerate(DIMENSIONS):
                    wanted = np.tile(asked[:, column], (len(some), 1))
                    of_edits[dimension] = _agreement(
                        ccc, wanted, [one[..., column] for one in back], originals.persons,
                        ablation.resamples,
                    )  # fmt: skip
            of_edits["sharpness"] = _mean(
                [_each(sharpness, one).mean(1) for one in edits], originals.persons,
                ablation.resamples, "ratio", sharpness(originals.faces),
            )  # fmt: skip
            if found.identity is not None and codes is not None:
                kept = [_each(found.identity.encode, one[:, :: ASKED // KNOWN]) for one in edits]
                apart = [np.linalg.norm(one - codes[:, None], axis=-1).mean(1) for one in kept]
                of_edits["identity"] = _mean(
                    apart, originals.persons, ablation.resamples, "distance"
                )
            edited[row.name] = sheets.edits(networks[0], shown)
        if row.paper:
            figures["paper"] = dict(zip(DIMENSIONS, row.paper, strict=True))
        rows.append(figures)
    table: Figures = {"seeds": list(ablation.seeds), "rows": rows}
    if found.identity is None:
        table["missing"] = {"identity": found.missing}
    elif codes is not None:
        table["identity"] = _reference(found.identity, codes, originals.persons, tested)
    if missing := next(iter(looked.values()))[0].missing:
        log.info("maps have activation alone: %s", missing)
    drawn = {"maps": sheets.sheet_of_looks(looked)}
    if edited:
        drawn["edits"] = sheets.sheet_of_edits(edited)
    return table, drawn


def sharpness(faces: Faces) -> Values:
    """The variance of the Laplacian of each face's brightness (Pech-Pacheco et al. 2000): the
    larger, the more fine detail, or noise.

    >>> sharpness(np.zeros((1, 3, 96, 96), np.float32)).tolist()
    [0.0]
    """
    x = np.tensordot(faces, LUMA, (1, 0))
    inner = x[:, 1:-1, 1:-1]
    around = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
    varied: Values = (around - 4 * inner).var(axis=(1, 2)).astype(np.float64)
    return varied


def _agreement(
    ccc: Metric,
    truth: npt.NDArray[np.float32],
    read: Sequence[npt.NDArray[np.float32]],
    persons: Sequence[str],
    resamples: int,
) -> Figures:
    """The mean CCC over seeds; each row of the arrays is one face's."""

    def mean(rows: npt.NDArray[np.int64]) -> float:
        return float(np.mean([ccc(truth[rows].ravel(), one[rows].ravel()) for one in read]))

    return _interval(mean, persons, resamples, "ccc")


def _mean(
    values: Sequence[npt.NDArray[Any]],
    persons: Sequence[str],
    resamples: int,
    name: str,
    over: npt.NDArray[Any] | None = None,
) -> Figures:
    """The mean over faces and seeds; as a ratio to that of `over`, where given."""
    of_face = np.mean(values, axis=0)
    under = np.ones(len(of_face)) if over is None else over

    def mean(rows: npt.NDArray[np.int64]) -> float:
        whole = float(under[rows].mean())
        return float(of_face[rows].mean()) / whole if whole > 0 else float("nan")

    return _interval(mean, persons, resamples, name)


def _interval(
    statistic: Callable[[npt.NDArray[np.int64]], float],
    persons: Sequence[str],
    resamples: int,
    name: str,
) -> Figures:
    found = bootstrap(statistic, persons, resamples, Runtime(seed=1).rng("bootstrap"))
    values = {name: found.value, "low": found.low, "high": found.high}
    return {key: round(one, 4) if np.isfinite(one) else None for key, one in values.items()}


def _each(seen: Callable[[Any], npt.NDArray[Any]], edits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What is seen in the edits [faces, affects, 3, 96, 96], of each face and affect."""
    return np.stack([seen(of_face) for of_face in edits])


def _reference(
    identity: Encoder, codes: Codes, persons: Sequence[str], tested: Tested
) -> dict[str, float | None]:
    """How far apart two faces of one person are, and of two: what distances are to be held to."""
    others = identity.encode(tested.faces)
    whose = np.array(tested.persons)
    apart = np.linalg.norm(codes[:, None] - others[None], axis=-1)
    same = np.array(persons)[:, None] == whose[None]
    pairs = {"one person": apart[same & (apart > 0)], "two persons": apart[~same]}
    return {name: round(float(of.mean()), 4) if len(of) else None for name, of in pairs.items()}


def _tested(ablation: Ablation) -> Tested:
    runtime = Runtime(seed=ablation.training.seed + 1_000_003)
    dataset = ablation.test.build(runtime)
    finder = ablation.training.faces.build(runtime)
    faces, truth, persons = [], [], []
    for clip in dataset.clips():
        frames = list(dataset.frames(clip))
        found = finder.find(frame.image for frame in frames)
        for frame, face in zip(frames, found, strict=True):
            label = frame.affect or clip.affect
            if face is not None and label is not None:
                faces.append(face)
                truth.append((label.arousal, label.valence))
                persons.append(clip.person)
    if not faces:
        raise ExperimentError([f"test: dataset {ablation.test.use!r} has no labelled face"])
    return Tested(np.stack(faces), np.array(truth, np.float32), persons)


def _pk(folder: Path) -> Any:  # noqa: ANN401  (encoder, reader and editor in one)
    config = catalogue().config("encoder", "pk")(checkpoint=folder / "best.safetensors")
    return config.build(Runtime())
