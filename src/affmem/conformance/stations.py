"""What an encoder, a reader and an editor keep: all three map rows to rows, purely."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from attrs import frozen
from hypothesis.strategies import SearchStrategy

from affmem.conformance import draws
from affmem.conformance.draws import disturb
from affmem.conformance.subject import Check, Subject, demand, near, refused
from affmem.errors import PluginError
from affmem.protocols import Explainable
from affmem.values import MAPS

Call = Callable[[Any], Any]
SHARE = 0.25
"""Of the examples: networks are slow."""


@frozen
class Station:
    """A kind of part that maps rows to rows."""

    call: Callable[[Any], Call]
    """The part's function of rows."""
    rows: Callable[[int], SearchStrategy[Any]]
    """A few of what it takes, at least so many."""
    shape: tuple[int | None, ...]
    """Of each row that it gives; None: whatever it gave first."""
    spoilt: tuple[int, ...]
    """The shape of what it must refuse."""


def station(subject: Subject) -> Station:
    """How a part of this kind is called."""
    match subject.kind:
        case "encoder":
            return Station(lambda part: part.encode, draws.faces, (None,), (2, 96, 96, 3))
        case "reader":
            width = subject.fits(lambda part, codes: part.read(codes))
            rows = partial(draws.codes, width)
            return Station(lambda part: part.read, rows, (2,), (2, width, 1))
        case _:
            return Station(_edit, draws.affects, (3, 96, 96), (2, 3))


def the_same_whenever_asked(subject: Subject) -> None:
    """Whatever it was asked before, and built anew too, it answers the same, to within rounding;
    what it is given stays as it was."""
    one = station(subject)

    def check(config: Any, rows: Any, others: Any) -> None:
        given, found = rows.copy(), []
        for seed in (1, 2):
            disturb(seed)
            call = one.call(subject.build(config))
            for _ in range(2):
                found.append({"answer": call(given)})
                call(others)
        for other in found[1:]:
            near(found[0], other, "asked again")
        demand(given.tobytes() == rows.tobytes(), "it changed what it was given")

    subject.given(check, SHARE / 2, config=subject.configs, rows=one.rows(1), others=one.rows(0))


def alone_or_in_company(subject: Subject) -> None:
    """A row is answered alike alone and among others, to within rounding."""
    one = station(subject)

    def check(config: Any, rows: Any) -> None:
        call = one.call(subject.build(config))
        together = call(rows)
        for row in range(len(rows)):
            alone, among = call(rows[row : row + 1]), together[row : row + 1]
            near({"answer": alone}, {"answer": among}, f"row {row} alone and among others")

    subject.given(check, SHARE, config=subject.configs, rows=one.rows(2))


def answers_have_their_form(subject: Subject) -> None:
    """It gives a finite float32 row for each row, of no rows none; affects and faces in [-1, 1]."""
    one = station(subject)

    def check(config: Any, rows: Any) -> None:
        call = one.call(subject.build(config))
        none, found = call(rows[:0]), call(rows)
        for given, answer in ((rows[:0], none), (rows, found)):
            shape = tuple(a if b is None else b for a, b in zip(none.shape[1:], one.shape, strict=True))  # fmt: skip  # noqa: E501
            demand(
                answer.dtype == np.float32 and answer.shape == (len(given), *shape),
                f"expected float32{[len(given), *shape]}, got {answer.dtype}{list(answer.shape)}",
            )
        demand(np.isfinite(found).all(), "an answer is not finite")
        if subject.kind != "encoder":
            demand((np.abs(found) <= 1).all(), f"an answer of {np.abs(found).max(initial=0):g}")

    subject.given(check, SHARE, config=subject.configs, rows=one.rows(1))


def other_shapes_are_refused(subject: Subject) -> None:
    """Rows of another shape: ValueError."""
    one = station(subject)

    def check(config: Any) -> None:
        call, wrong = one.call(subject.build(config)), np.zeros(one.spoilt, np.float32)
        refused(lambda: call(wrong), f"rows {list(one.spoilt)}")

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


def _edit(part: Any) -> Call:
    """Its edits of one face."""
    face = draws.pattern(1)
    return lambda affects: part.edit(face, affects)


_ALL: tuple[Check, ...] = (
    the_same_whenever_asked,
    alone_or_in_company,
    answers_have_their_form,
    other_shapes_are_refused,
)
CHECKS: Mapping[str, tuple[Check, ...]] = {
    "encoder": (*_ALL, maps_are_in_bounds),
    "reader": _ALL,
    "editor": _ALL,
}
