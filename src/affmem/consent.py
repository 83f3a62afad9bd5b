"""Whose memory a run may read from a store and keep there, and under which name."""

import hmac
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import platformdirs
from attrs import field, frozen
from attrs.validators import ge, instance_of, le

from affmem.errors import InputError
from affmem.protocols import MemoryStore
from affmem.values import Card

KEY = "pseudonyms.key"


@frozen
class Consent:
    """Settings of the table `[consent]`."""

    days: int = field(default=0, validator=[instance_of(int), ge(0), le(36_500)])
    """For how many days whoever has no consent on record gives it now: you say that they do. 0:
    whoever has none is met anew, and not kept."""


@frozen
class Admission:
    """Under which name a store keeps each person of a run, and why others are not kept."""

    names: Mapping[str, str]
    notes: Sequence[str]


def admit(
    store: MemoryStore, persons: Iterable[str], consent: Consent, *, again: bool = False
) -> Admission:
    """Whom of `persons`, named as their dataset names them, a run may read and keep.

    Whoever has a name of their own in the store has it from someone who gave it; all others are
    kept by pseudonym. Without valid consent no one is read or kept, and a note says so.

    `again`: the run goes on. Who is not in the store was erased since it began: they are not asked
    anew.
    """
    now = datetime.now(UTC)
    names, notes = {}, []
    for person in dict.fromkeys(persons):
        own = store.card(person)
        name = pseudonym(person) if own is None else person
        problem = refusal(own or store.card(name), now)
        if problem == NONE and consent.days and not again:
            store.consent(name, now, now + timedelta(days=consent.days))
            problem = ""
        if problem == NONE and consent.days:
            notes.append(f"{person}: not in the store as the run went on: not kept there")
        elif problem:
            met = "" if again else "met anew, and "
            notes.append(f"{person}: {problem}: {met}not kept in the store")
        else:
            names[person] = name
    return Admission(names, notes)


def over(card: Card) -> bool:
    """Whether what the person agreed to has ended, or was withdrawn."""
    return card.expires is not None and card.expires <= datetime.now(UTC)


NONE = "no consent is on record"


DAYS: Final = 30
"""For how many days a memory is kept by consent that names no time."""


def agree(store: MemoryStore, person: str, days: int | None = None) -> None:
    """Note that this person agreed, now, that their memory is kept for so many days.

    What they agreed to earlier, and is over, is erased first. Without `days`, consent that stands
    stays as it is, and a new one is for `DAYS`.
    """
    now = datetime.now(UTC)
    card = store.card(person)
    if card is not None and over(card):
        store.erase(person)
    elif days is None and not refusal(card, now):
        return
    store.consent(person, now, now + timedelta(days=DAYS if days is None else days))


def refusal(card: Card | None, now: datetime) -> str:
    """Why a person's memory may be neither read nor kept; "" where it may.

    >>> refusal(None, datetime.now(UTC))
    'no consent is on record'
    """
    if card is None or (card.consent is None and card.expires is None):
        return NONE
    if card.expires is not None and card.expires <= now:
        ended = "ended" if card.consent else "was withdrawn"
        return f"consent {ended} on {card.expires:%Y-%m-%d}"
    return NONE if card.consent is None else ""


def pseudonym(person: str) -> str:
    """The name by which a store keeps whoever gave none: always the same for the same person.

    It is a keyed digest (HMAC-SHA-256). The key is the user's, and lies in their data folder, not
    in the store: who has the store alone cannot try out names. Raises InputError where the key can
    be neither read nor made.
    """
    digest = hmac.digest(_key(), person.encode(), "sha256")
    return f"person-{digest.hex()[:12]}"


def _key() -> bytes:
    path = platformdirs.user_data_path("affmem") / KEY
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise InputError(path, f"cannot be read or made: {error.strerror}") from None
    if len(key) != 32:
        raise InputError(path, f"expected 32 bytes, got {len(key)}: it was changed by hand")
    return key


def _make(path: Path) -> None:
    """Whole or not at all; of two who make it at once, the first has."""
    part = path.with_name(f".{KEY}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(secrets.token_bytes(32))
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
