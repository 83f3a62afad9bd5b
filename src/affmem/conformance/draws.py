"""What parts are given: strategies for codes and their affects, faces, pictures and settings."""

import random
import sys
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import numpy as np
from attrs import evolve, fields, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from affmem.conformance.subject import shown, unchecked
from affmem.values import Affects, Codes, Face, Faces, Image

PLACES = 64
"""How many different codes a stream is made of; so that some come again."""


@frozen(eq=False, repr=False)
class Stream:
    """Codes, some of them labelled."""

    codes: Codes
    affects: Affects

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"(codes {shown(self.codes, 150)}, affects {shown(self.affects, 150)})"


def places(width: int) -> Codes:
    """The codes that streams are made of; the first is 0."""
    codes = np.random.default_rng(0).normal(size=(PLACES, width)).round(2)
    codes[0] = 0
    return codes.astype(np.float32)


def codes(width: int, least: int = 0, most: int = 6) -> SearchStrategy[Codes]:
    """A few codes [n, width]."""
    rows = st.lists(st.integers(0, PLACES - 1), min_size=least, max_size=most)
    return rows.map(lambda chosen: places(width)[chosen])


level = st.integers(-20, 20).map(lambda n: n / 20)


def affects(least: int = 0, most: int = 5) -> SearchStrategy[Affects]:
    """A few affects [n, 2]."""
    rows = st.lists(st.tuples(level, level), min_size=least, max_size=most)
    return rows.map(lambda chosen: np.array(chosen, np.float32).reshape(-1, 2))


def streams(width: int, least: int = 0, most: int = 40) -> SearchStrategy[Stream]:
    """So many codes, some labelled."""
    unlabelled = st.just((float("nan"), float("nan")))
    row = st.tuples(st.integers(0, PLACES - 1), unlabelled | st.tuples(level, level))

    def stream(rows: list[Any]) -> Stream:
        chosen, labels = [place for place, _ in rows], [label for _, label in rows]
        return Stream(places(width)[chosen], np.array(labels, np.float32).reshape(-1, 2))

    return st.lists(row, min_size=least, max_size=most).map(stream)


def lived(width: int, rows: int) -> Stream:
    """A long stream: codes about a few centres that drift; every other row is labelled."""
    rng = np.random.default_rng(0)
    centres = (
        np.linspace(0, 3, rows)[:, None] + rng.normal(size=(6, width))[rng.integers(6, size=rows)]
    )
    labels = rng.uniform(-1, 1, (rows, 2))
    labels[::2] = np.nan
    drawn = centres + 0.2 * rng.normal(size=(rows, width))
    return Stream(drawn.astype(np.float32), labels.astype(np.float32))


def faces(least: int = 0, most: int = 3) -> SearchStrategy[Faces]:
    """A few faces [n, 3, 96, 96]: coarse patterns by lot."""
    seeds = st.lists(st.integers(0, 2**16), min_size=least, max_size=most)
    return seeds.map(
        lambda few: np.array([pattern(one) for one in few], np.float32).reshape(-1, 3, 96, 96)
    )


def pattern(seed: int) -> Face:
    """A face: a coarse pattern by lot."""
    coarse = np.random.default_rng(seed).uniform(-1, 1, (3, 12, 12))
    return np.kron(coarse, np.ones((8, 8))).astype(np.float32)


def pictures(most: int = 3) -> SearchStrategy[list[Image]]:
    """A few pictures of any size: patterns by lot, or of one colour."""
    side = st.integers(1, 120)
    picture = st.tuples(side, side, st.integers(0, 2**16), st.booleans()).map(_picture)
    return st.lists(picture, max_size=most)


def _picture(drawn: tuple[int, int, int, bool]) -> Image:
    height, width, seed, flat = drawn
    rng = np.random.default_rng(seed)
    size = (1, 1, 3) if flat else (height, width, 3)
    return np.ascontiguousarray(
        np.broadcast_to(rng.integers(0, 256, size, np.uint8), (height, width, 3))
    )


def variants(config: Any) -> list[Any]:
    """The config, and others that differ from it in one setting and that its class takes."""
    found = [config]
    for one in fields(type(config)):
        if one.init:
            for value in _near(getattr(config, one.name), one.type):
                try:
                    with unchecked():  # the class itself says what it takes
                        found.append(evolve(config, **{one.alias: value}))
                except (ValueError, TypeError):
                    continue
    return found


def _near(value: object, kind: Any) -> list[Any]:
    """Other values that a setting might have."""
    choices = [
        choice
        for member in (kind, *get_args(kind))
        if get_origin(member) is Literal
        for choice in get_args(member)
    ]
    optional = [None] if NoneType in get_args(kind) else []
    match value:
        case bool():
            return [not value]
        case int():
            return [*choices, *optional, value + 1, value - 1, 2]
        case float():
            return [*choices, *optional, value / 2, value * 2, 1.0]
        case _:
            return [*choices, *optional]


def disturb(seed: int) -> None:
    """Set the random streams that all of a process shares, which no part may draw from."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (the shared stream itself)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
