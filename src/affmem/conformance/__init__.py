"""What every part of a kind must keep, as named checks that a stranger's part can be held to.

    from affmem.conformance import conforms

    test_it_keeps_its_promises = conforms("memory:lastseen", capacity=20)

is a whole test module. `affmem plugins check memory:lastseen` and
`pytest --pyargs affmem.conformance --affmem-part memory:lastseen` hold a part to the same checks.
They need the extra "conformance".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from affmem.catalogue import catalogue
from affmem.conformance import (
    backend,
    data,
    every,
    files,
    memory,
    metric,
    stations,
    store,
    training,
)
from affmem.conformance.subject import Check, ConformanceError, Outcome, Subject, parsed, promise
from affmem.errors import UserError
from affmem.experiment import assignment, choose, word

__all__ = [
    "CHECKS",
    "Check",
    "ConformanceError",
    "Outcome",
    "Subject",
    "conforms",
    "examine",
    "named",
]

_OWN: Mapping[str, Sequence[Check]] = {
    "dataset": data.DATASET,
    "faces": data.FACES,
    **stations.CHECKS,
    "memory": memory.CHECKS,
    "metric": metric.CHECKS,
    "trainer": (),
    "term": training.TERM,
    "tracker": training.TRACKER,
    "reporter": files.REPORTER,
    "maker": files.MAKER,
    "store": store.CHECKS,
    "backend": backend.CHECKS,
}
CHECKS: Mapping[str, Sequence[Check]] = {
    kind: (*every.CHECKS, *checks) for kind, checks in _OWN.items()
}
"""By kind: what its parts are held to. A check raises ConformanceError where one is not kept."""


def named(part: str, overrides: Sequence[str] = ()) -> Subject:
    """The installed part `KIND:NAME`, with settings as `key=value`.

    Raises UserError, with the nearest name, where there is none.
    """
    kind, name = parsed(part, [*CHECKS])
    table: dict[str, Any] = {word(kind): name}
    for override in overrides:
        keys, value = assignment(override)
        if keys[:-1]:
            raise UserError(f"--set {override}: expected a setting of {part} itself: {keys[-1]}=…")
        table[keys[0]] = value
    return Subject(kind, name, choose(kind, table, kind, catalogue()).config)


def examine(one: Subject) -> Iterator[Outcome]:
    """Hold a part to all checks of its kind; a part that lacks a method is held to no more.

    A mistake of the user's, as a file that is not there, is raised as it is.
    """
    for check in CHECKS[one.kind]:
        try:
            check(one)
        except ConformanceError as error:
            yield Outcome(check.__name__, promise(check), error.reason, error.example)
            if check is every.has_its_methods:
                return
        else:
            yield Outcome(check.__name__, promise(check))


def conforms(part: str | Subject, **settings: Any) -> Callable[[Check], None]:
    """A test function, by check, of the installed part `KIND:NAME`, or of a `Subject`."""
    import pytest

    one = part if isinstance(part, Subject) else _named(part, settings)

    @pytest.mark.parametrize("check", CHECKS[one.kind], ids=lambda check: check.__name__)
    def test(check: Check) -> None:
        check(one)

    return test


def _named(part: str, settings: Mapping[str, Any]) -> Subject:
    kind, name = parsed(part, [*CHECKS])
    return Subject(kind, name, catalogue().config(kind, name)(**settings))
