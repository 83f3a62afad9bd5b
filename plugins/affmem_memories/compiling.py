"""A word to the user where a loop must first be compiled: some seconds, once on a machine."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

from numba.core import event

log = logging.getLogger("affmem")


class _Announcer(event.Listener):
    """Says once a process that something is compiled."""

    said = False

    def on_start(self, _event: Any) -> None:  # noqa: ANN401
        if not _Announcer.said:
            _Announcer.said = True
            log.info("compiling the memory's loops (some seconds, once on this machine)")

    def on_end(self, _event: Any) -> None:  # noqa: ANN401
        pass


_state = local()


@contextmanager
def announced() -> Iterator[None]:
    """Within, the first compilation is announced in the log."""
    if _Announcer.said or getattr(_state, "inside", False):
        yield
        return
    _state.inside = True
    listener = _Announcer()
    try:
        with event.install_listener("numba:compile", listener):
            yield
    finally:
        _state.inside = False
