"""Where a run's time goes: seconds by station, each without what it waited for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """Sums the seconds spent at each station; a station inside another is not counted twice.

    >>> clock = Clock()
    >>> with clock("encode"):
    ...     _ = sum(range(10))
    >>> list(clock.seconds)
    ['encode']
    """

    def __init__(self, now: Callable[[], float] = perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self._now = now
        self._inside: list[str] = []
        self._since = now()

    @contextmanager
    def __call__(self, station: str) -> Iterator[None]:
        """Count the time in this block to `station`."""
        self._turn()
        self._inside.append(station)
        try:
            yield
        finally:
            self._turn()
            self._inside.pop()

    def over(self, station: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; the time that making each takes is counted to `station`."""
        iterator = iter(items)
        while True:
            with self(station):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def add(self, seconds: Mapping[str, float]) -> None:
        """Count seconds, by station, that others have spent."""
        for station, spent in seconds.items():
            self.seconds[station] = self.seconds.get(station, 0.0) + spent

    def _turn(self) -> None:
        now = self._now()
        if self._inside:
            station = self._inside[-1]
            self.seconds[station] = self.seconds.get(station, 0.0) + now - self._since
        self._since = now
