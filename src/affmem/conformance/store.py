"""What memory stores keep. Every person that a check puts there is new, and is erased again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import numpy as np
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from affmem.conformance.subject import Check, Subject, demand, equal, refused
from affmem.errors import ConflictError, StoreError
from affmem.protocols import MemoryStore
from affmem.values import Card, Kept

SHARE = 0.25
NAMES = ("anna", "Zoë O'Hara", '50%_"\\;--', "名前")
"""What may stand in a name."""


def kepts() -> st.SearchStrategy[Kept]:
    """Memories, small, empty, and of several types."""

    def kept(rows: int, seed: int) -> Kept:
        rng = np.random.default_rng(seed)
        state = {
            "weights": rng.normal(size=(rows, 3)).astype(np.float32),
            "labels": np.full((rows, 2), np.nan),
            "counts": rng.integers(-5, 5, size=4),
            "kind": np.frombuffer(b"drawn", np.uint8).copy(),
        }
        return Kept(state, seed, rows, {"memory": 'use = "drawn"\n', "encoder": "µ"})

    return st.builds(kept, st.integers(0, 3), st.integers(0, 99))


@contextmanager
def opened(subject: Subject, config: Any) -> Iterator[tuple[MemoryStore, list[str]]]:
    """The store, and names that nobody in it has; whoever has one in the end is erased."""
    store, names = subject.build(config), newcomers()
    try:
        yield store, names
    finally:
        for name in {card.person for card in store.people()} & {*names}:
            store.erase(name)
        store.close()


def newcomers() -> list[str]:
    """Names that nobody has."""
    mark = uuid4().hex[:12]
    return [f"{name} {mark}" for name in NAMES]


def what_is_kept_comes_back(subject: Subject) -> None:
    """A memory comes back bit for bit, also from a store closed and opened anew; a card tells its
    version, faces and units; of whom nothing is kept, it says None."""

    def check(config: Any, kept: Kept) -> None:
        with opened(subject, config) as (store, names):
            for name in names:
                demand(store.load(name) is None, f"{name!r} was never saved, but is loaded")
                version = store.save(name, kept, 0)
                same(store, name, kept, version)
            again = subject.build(config)
            for name in names:
                same(again, name, kept)
            again.close()

    subject.given(check, SHARE, config=subject.configs, kept=kepts())


def a_card_is_found_by_name(subject: Subject) -> None:
    """Asked for by name, a card is the one that is listed; None of whoever is not there, or is no
    name."""

    def check(config: Any, kept: Kept) -> None:
        with opened(subject, config) as (store, (one, other, gone, nobody)):
            for name in (one, gone):
                store.save(name, kept, 0)
            store.consent(other, now(), now() - timedelta(days=1))
            store.erase(gone)
            cards = listed(store)
            for name in (one, other):
                card = store.card(name)
                demand(card == cards[name], f"{name!r} has {card}, and is listed as {cards[name]}")
            unnamed = ("", *(nobody + letter for letter in "\0\n\ud800"), nobody * 14)
            for name in (gone, nobody, *unnamed):
                demand(store.card(name) is None, f"{name!r} is not there, but has a card")

    subject.given(check, SHARE, config=subject.configs, kept=kepts())


def no_update_is_lost(subject: Subject) -> None:
    """Saved from any version but the one that is kept: ConflictError, and nothing is changed, also
    where two have opened it; versions rise, also over an erasure."""

    def check(config: Any, kept: Kept) -> None:
        with opened(subject, config) as (one, (name, *_)):
            other = subject.build(config)
            newer = evolve(kept, faces=kept.faces + 1)
            first = one.save(name, kept, 0)
            refused(lambda: other.save(name, newer, 0), "a second first save", ConflictError)
            second = other.save(name, newer, first)
            demand(second > first, f"version {second} came after {first}")
            refused(lambda: one.save(name, kept, first), "from an old version", ConflictError)
            same(one, name, newer, second)
            other.erase(name)
            refused(lambda: one.save(name, kept, second), "after an erasure", ConflictError)
            third = one.save(name, kept, 0)
            demand(third > second, f"version {third} came after {second} and an erasure")
            other.close()

    subject.given(check, SHARE, config=subject.configs, kept=kepts())


def what_is_erased_is_gone(subject: Subject) -> None:
    """Who is erased is neither loaded nor listed, and has no consent any more; whom it does not
    know: StoreError."""

    def check(config: Any, kept: Kept) -> None:
        with opened(subject, config) as (store, (name, other, *_)):
            store.save(name, kept, 0)
            store.save(other, kept, 0)
            store.consent(name, now(), now() + timedelta(days=1))
            store.erase(name)
            demand(store.load(name) is None, "erased, and loaded")
            demand(name not in listed(store), "erased, and listed")
            refused(lambda: store.erase(name), "erased twice", StoreError)
            store.save(name, kept, 0)
            demand(listed(store)[name].consent is None, "erased, and consent stands")
            same(store, other, kept)

    subject.given(check, SHARE, config=subject.configs, kept=kepts())


def a_new_name_takes_all_along(subject: Subject) -> None:
    """Renamed, a person keeps memory and consent, and the old name is nobody's; a name that is
    taken, or that it does not know: StoreError, and nothing is changed."""

    def check(config: Any, kept: Kept) -> None:
        with opened(subject, config) as (store, (old, new, nobody, _)):
            version = store.save(old, kept, 0)
            store.consent(old, now(), None)
            before = listed(store)[old]
            store.rename(old, new)
            demand(store.load(old) is None and old not in listed(store), "the old name is known")
            same(store, new, kept)
            demand(listed(store)[new].consent == before.consent, "consent was lost")
            refused(lambda: store.save(old, kept, version), "the old name", ConflictError)
            store.save(old, kept, 0)
            refused(lambda: store.rename(old, new), "a name that is taken", StoreError)
            refused(lambda: store.rename(nobody, f"{nobody}s"), "an unknown name", StoreError)
            demand({old, new} <= {*listed(store)}, "a refused renaming changed who is there")

    subject.given(check, SHARE, config=subject.configs, kept=kepts())


def who_comes_back_is_new(subject: Subject) -> None:
    """A card says since when a person is there: that stays, whatever is agreed, saved or renamed;
    whoever was erased, and is there again, is so since then."""

    def check(config: Any, kept: Kept) -> None:
        with opened(subject, config) as (store, (old, name, *_)):
            store.consent(old, now(), None)
            made = listed(store)[old].made
            store.save(old, kept, store.save(old, kept, 0))
            store.rename(old, name)
            store.consent(name, now(), None)
            there = listed(store)[name].made
            demand(there == made, f"there since {made}, and then since {there}")
            store.erase(name)
            back = now()
            store.consent(name, back, None)
            there = listed(store)[name].made
            demand(there >= back, f"erased, back at {back}, and there since {there}")

    subject.given(check, SHARE, config=subject.configs, kept=kepts())


def who_has_expired_is_not_read(subject: Subject) -> None:
    """Consent may come before any memory. Whose time is over is listed, but neither loaded nor
    saved: StoreError; a time without a zone: ValueError."""

    def check(config: Any, kept: Kept) -> None:
        with opened(subject, config) as (store, (name, *_)):
            given, later = now(), now() + timedelta(days=400)
            store.consent(name, given, later)
            demand(store.load(name) is None, "consent alone, and a memory is loaded")
            card = listed(store)[name]
            told = (card.version, card.faces, card.units, card.consent, card.expires)
            demand(told == (0, 0, 0, given, later), f"consent alone: {card}")
            version = store.save(name, kept, 0)
            same(store, name, kept, version)
            store.consent(name, given, now() - timedelta(seconds=1))
            refused(lambda: store.load(name), "loading an expired person", StoreError)
            refused(lambda: store.save(name, kept, version), "saving one", StoreError)
            demand(listed(store)[name].version == version, "an expired person is not listed")
            refused(lambda: store.consent(name, datetime(2030, 1, 1), None), "no zone")  # noqa: DTZ001
            if len(store.people()) == 1:  # nobody else's time may be over
                gone = [*store.erase_expired()]
                demand(gone == [name] and not store.people(), f"{gone} were erased")

    subject.given(check, SHARE, config=subject.configs, kept=kepts())


def what_is_no_name_is_refused(subject: Subject) -> None:
    """No text, text that cannot be printed, or more than 200 characters: StoreError."""

    def check(config: Any, kept: Kept) -> None:
        with opened(subject, config) as (store, (name, *_)):
            store.save(name, kept, 0)
            for wrong in ("", "a\0b", "a\nb", "\ud800", "n" * 201):
                refused(partial(store.save, wrong, kept, 0), f"{wrong!r}", StoreError)
                refused(partial(store.rename, name, wrong), f"{wrong!r}", StoreError)
                refused(partial(store.consent, wrong, None, None), f"{wrong!r}", StoreError)

    subject.given(check, SHARE, config=subject.configs, kept=kepts())


def it_keeps_what_a_list_would(subject: Subject) -> None:
    """Whatever is done to it, in whatever order, it holds what a list of persons would hold."""
    steps: list[str] = []
    kind = machine(subject, steps)
    subject.tell(
        lambda: run_state_machine_as_test(kind, settings=settings(**subject.bounds())),
        lambda: "; ".join(steps),
    )


def machine(subject: Subject, steps: list[str]) -> type[RuleBasedStateMachine]:
    """A state machine of a store and a dict; `steps` is what was done in its last run."""
    names = st.integers(0, len(NAMES) - 1)
    days = st.none() | st.integers(-3, 3).filter(bool)

    class Machine(RuleBasedStateMachine):
        """The store, opened anew now and then, and what should be in it."""

        @initialize(config=subject.configs)
        def start(self, config: Any) -> None:
            steps[:] = [] if config is subject.config else [f"config {config!r}"]
            self.config = config
            self.store, self.names = subject.build(config), newcomers()
            self.model: dict[str, tuple[Kept | None, int, datetime | None]] = {}

        @rule(who=names, kept=kepts(), stale=st.booleans())
        def save(self, who: int, kept: Kept, stale: bool) -> None:  # noqa: FBT001
            name = self.names[who]
            _, version, expires = self.model.get(name, (None, 0, None))
            steps.append(f"save {name!r} from version {version}{' + 1' * stale}")
            if stale:
                refused(lambda: self.store.save(name, kept, version + 1), "stale", StoreError)
            elif over(expires):
                refused(lambda: self.store.save(name, kept, version), "expired", StoreError)
            else:
                self.model[name] = kept, self.store.save(name, kept, version), expires

        @rule(who=names)
        def erase(self, who: int) -> None:
            name = self.names[who]
            steps.append(f"erase {name!r}")
            if name in self.model:
                self.store.erase(name)
                del self.model[name]
            else:
                refused(lambda: self.store.erase(name), "nobody", StoreError)

        @rule(old=names, new=names)
        def rename(self, old: int, new: int) -> None:
            one, other = self.names[old], self.names[new]
            steps.append(f"rename {one!r} to {other!r}")
            if one in self.model and other not in self.model:
                self.store.rename(one, other)
                self.model[other] = self.model.pop(one)
            else:
                refused(lambda: self.store.rename(one, other), "renaming", StoreError)

        @rule(who=names, days=days)
        def consent(self, who: int, days: int | None) -> None:
            name = self.names[who]
            expires = None if days is None else now() + timedelta(days=days)
            steps.append(f"consent of {name!r} until {expires}")
            kept, version, _ = self.model.get(name, (None, 0, None))
            self.store.consent(name, now(), expires)
            self.model[name] = kept, version, expires

        @rule()
        def open_anew(self) -> None:
            steps.append("close(), opened anew")
            fresh = subject.build(self.config)
            self.store.close()
            self.store = fresh

        @invariant()
        def alike(self) -> None:
            if not hasattr(self, "model"):
                return
            cards = {name: card for name, card in listed(self.store).items() if name in self.names}
            demand({*cards} == {*self.model}, f"{[*cards]} are listed, not {[*self.model]}")
            for name in self.names:
                card = self.store.card(name)
                demand(card == cards.get(name), f"{name!r} has {card}, not {cards.get(name)}")
            for name, (kept, version, expires) in self.model.items():
                demand(cards[name].version == version, f"{cards[name]}: not version {version}")
                demand(cards[name].expires == expires, f"{cards[name]}: not until {expires}")
                if over(expires):
                    refused(partial(self.store.load, name), "expired", StoreError)
                elif kept is None:
                    demand(self.store.load(name) is None, f"{name!r} has no memory")
                else:
                    same(self.store, name, kept, version)

        def teardown(self) -> None:
            if hasattr(self, "model"):
                for name in {card.person for card in self.store.people()} & {*self.names}:
                    self.store.erase(name)
                self.store.close()

    return Machine


def now() -> datetime:
    """Whole seconds: more than every store needs to keep."""
    return datetime.now(UTC).replace(microsecond=0)


def over(expires: datetime | None) -> bool:
    """Whether that time has come."""
    return expires is not None and expires <= datetime.now(UTC)


def listed(store: MemoryStore) -> dict[str, Card]:
    """Cards by name; raises ConformanceError where one stands there twice."""
    cards = store.people()
    by_name = {card.person: card for card in cards}
    demand(len(by_name) == len(cards), "someone is listed twice")
    return by_name


def same(store: MemoryStore, name: str, kept: Kept, version: int | None = None) -> None:
    """Raise ConformanceError unless this is kept of them, and their card says so."""
    loaded, card = store.load(name), listed(store)[name]
    if loaded is None:
        demand(kept=False, words=f"{name!r} was saved, and is None")
        return
    back, number = loaded
    equal(kept.state, back.state, f"memory of {name!r}")
    told, expected = ((one.faces, one.units, dict(one.about)) for one in (back, kept))
    demand(told == expected, f"{name!r}: saved {expected}, loaded {told}")
    demand(number == (version or number) == card.version, f"{name!r}: {number}, {version}, {card}")
    demand((card.faces, card.units) == (kept.faces, kept.units), f"{card} of {expected}")


CHECKS: tuple[Check, ...] = (
    what_is_kept_comes_back,
    a_card_is_found_by_name,
    no_update_is_lost,
    what_is_erased_is_gone,
    a_new_name_takes_all_along,
    who_comes_back_is_new,
    who_has_expired_is_not_read,
    what_is_no_name_is_refused,
    it_keeps_what_a_list_would,
)
