"""Memories from one run to the next: as bytes of a safetensors file, and in a store.

What is kept of a memory says which part it is, and whose codes it holds: another memory, or an
encoder that gives other codes, has no use for it, and it is refused.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import tomli_w
from attrs import evolve

from affmem.consent import Admission, agree, refusal
from affmem.errors import ConflictError, StoreError
from affmem.files import HEADER
from affmem.protocols import Encoder, Memory, MemoryStore
from affmem.settings import plain
from affmem.values import Card, Face, Kept, Likeness, State

FIGURES = 64
"""Numbers of a code that a fingerprint holds, at most."""
MOST = 2**63
"""Beyond any number of faces or units."""
ALIKE = 0.05
"""How far codes of the same face may be apart, in shares of the largest number in them: rounding
of another device or precision stays below it, other weights do not."""
LIKENESS, OF = "affmem.likeness", "affmem.likeness.faces"
"""The arrays of what is kept by which a person is recognised; no memory sees them."""
MADE = "likeness"
"""What is said of the encoder that made them."""


def pack(kept: Kept) -> bytes:
    """The bytes of a safetensors file that holds all of it.

    >>> unpack(pack(Kept({"sum": np.float64([1, 2])}, faces=3, units=1, about={"memory": "gwr"})))
    Kept(state={'sum': array([1., 2.])}, faces=3, units=1, about={'memory': 'gwr'})
    """
    from safetensors.numpy import save

    # safetensors writes the bytes as they lie: only contiguous arrays come back as they were.
    arrays = {name: np.asarray(array, order="C") for name, array in kept.state.items()}
    told = {"faces": str(kept.faces), "units": str(kept.units)}
    return save(arrays, metadata={**told, "about": json.dumps(dict(kept.about))})


def unpack(content: bytes) -> Kept:
    """What `pack` packed. Raises ValueError where it is none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        length = int.from_bytes(content[:8], "little")
        if length > HEADER:
            raise ValueError("its header has no end")  # noqa: TRY301
        state = load(content)
        told = json.loads(content[8 : 8 + length])["__metadata__"]
        faces, units, about = int(told["faces"]), int(told["units"]), json.loads(told["about"])
        if not (0 <= faces < MOST and 0 <= units < MOST):
            raise ValueError(f"{faces} faces, {units} units")  # noqa: TRY301
        if not isinstance(about, dict) or not all(isinstance(x, str) for x in about.values()):
            raise ValueError("what made it is no table of text")  # noqa: TRY301
        return Kept(state, faces, units, about)
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"no memory that affmem kept: {error}") from None


def kept_of(memory: Memory, faces: int, likeness: Likeness | None) -> Kept:
    """All that is kept of a person whose memory has seen so many faces."""
    state, about = {**memory.state()}, {}
    if likeness is not None:
        state |= {LIKENESS: likeness.code, OF: np.array([likeness.faces])}
        about[MADE] = likeness.encoder
    return Kept(state, faces, len(memory), about)


def restore(person: str, kept: Kept | None, memory: Memory) -> tuple[int, Likeness | None]:
    """Make `memory`, which is empty, this person's; how many of their faces it has seen.

    That is 0 where nothing is kept of them. Beside it, their likeness, if one is kept. Raises
    StoreError where what is kept does not fit this memory.
    """
    if kept is None:
        return 0, None
    try:
        state, likeness = apart(kept)
        memory.restore(state)
    except ValueError as error:
        raise StoreError(f"{person}: what is kept does not fit this memory: {error}") from None
    return kept.faces, likeness


class Shelf:
    """A store as a run uses it: it knows which version of whose memory was taken from it."""

    def __init__(
        self,
        store: MemoryStore,
        name: str,
        config: Any,  # noqa: ANN401
        encoder: Encoder,
        admission: Admission | None = None,
    ) -> None:
        """`name` and `config` are the memory part's; `encoder` the one whose codes it learns.

        Who is not in `admission` is neither taken nor put; None: all are, by their own names.
        """
        self._store = store
        self._admission = admission
        self._name = name
        self._about = {
            "memory": tomli_w.dumps({"use": name, **plain(config)}),
            "encoder": fingerprint(encoder),
        }
        self._versions: dict[str, int] = {}
        self._with_likeness: set[str] = set()
        """Those with a likeness, in the version that was last taken or put here."""
        self._notes = [] if admission is None else [*admission.notes]

    def fetch(self, person: str) -> Kept | None:
        """What is kept of this person, for a memory of this part; None where nothing is.

        Raises StoreError where what is kept is of another memory, or was learnt with another
        encoder, and what `MemoryStore.load` raises.
        """
        name = self._kept_as(person)
        loaded = None if name is None else self._store.load(name)
        if loaded is None:
            return None
        kept, self._versions[person] = loaded
        self._note_likeness(person, kept)
        try:
            use = tomllib.loads(kept.about.get("memory", "")).get("use")
            same = alike(kept.about.get("encoder", ""), self._about["encoder"])
        except ValueError as error:
            raise StoreError(f"{person}: what is kept says not what made it: {error}") from None
        if use != self._name:
            raise StoreError(f"{person}: is kept in a memory {use!r}; this one is {self._name!r}")
        if not same:
            raise StoreError(
                f"{person}: what is kept was learnt with another encoder; take the checkpoint of "
                "then, or another store, or erase them"
            )
        return kept

    def likeness(self, person: str) -> Likeness | None:
        """By what this person is recognised, if they agreed to that. Raises as `fetch`."""
        kept = self.fetch(person)
        try:
            return None if kept is None else apart(kept)[1]
        except ValueError as error:
            raise StoreError(f"{person}: {error}") from None

    def since(self, person: str) -> str:
        """Since when the store has had this person, as text; "" where it does not.

        Who was erased, and agreed anew, is there since another moment.
        """
        name = self._kept_as(person)
        card = None if name is None else self._store.card(name)
        return "" if card is None else card.made.isoformat()

    def keep(self, person: str, kept: Kept, since: str | None = None) -> None:
        """Keep a person's memory, as `kept_of` gave it, and their likeness: that, or the one there.

        Raises ConflictError where another has kept or erased it since it was fetched here, or the
        person is not there `since` then.
        """
        if (name := self._kept_as(person)) is not None:
            base, there = self.version(person), self.since(person)
            if since not in (None, there) or not (base or there):
                # Who is kept for the first time has an entry, that of their consent.
                raise ConflictError(f"{person}: erased by another, or never agreed")
            lacks = person in self._with_likeness and LIKENESS not in kept.state
            if lacks and (loaded := self._store.load(name)):
                kept = _likened(kept, loaded[0])
            kept = evolve(kept, about={**self._about, **kept.about})
            self._versions[person] = self._store.save(name, kept, base)
            self._note_likeness(person, kept)

    def settle(self, person: str, kept: Kept, base: int, since: str) -> None:
        """Keep what was learnt from version `base`, unless that was done, or another was first.

        Nor is it kept where the person was erased since, also if they agreed anew: a note says so.
        """
        if (name := self._kept_as(person)) is None:
            return
        if since != self.since(person):
            self._notes.append(
                f"{person}: erased from the store, or entered there, since they were watched: what "
                "was learnt then is not kept there"
            )
            return
        loaded = self._store.load(name)
        if base == (loaded[1] if loaded else 0):
            self._versions[person] = base
            self.keep(person, _likened(kept, loaded[0]) if loaded else kept, since)

    def version(self, person: str) -> int:
        """The version that was last taken or put here, 0 for none."""
        return self._versions.get(person, 0)

    def notes(self) -> Sequence[str]:
        """Who is not kept, and why, a line each."""
        return self._notes

    def _note_likeness(self, person: str, kept: Kept) -> None:
        if LIKENESS in kept.state:
            self._with_likeness.add(person)
        else:
            self._with_likeness.discard(person)

    def _kept_as(self, person: str) -> str | None:
        return person if self._admission is None else self._admission.names.get(person)

    def people(self) -> list[str]:
        """Whose memory is kept, with consent."""
        return [*self.versions()]

    def versions(self) -> Mapping[str, int]:
        """Which version of whose memory is kept, with consent."""
        return {card.person: card.version for card in self._store.people() if _readable(card)}

    def knows(self, person: str) -> bool:
        """Whether this person's memory is kept, with consent."""
        return _readable(self._store.card(person))

    def agreed(self, person: str, days: int | None = None) -> None:
        """Note that this person agreed, now, to being kept (`affmem.consent.agree`)."""
        agree(self._store, person, days)

    def erase(self, person: str) -> None:
        """Forget all that is kept of this person, who need not be there."""
        self._versions.pop(person, None)
        self._with_likeness.discard(person)
        if self._store.card(person) is not None:
            self._store.erase(person)

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()


def _readable(card: Card | None) -> bool:
    return card is not None and card.version > 0 and not refusal(card, datetime.now(UTC))


def without_likeness(kept: Kept) -> Kept:
    """All of it but by what the person is recognised."""
    state = {name: array for name, array in kept.state.items() if name not in (LIKENESS, OF)}
    about = {what: text for what, text in kept.about.items() if what != MADE}
    return evolve(kept, state=state, about=about)


def _likened(kept: Kept, other: Kept) -> Kept:
    """`kept` with its own likeness, or that of `other`, if one has any."""
    state = {name: other.state[name] for name in (LIKENESS, OF) if name in other.state}
    about = {what: text for what, text in other.about.items() if what == MADE}
    return evolve(kept, state={**state, **kept.state}, about={**about, **kept.about})


def apart(kept: Kept) -> tuple[State, Likeness | None]:
    """A memory's own state, and the likeness. Raises ValueError where that is none."""
    state = {**kept.state}
    code, faces = state.pop(LIKENESS, None), state.pop(OF, None)
    if code is None or faces is None:
        return state, None
    if code.dtype != np.float32 or code.ndim != 2 or len(code) != 1 or not np.isfinite(code).all():
        raise ValueError("the likeness is no code")
    if faces.shape != (1,) or faces.dtype != np.int64:
        raise ValueError("the likeness is of no number of faces")
    encoder = kept.about.get(MADE, "")
    alike(encoder, encoder)  # so that it is numbers
    return state, Likeness(code.astype(np.float32), int(faces[0]), encoder)


def fingerprint(encoder: Encoder) -> str:
    """By what an encoder's codes are known again: those of two drawn pictures, as text."""
    codes = encoder.encode(np.stack([_ramp(0), _ramp(1)]))
    return " ".join(f"{number:.4g}" for number in codes[:, :FIGURES].ravel())


def alike(one: str, other: str) -> bool:
    """Whether two fingerprints are of encoders that give the same codes, to within rounding.

    >>> alike("0.5 -1", "0.502 -0.99"), alike("0.5 -1", "0.9 -1"), alike("0.5", "0.5 -1")
    (True, False, False)
    """
    a, b = (np.array([float(number) for number in text.split()]) for text in (one, other))
    if a.shape != b.shape or not a.size:
        return False
    return bool(np.abs(a - b).max() <= ALIKE * max(np.abs(a).max(), np.abs(b).max()))


def _ramp(axis: int) -> Face:
    """A picture that goes from dark to bright, down or across, each colour in its own way."""
    line = np.linspace(-1, 1, 96, dtype=np.float32)
    plane = np.broadcast_to(line if axis else line[:, None], (96, 96))
    return np.stack([plane, np.sin(3 * plane), -plane])
