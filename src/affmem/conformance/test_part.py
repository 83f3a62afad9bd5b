"""What `pytest --pyargs affmem.conformance --affmem-part KIND:NAME` runs."""

import pytest

from affmem.conformance import CHECKS, Check, Subject, named
from affmem.errors import UserError


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each check of each part that was named."""
    parts: list[str] = metafunc.config.getoption("affmem_part")
    overrides: list[str] = metafunc.config.getoption("affmem_set")
    if not parts:
        raise pytest.UsageError("name a part: --affmem-part KIND:NAME, as memory:gwr")
    try:
        subjects = {part: named(part, overrides) for part in parts}
    except UserError as error:
        raise pytest.UsageError(str(error)) from None
    metafunc.parametrize(
        ("one", "check"),
        [
            pytest.param(one, check, id=f"{part}-{check.__name__}")
            for part, one in subjects.items()
            for check in CHECKS[one.kind]
        ],
    )


def test_it_keeps_its_promise(one: Subject, check: Check) -> None:
    """The part keeps what the check demands."""
    check(one)
