"""What a memory keeps."""

import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from time import process_time
from typing import Any

import numpy as np
from attrs import asdict
from hypothesis import strategies as st
from safetensors.numpy import load, save

from affmem.conformance import machine
from affmem.conformance.draws import Stream, disturb, lived, streams
from affmem.conformance.subject import Check, Subject, demand, equal, near, refused
from affmem.protocols import Memory
from affmem.values import Codes, Reading

EARLY, LATE, CHUNK, TIMES = 60, 960, 20, 5
"""After how many rows growth is measured; by so many rows, and the least of so many times."""
SLACK_STATE, SLACK_BYTES, SLACK_SECONDS = 2048, 16_384, 0.0005


def same_settings_same_memory(subject: Subject) -> None:
    """Built twice with one seed and taught alike, it is the same, bit for bit."""

    def check(config: Any, stream: Stream) -> None:
        disturb(1)
        one = taught(subject, config, stream)
        disturb(2)
        other = taught(subject, config, stream)
        equal(one.state(), other.state(), "state of two taught alike")
        equal(said(one, stream.codes), said(other, stream.codes), "what two taught alike say")

    subject.given(check, config=subject.configs, stream=streams(width(subject)))


def rows_at_once_or_in_parts(subject: Subject) -> None:
    """Rows given at once, or in parts, teach it the same, to within rounding."""

    def check(config: Any, stream: Stream, cuts: list[int]) -> None:
        whole, parts = taught(subject, config, stream), subject.build(config)
        bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
        for begin, end in pairwise(bounds):
            parts.partial_fit(stream.codes[begin:end], stream.affects[begin:end])
        near(whole.state(), parts.state(), "state after rows at once and in parts")
        near(said(whole, stream.codes), said(parts, stream.codes), "what it says after that")

    cuts = st.lists(st.integers(0, 40), min_size=1, max_size=4)
    subject.given(check, config=subject.configs, stream=streams(width(subject)), cuts=cuts)


def read_alone_or_in_company(subject: Subject) -> None:
    """A code is read alike alone and among others, to within rounding."""

    def check(config: Any, stream: Stream) -> None:
        memory = taught(subject, config, stream)
        together = said(memory, stream.codes[:6])
        for row in range(len(stream.codes[:6])):
            alone = said(memory, stream.codes[row : row + 1])
            among = {name: array[row : row + 1] for name, array in together.items()}
            near(alone, among, f"row {row} alone and among others")

    subject.given(check, config=subject.configs, stream=streams(width(subject)))


def predict_changes_nothing(subject: Subject) -> None:
    """`predict` changes neither its state, nor what it says next, nor the codes it is given."""

    def check(config: Any, stream: Stream) -> None:
        memory = taught(subject, config, stream)
        before, codes = memory.state(), stream.codes.copy()
        first = said(memory, codes)
        equal(before, memory.state(), "state before and after predict")
        equal(first, said(memory, codes), "what it says the first and the second time")
        demand(codes.tobytes() == stream.codes.tobytes(), "predict changed the codes it was given")

    subject.given(check, config=subject.configs, stream=streams(width(subject)))


def readings_are_in_bounds(subject: Subject) -> None:
    """What it says is a `Reading` in bounds: affects in [-1, 1] or NaN, activations in [0, 1]."""

    def check(config: Any, stream: Stream, far: float) -> None:
        memory = subject.build(config)
        codes = stream.codes * np.float32(far)
        for _ in range(2):
            in_bounds(memory.predict(codes), len(stream), len(memory))
            memory.partial_fit(codes, stream.affects)

    far = st.sampled_from([1.0, 0.0, 100.0])
    subject.given(check, config=subject.configs, stream=streams(width(subject)), far=far)


def restored_it_goes_on_alike(subject: Subject) -> None:
    """Its state, kept as safetensors and restored into another, makes that the same memory."""

    def check(config: Any, stream: Stream, cut: int, other: Stream) -> None:
        memory = taught(subject, config, Stream(stream.codes[:cut], stream.affects[:cut]))
        restored = taught(subject, config, other)
        restored.restore(load(save(memory.state())))
        equal(memory.state(), restored.state(), "state kept and restored")
        for one in (memory, restored):
            one.partial_fit(stream.codes[cut:], stream.affects[cut:])
        equal(memory.state(), restored.state(), "state after the same rows more")
        equal(said(memory, stream.codes), said(restored, stream.codes), "what both say")
        demand(len(memory) == len(restored), f"len(): {len(memory)} and {len(restored)}")

    wide = width(subject)
    subject.given(
        check,
        config=subject.configs,
        stream=streams(wide),
        cut=st.integers(0, 40),
        other=streams(wide, most=10),
    )


def its_state_is_a_copy(subject: Subject) -> None:
    """Changing the arrays that `state` gave, or that `restore` was given, changes nothing of it."""

    def check(config: Any, stream: Stream) -> None:
        memory, other = taught(subject, config, stream), subject.build(config)
        before = {name: array.copy() for name, array in memory.state().items()}
        given = memory.state()
        other.restore(given)
        for array in (*memory.state().values(), *given.values()):
            if array.flags.writeable:
                array.fill(7)
        equal(before, memory.state(), "after the arrays that state() gave were changed")
        equal(before, other.state(), "after the arrays that restore() was given were changed")

    subject.given(check, config=subject.configs, stream=streams(width(subject)))


SPOILT: Mapping[str, Callable[[Codes], Codes]] = {
    "a code with NaN": lambda codes: _with(codes, np.nan),
    "a code with inf": lambda codes: _with(codes, np.inf),
    "codes of another width": lambda codes: np.hstack([codes, codes[:, :1]]),
    "codes that are no [n, d]": lambda codes: codes.ravel(),
}


def what_is_no_code_is_refused(subject: Subject) -> None:
    """Codes with NaN or inf, of another width or shape, or with affects too many: ValueError,
    and nothing is learnt."""

    def check(config: Any, stream: Stream, what: str) -> None:
        memory = taught(subject, config, stream)
        before, row = memory.state(), np.ones((2, wide), np.float32)
        if not len(stream):
            memory.partial_fit(row)
            before = memory.state()
        if what == "affects of another length":
            affects = np.zeros((3, 2), np.float32)
            refused(lambda: memory.partial_fit(row, affects), what)
        else:
            codes = SPOILT[what](row)
            refused(lambda: memory.partial_fit(codes), f"{what} to learn")
            refused(lambda: memory.predict(codes), f"{what} to read")
        equal(before, memory.state(), f"state before and after {what} was refused")

    wide = width(subject)
    spoilt = st.sampled_from([*SPOILT, "affects of another length"])
    subject.given(check, config=subject.configs, stream=streams(wide, most=10), what=spoilt)


def what_is_no_state_is_refused(subject: Subject) -> None:
    """A state with an array too many or too few: ValueError, and it stays what it was."""

    def check(config: Any, stream: Stream, extra: bool) -> None:  # noqa: FBT001
        memory = taught(subject, config, stream)
        before, state = memory.state(), memory.state()
        if extra or len(state) < 2:
            state["no such array"] = np.zeros(1, np.float32)
        else:
            state.popitem()
        refused(lambda: memory.restore(state), f"a state of {sorted(state)}")
        equal(before, memory.state(), "state before and after a state was refused")

    wide = width(subject)
    subject.given(check, config=subject.configs, stream=streams(wide, most=10), extra=st.booleans())


def no_rows_are_no_rows(subject: Subject) -> None:
    """Of no rows it learns nothing, and says nothing: a reading of length 0."""

    def check(config: Any, stream: Stream) -> None:
        memory, none = taught(subject, config, stream), stream.codes[:0]
        before = memory.state()
        memory.partial_fit(none)
        memory.partial_fit(none, stream.affects[:0])
        equal(before, memory.state(), "state before and after no rows")
        in_bounds(memory.predict(none), 0, len(memory))

    subject.given(check, config=subject.configs, stream=streams(width(subject), most=10))


def a_new_clip_keeps_what_was_learnt(subject: Subject) -> None:
    """`begin` takes away no unit, and done twice does no more than once."""

    def check(config: Any, stream: Stream) -> None:
        memory = taught(subject, config, stream)
        units = len(memory)
        memory.begin()
        demand(len(memory) == units, f"{units} units before begin(), {len(memory)} after")
        once = memory.state()
        memory.begin()
        equal(once, memory.state(), "state after begin() once and twice")

    subject.given(check, config=subject.configs, stream=streams(width(subject)))


def its_room_grows_with_its_units(subject: Subject) -> None:
    """State, and memory in use, grow no faster with rows than the number of its units does."""

    def check(config: Any) -> None:
        found, stream = [], lived(width(subject), LATE + TIMES * CHUNK)
        tracemalloc.start()
        try:
            for units, memory, _ in _lives(subject.build(config), stream):
                state = sum(array.nbytes for array in memory.state().values())
                found.append((units, state, tracemalloc.get_traced_memory()[0]))
        finally:
            tracemalloc.stop()
        (few, *early), (many, *late) = found
        more = max(1, many / max(1, few))
        slack = SLACK_STATE, SLACK_BYTES
        for what, small, large, free in zip(
            ("state", "memory in use"), early, late, slack, strict=True
        ):
            demand(
                large <= 4 * more * small + free,
                f"{what}: {small} bytes for {few} units after {EARLY} rows, "
                f"{large} for {many} after {LATE}",
            )

    subject.given(check, share=0.05, config=subject.configs)


def its_time_grows_with_its_units(subject: Subject) -> None:
    """The time that a row takes grows no faster with rows than the number of its units does."""

    def check(config: Any) -> None:
        stream = lived(width(subject), LATE + TIMES * CHUNK)
        (few, _, early), (many, _, late) = _lives(subject.build(config), stream)
        more = max(1, many / max(1, few))
        demand(
            late <= 4 * more * early + SLACK_SECONDS,
            f"{1e3 * early:.3g} ms for {CHUNK} rows and {few} units after {EARLY} rows, "
            f"{1e3 * late:.3g} ms and {many} after {LATE}",
        )

    subject.given(check, share=0.05, config=subject.configs)


def whatever_is_done_to_it(subject: Subject) -> None:
    """In whatever order it is taught, read, begun, kept and restored, it stays one memory."""
    machine.run(subject, width(subject))


def in_bounds(reading: Reading, rows: int, units: int) -> None:
    """Raise ConformanceError unless the reading is one of so many rows, by so many units."""
    kinds = {"affects": np.float32, "activations": np.float32, "units": np.int64, "novel": np.bool_}
    for name, kind in kinds.items():
        array, shape = getattr(reading, name), (rows, 2) if name == "affects" else (rows,)
        demand(
            array.dtype == kind and array.shape == shape,
            f"{name}: expected {np.dtype(kind)}{list(shape)}, got {array.dtype}{list(array.shape)}",
        )
    affects, activations, best = reading.affects, reading.activations, reading.units
    unknown = np.isnan(affects).all(axis=1)
    demand((unknown | (np.abs(affects) <= 1).all(axis=1)).all(), f"affects {affects.tolist()}")
    demand(((activations >= 0) & (activations <= 1)).all(), f"activations {activations.tolist()}")
    demand(((best >= -1) & (best < units)).all(), f"units {best.tolist()} of {units}")
    demand((activations[best < 0] == 0).all(), "an activation above 0 where there is no unit")


def taught(subject: Subject, config: Any, stream: Stream) -> Memory:
    """A memory that has learnt the stream."""
    memory: Memory = subject.build(config)
    memory.partial_fit(stream.codes, stream.affects)
    return memory


def said(memory: Memory, codes: Codes) -> dict[str, Any]:
    """What it says of codes, by name."""
    return asdict(memory.predict(codes), recurse=False)


def width(subject: Subject) -> int:
    """How wide codes are that it takes."""
    return subject.fits(lambda memory, codes: memory.predict(codes))


def _with(codes: Codes, value: float) -> Codes:
    codes = codes.copy()
    codes[-1, -1] = value
    return codes


def _lives(memory: Memory, stream: Stream) -> Iterator[tuple[int, Memory, float]]:
    """Twice, early and late in a long life: its units, itself, and seconds that a chunk takes."""
    done = 0

    def live() -> float:
        nonlocal done
        chunk = slice(done, done := done + CHUNK)
        begun = process_time()
        memory.partial_fit(stream.codes[chunk], stream.affects[chunk])
        memory.predict(stream.codes[chunk])
        return process_time() - begun

    for rows in (EARLY, LATE):
        while done < rows:
            live()
        yield len(memory), memory, min(live() for _ in range(TIMES))


CHECKS: tuple[Check, ...] = (
    same_settings_same_memory,
    rows_at_once_or_in_parts,
    read_alone_or_in_company,
    predict_changes_nothing,
    readings_are_in_bounds,
    restored_it_goes_on_alike,
    its_state_is_a_copy,
    what_is_no_code_is_refused,
    what_is_no_state_is_refused,
    no_rows_are_no_rows,
    a_new_clip_keeps_what_was_learnt,
    its_room_grows_with_its_units,
    its_time_grows_with_its_units,
    whatever_is_done_to_it,
)
