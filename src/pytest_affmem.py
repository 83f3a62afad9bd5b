"""Options of pytest for `affmem.conformance`.

It stands outside the package: a plugin of pytest is imported before all else, and whoever has the
package's arrays checked on import (jaxtyping) must be able to come first.
"""

from typing import Any


def pytest_addoption(parser: Any) -> None:  # noqa: ANN401  (pytest need not be installed)
    """Add the options that name a part and its settings."""
    group = parser.getgroup("affmem")
    group.addoption(
        "--affmem-part", action="append", default=[], metavar="KIND:NAME",
        help="with --pyargs affmem.conformance: the part to check, such as memory:gwr (repeatable)",
    )  # fmt: skip
    group.addoption(
        "--affmem-set", action="append", default=[], metavar="KEY=VALUE",
        help="one of its settings (repeatable)",
    )  # fmt: skip
