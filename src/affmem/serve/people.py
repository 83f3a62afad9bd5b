"""The addresses of what is kept: who, how much, all of it; and how to have it erased."""

from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path, Response

from affmem.consent import over
from affmem.keeping import pack
from affmem.serve.hall import Hall, TakenError
from affmem.serve.layout import layout
from affmem.serve.words import Erase, Graph, Pause, Person, Problem, Resume
from affmem.values import Card

Named = Annotated[str, Path(description="A person's pseudonym", max_length=200)]
Responses = dict[int | str, dict[str, Any]]
ABSENT: Final[Responses] = {404: {"model": Problem, "description": "No such memory is kept"}}
BUSY: Final[Responses] = {409: {"model": Problem, "description": "Not now: see `problem`"}}


def people(hall: Hall) -> APIRouter:
    """Everything under /api/people; a person with a camera on them is asked for between frames."""
    router = APIRouter(prefix="/api/people")

    async def found(person: str) -> Card:
        card = await hall.card(person)
        if card is None:
            raise HTTPException(404, f"no memory of {person!r} is kept here")
        return card

    @router.get("")
    async def everyone() -> list[Person]:
        """Everyone whose memory is kept, the expired left out."""
        cards = await hall.work(hall.store.people)
        return [_shown(one, hall) for one in cards if not over(one)]

    @router.get("/{person:path}/export", responses=ABSENT, response_class=Response)
    async def export(person: Named) -> Response:
        """All that is kept of a person, as one safetensors file."""
        await found(person)
        kept = await hall.work(hall.store.load, person)
        if kept is None:
            raise HTTPException(404, f"nothing was learnt of {person!r} yet")
        name = f"{quote(person, safe='')}.safetensors"
        return Response(
            await hall.work(pack, kept[0]),
            media_type="application/octet-stream",
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
        )

    @router.get("/{person:path}/memory", responses=ABSENT)
    async def memory(person: Named) -> Graph:
        """The memory as it was last kept, laid out as a graph."""
        await found(person)
        kept = await hall.work(hall.store.load, person)
        return Graph(**await hall.work(layout, kept[0].state if kept else {}))

    @router.post("/{person:path}/pause", responses={**ABSENT, **BUSY})
    async def pause(person: Named) -> Person:
        """Teach the memory nothing more from the camera that watches this person."""
        return await told(person, Pause(type="pause"))

    @router.post("/{person:path}/resume", responses={**ABSENT, **BUSY})
    async def resume(person: Named) -> Person:
        """Teach it again."""
        return await told(person, Resume(type="resume"))

    async def told(person: str, word: Pause | Resume) -> Person:
        card = await found(person)
        watch = hall.watching(person)
        if watch is None:
            raise HTTPException(409, f"no camera watches {person!r}")
        await watch.ask(word)
        return _shown(card, hall)

    @router.get("/{person:path}", responses=ABSENT)
    async def one(person: Named) -> Person:
        """What is kept of one person: how much, since when and until when."""
        return _shown(await found(person), hall)

    @router.delete("/{person:path}", status_code=204, responses={**ABSENT, **BUSY})
    async def erase(person: Named) -> None:
        """Forget all of a person, also where a camera is watching them."""
        watch = hall.watching(person)
        if watch is not None:
            await watch.ask(Erase(type="erase"))
            if await hall.work(hall.store.card, person) is None:
                return
        holder = object()
        try:
            hall.hold(person, holder)
        except TakenError:
            raise HTTPException(409, f"{person!r} comes or goes at this moment") from None
        try:
            # Also one whose time is over: they are kept until they are erased.
            if await hall.work(hall.store.card, person) is None:
                raise HTTPException(404, f"no memory of {person!r} is kept here")
            await hall.erased(person, lambda store: store.erase(person))
        finally:
            hall.release(holder)

    return router


def _shown(card: Card, hall: Hall) -> Person:
    watch = hall.watching(card.person)
    return Person(
        person=card.person,
        faces=card.faces,
        units=card.units,
        size=card.size,
        made=card.made,
        changed=card.changed,
        consent=card.consent,
        expires=card.expires,
        watched=watch is not None,
        paused=watch is not None and watch.paused,
    )
