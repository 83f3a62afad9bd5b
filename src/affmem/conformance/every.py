"""What parts of every kind keep."""

import tomllib
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import tomli_w
from attrs import evolve, fields
from attrs.exceptions import FrozenError
from hypothesis import strategies as st

from affmem import protocols as p
from affmem.conformance.draws import variants
from affmem.conformance.subject import Check, Subject, demand
from affmem.errors import ExperimentError
from affmem.settings import plain, settings
from affmem.terms import Term, Trainer

PROTOCOLS: Mapping[str, Any] = {
    "dataset": p.Dataset,
    "faces": p.FaceFinder,
    "encoder": p.Encoder,
    "reader": p.Reader,
    "editor": p.Editor,
    "memory": p.Memory,
    "metric": p.Metric,
    "trainer": Trainer,
    "term": Term,
    "tracker": p.Tracker,
    "reporter": p.Reporter,
    "maker": p.Maker,
    "store": p.MemoryStore,
    "backend": p.Backend,
}
"""By kind: what a part of it can do."""


@runtime_checkable
class _Nothing(Protocol):
    pass


def has_its_methods(subject: Subject) -> None:
    """It can be built, and has every method of its protocol."""

    def check(config: Any) -> None:
        protocol, part = PROTOCOLS[subject.kind], subject.build(config)
        names = sorted({*dir(protocol)} - {*dir(_Nothing)})
        missing = [name for name in names if getattr(part, name, None) is None]
        demand(isinstance(part, protocol), f"no {protocol.__name__}: it lacks {', '.join(missing)}")
        if isinstance(part, p.MemoryStore):
            part.close()

    subject.given(check, share=0.1, config=subject.configs)


def settings_survive_toml(subject: Subject) -> None:
    """Its settings, written to TOML and read back, are the same settings."""

    def check(config: Any) -> None:
        text = tomli_w.dumps(plain(config))
        try:
            back = settings(tomllib.loads(text), type(config), "")
        except ExperimentError as error:
            lines = "; ".join(error.lines)
            demand(kept=False, words=f"written as {text!r}, refused when read: {lines}")
        demand(back == config, f"written as {text!r}, read as {back!r}")

    varied = subject.configs.flatmap(lambda config: st.sampled_from(variants(config)))
    subject.given(check, config=varied)


def settings_are_a_value(subject: Subject) -> None:
    """Its settings cannot be changed; equal ones are equal, and can be told by their hash."""

    def check(config: Any) -> None:
        other = evolve(config)
        demand(other == config, "the same settings are not equal")
        demand(hash(other) == hash(config), "the same settings have different hashes")
        for one in fields(type(config)):
            try:
                setattr(config, one.name, getattr(config, one.name))
            except FrozenError:
                continue
            demand(kept=False, words=f"{one.name!r} can be changed: use attrs.frozen")

    subject.given(check, share=0.1, config=subject.configs)


CHECKS: tuple[Check, ...] = (has_its_methods, settings_survive_toml, settings_are_a_value)
