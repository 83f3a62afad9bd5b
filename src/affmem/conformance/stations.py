"""What an encoder, a reader and an editor keep: all three map rows to rows, purely."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from attrs import frozen
from hypothesis.strategies import SearchStrategy

from affmem.conformance import draws
from affmem.conformance.draws import disturb
from affmem.conformance.subject import Check, Subject, demand, near, refused
from affmem.errors import InputError, PluginError, UserError
from affmem.protocols import Explainable, LatentEditor
from affmem.values import MAPS

Call = Callable[[Any], Any]
SHARE = 0.25
"""Of the examples: networks are slow."""


@frozen
class Verb:
    """A function of rows that a part has."""

    name: str
    call: Call
    shape: tuple[int | None, ...]
    """Of each row that it gives; None: whatever it gave first."""
    bounded: bool = True
    """Whether what it gives lies in [-1, 1]."""


@frozen
class Station:
    """A kind of part that maps rows to rows."""

    verbs: Callable[[Any], Sequence[Verb]]
    """The part's functions of rows."""
    rows: Callable[[int], SearchStrategy[Any]]
    """A few of what they take, at least so many."""
    spoilt: tuple[int, ...]
    """The shape of what they must refuse."""


def station(subject: Subject) -> Station:
    """How a part of this kind is called."""
    match subject.kind:
        case "encoder":
            return Station(_encoding, draws.faces, (2, 96, 96, 3))
        case "reader":
            width = subject.fits(lambda part, codes: part.read(codes))
            return Station(_reading, partial(draws.codes, width), (2, width, 1))
        case _:
            width = subject.fits(_says_codes)
            return Station(partial(_editing, width), draws.affects, (2, 3))


def _encoding(part: Any) -> Sequence[Verb]:
    return [Verb("encode", part.encode, (None,), bounded=False)]


def _reading(part: Any) -> Sequence[Verb]:
    return [Verb("read", part.read, (2,))]


def _editing(width: int, part: Any) -> Sequence[Verb]:
    """Its edits of one face, and their codes where it can say these."""
    face, code = draws.pattern(1), draws.places(width)[1:2].clip(-1, 1)
    verbs = [Verb("edit", lambda affects: part.edit(face, affects), (3, 96, 96))]
    if _says_codes(part, code):
        say = partial(part.edit_codes, code)
        verbs.append(Verb("edit_codes", say, (width,), bounded=False))
    return verbs


def _says_codes(part: Any, codes: Any) -> bool:
    """Whether it can say the codes of its edits; of a width that is not its own: ValueError."""
    if not isinstance(part, LatentEditor):
        return False
    try:
        part.edit_codes(codes, np.zeros((1, 2), np.float32))
    except InputError:  # what it needs is not there
        return False
    return True


def the_same_whenever_asked(subject: Subject) -> None:
    """Whatever it was asked before, and built anew too, it answers the same, to within rounding;
    what it is given stays as it was."""
    one = station(subject)

    def check(config: Any, rows: Any, others: Any) -> None:
        given, found = rows.copy(), []
        for seed in (1, 2):
            disturb(seed)
            verbs = one.verbs(subject.build(config))
            for _ in range(2):
                found.append({verb.name: verb.call(given) for verb in verbs})
                for verb in verbs:
                    verb.call(others)
        for other in found[1:]:
            near(found[0], other, "asked again")
        demand(given.tobytes() == rows.tobytes(), "it changed what it was given")

    subject.given(check, SHARE / 2, config=subject.configs, rows=one.rows(1), others=one.rows(0))


def alone_or_in_company(subject: Subject) -> None:
    """A row is answered alike alone and among others, to within rounding."""
    one = station(subject)

    def check(config: Any, rows: Any) -> None:
        for verb in one.verbs(subject.build(config)):
            together = verb.call(rows)
            for row in range(len(rows)):
                alone, among = verb.call(rows[row : row + 1]), together[row : row + 1]
                near({verb.name: alone}, {verb.name: among}, f"row {row} alone and among others")

    subject.given(check, SHARE, config=subject.configs, rows=one.rows(2))


def answers_have_their_form(subject: Subject) -> None:
    """It gives a finite float32 row for each row, of no rows none; affects and faces in [-1, 1]."""
    one = station(subject)

    def check(config: Any, rows: Any) -> None:
        for verb in one.verbs(subject.build(config)):
            none, found = verb.call(rows[:0]), verb.call(rows)
            for given, answer in ((rows[:0], none), (rows, found)):
                form = zip(none.shape[1:], verb.shape, strict=True)
                shape = [len(given), *(a if b is None else b for a, b in form)]
                demand(
                    answer.dtype == np.float32 and [*answer.shape] == shape,
                    f"{verb.name}: expected float32{shape}, got {answer.dtype}{[*answer.shape]}",
                )
            demand(np.isfinite(found).all(), f"{verb.name}: an answer is not finite")
            most = np.abs(found).max(initial=0)
            demand(not verb.bounded or most <= 1, f"{verb.name}: an answer of {most:g}")

    subject.given(check, SHARE, config=subject.configs, rows=one.rows(1))


def other_shapes_are_refused(subject: Subject) -> None:
    """Rows of another shape: ValueError."""
    one = station(subject)

    def check(config: Any) -> None:
        wrong = np.zeros(one.spoilt, np.float32)
        for verb in one.verbs(subject.build(config)):
            refused(partial(verb.call, wrong), f"{verb.name}: rows {list(one.spoilt)}")

    subject.given(check, SHARE / 2, config=subject.configs)


def another_encoder_is_refused(subject: Subject) -> None:
    """One that says the codes of its edits says them of one encoder: of another, UserError."""

    def check(config: Any) -> None:
        part = subject.build(config)
        if isinstance(part, LatentEditor):
            refused(lambda: part.check_encoder(_Another()), "an encoder not its own", UserError)

    subject.given(check, SHARE / 2, config=subject.configs)


def maps_are_in_bounds(subject: Subject) -> None:
    """One that can say where it looks gives maps in [0, 1]; the greatest of each is 1, or all 0."""

    def check(config: Any, faces: Any) -> None:
        part = subject.build(config)
        for of in MAPS if isinstance(part, Explainable) else ():
            try:
                maps = part.explain(faces, of)
            except PluginError:  # what it needs is not installed
                continue
            form = f"{maps.dtype}{list(maps.shape)}"
            demand(form == f"float32{[len(faces), 96, 96]}", f"{of}: got {form}")
            greatest = maps.reshape(len(faces), -1).max(axis=1, initial=0)
            demand((maps >= 0).all() and np.isin(greatest, (0, 1)).all(), f"{of}: not in bounds")

    subject.given(check, SHARE / 2, config=subject.configs, faces=draws.faces(least=1, most=2))


class _Another:
    """An encoder that no editor goes with: a face's first pixels."""

    def encode(self, faces: Any) -> Any:
        return faces[:, 0, 0, :50].astype(np.float32)


_ALL: tuple[Check, ...] = (
    the_same_whenever_asked,
    alone_or_in_company,
    answers_have_their_form,
    other_shapes_are_refused,
)
CHECKS: Mapping[str, tuple[Check, ...]] = {
    "encoder": (*_ALL, maps_are_in_bounds),
    "reader": _ALL,
    "editor": (*_ALL, another_encoder_is_refused),
}
