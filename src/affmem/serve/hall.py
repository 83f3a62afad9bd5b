"""What all connections share: the parts, the store, the threads, and who is being watched."""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar, final

from affmem.assembly import build_parts
from affmem.consent import over
from affmem.errors import PluginError, StoreError
from affmem.experiment import Watching
from affmem.keeping import Shelf
from affmem.protocols import MemoryStore, Runtime
from affmem.road import Parts, rehearse
from affmem.serve.limits import Limits
from affmem.session import Session
from affmem.values import Card

if TYPE_CHECKING:
    from affmem.serve.watch import Watch

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class TakenError(Exception):
    """Someone else holds this person's memory."""


@final
class Hall:
    """One server's. Its methods are for the event loop's thread; `work` is done in others."""

    def __init__(
        self, parts: Parts, store: MemoryStore, shelf: Callable[[], Shelf], limits: Limits
    ) -> None:
        """`shelf` gives each connection one of its own, of the same store."""
        self.parts, self.store, self.shelf, self.limits = parts, store, shelf, limits
        self.watches: set[Watch] = set()
        self._held: dict[str, object] = {}
        threads = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="affmem")

    def work(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Do it in a thread, when one is free. A connection waits for one before it asks again."""
        call = partial(do, *args, **kwargs)
        return asyncio.get_running_loop().run_in_executor(self._pool, call)

    def hold(self, person: str, holder: object) -> None:
        """From now on only `holder` changes this person's memory. Raises TakenError."""
        if self._held.setdefault(person, holder) is not holder:
            raise TakenError(person)

    def release(self, holder: object) -> None:
        """What it held is free."""
        self._held = {one: other for one, other in self._held.items() if other is not holder}

    def watching(self, person: str) -> "Watch | None":
        """The connection whose camera sees this person, if any."""
        return next((one for one in self.watches if one.person == person), None)

    async def erased(self, person: str, erase: Callable[[MemoryStore], None]) -> None:
        """Erase them by `erase`. What was erased is, though the store has more to say of it.

        A database that others read at this moment may keep bytes in its log until the next erasure.
        """
        try:
            await self.work(erase, self.store)
        except StoreError as error:
            if await self.card(person) is not None:
                raise
            log.warning("%s", error)

    async def card(self, person: str) -> Card | None:
        """What the store says of a person; None for one who is not there, or no longer."""
        card = await self.work(self.store.card, person)
        return None if card is None or over(card) else card

    def close(self) -> None:
        """Let the threads end, and the store go."""
        self._pool.shutdown()
        self.store.close()


def hall(asked: Watching, limits: Limits) -> Hall:
    """Build what is to be watched with, ready for the first person. Raises what builds raise."""
    if asked.store is None:
        raise PluginError("this experiment names no store: expected a table [store]")
    parts = build_parts(asked, Runtime(seed=asked.seed, device=asked.device))
    Session(parts).close()  # so that what cannot be watched with is told now
    rehearse(parts)
    store, memory = asked.store.build(parts.runtime), asked.memory
    try:
        store.erase_expired()
    except StoreError as error:  # as in `Hall.erased`; what else is wrong shows when it is used
        log.warning("%s", error)
    shelf = partial(Shelf, store, memory.use, memory.config, parts.encoder)
    return Hall(parts, store, shelf, limits)
