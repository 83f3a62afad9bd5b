"""One camera, one connection: pictures in, readings out, and never more than one picture waiting.

While a frame is worked on, the newest of those that come is kept and the others are dropped: what
is answered is always of now, whatever the machine manages. Only `_work` touches the session, so a
person is paused, erased or asked for between two frames, never during one.
"""

import asyncio
import json
import logging
from base64 import b64encode
from collections import deque
from datetime import UTC, datetime
from io import BytesIO
from time import monotonic
from typing import Any, Final, final

from attrs import frozen
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from affmem.consent import agree, refusal
from affmem.errors import ConflictError, StoreError, UserError
from affmem.gallery import SIDE, lattice, sheet
from affmem.serve.hall import Hall, TakenError
from affmem.serve.layout import layout
from affmem.serve.limits import Bucket
from affmem.serve.loan import EVERY, Loan
from affmem.serve.pictures import NoPictureError, cut, decoded
from affmem.serve.words import Continue, Edits, Erase, Pause, Resume, Start, Word, words
from affmem.session import Session, Sighting
from affmem.values import Affect, Face, Image

log = logging.getLogger(__name__)

ABSENCE: Final = 5.0
"""Seconds without their face, after which a face is not taken for the same person unasked."""
GRAPH: Final = 1.0
"""Seconds between two drawings of the memory, at least."""
PATIENCE: Final = 30.0
"""Seconds that a client may take to take an answer."""
WORDS: Final = 8
"""Words that wait at most; one more is a mistake."""
WORD: Final = 4096
"""Characters of a word."""


@frozen(eq=False)
class Picture:
    """A frame as it came."""

    number: int
    at: float
    data: bytes


class EndedError(Exception):
    """The connection is to end; with which code, and why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


@final
class Watch:
    """A connection from its first message to its last."""

    def __init__(self, socket: WebSocket, hall: Hall) -> None:
        self._socket, self._hall, self._limits = socket, hall, hall.limits
        self._session = Session(hall.parts)
        self._loan: Loan | None = None
        self.person: str | None = None
        """Whose memory this connection holds"""
        self.paused = False
        self._last = 0.0
        self._checked = 0.0
        self._present = self._sheet = False
        self._drawn = 0.0
        self._number = self._dropped = self._mistakes = 0
        self._waiting: Picture | None = None
        self._words: deque[tuple[Word, asyncio.Future[None] | None]] = deque()
        self._wake = asyncio.Event()
        self._running: asyncio.Future[Any] | None = None
        self._frames = Bucket(self._limits.frames, self._limits.frames)
        self._messages = Bucket(self._limits.messages, 2 * self._limits.messages)

    async def run(self) -> None:
        """Serve the connection to its end; whatever ends it, what was learnt is kept."""
        try:
            await self._socket.accept()
            async with asyncio.TaskGroup() as group:
                working = group.create_task(self._work())
                group.create_task(self._receive(working))
        except* WebSocketDisconnect:
            pass
        except* EndedError as group_of:
            await self._end(group_of)
        finally:
            await asyncio.shield(self._close())

    async def ask(self, word: Word) -> None:
        """Do it between two frames; returns when it is done, or the connection has ended."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._words.append((word, done))
        self._wake.set()
        await done

    # --- what comes in ----------------------------------------------------------------------

    async def _receive(self, working: "asyncio.Task[None]") -> None:
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), self._limits.idle)
            except TimeoutError:
                raise EndedError(1000, "nothing was heard for too long") from None
            if message["type"] == "websocket.disconnect":
                working.cancel()
                return
            if not self._messages.take():
                raise EndedError(1008, "too many messages")
            if (data := message.get("bytes")) is not None:
                self._take(data)
            else:
                await self._hear(message.get("text") or "")

    def _take(self, data: bytes) -> None:
        self._number += 1
        if not self._frames.take():
            self._dropped += 1
            return
        if self._waiting is not None:
            self._dropped += 1
        self._waiting = Picture(self._number, monotonic(), data)
        self._wake.set()

    async def _hear(self, text: str) -> None:
        if len(text) > WORD or len(self._words) >= WORDS:
            await self._mistake("more than can be listened to")
            return
        try:
            word = words.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(one) for one in first["loc"])
            await self._mistake(f"{where}: {first['msg']}" if where else first["msg"])
            return
        self._words.append((word, None))
        self._wake.set()

    async def _mistake(self, problem: str, **more: Any) -> None:  # noqa: ANN401  (JSON)
        self._mistakes += 1
        if self._mistakes > self._limits.mistakes:
            raise EndedError(1008, "too many mistakes")
        await self._send({"type": "error", "problem": problem, **more})

    # --- what is done -----------------------------------------------------------------------

    async def _work(self) -> None:
        await self._send({"type": "hello", "limits": self._told()})
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._words:
                await self._obey(*self._words.popleft())
            picture, self._waiting = self._waiting, None
            if picture is not None:
                await self._answer(picture)

    async def _obey(self, word: Word, done: "asyncio.Future[None] | None") -> None:
        try:
            match word:
                case Start() | Continue():
                    await self._begin(word)
                case Pause() | Resume():
                    await self._pause(paused=isinstance(word, Pause))
                case Erase():
                    await self._erase()
                case Edits():
                    self._sheet = True  # of their next face: none is kept
        except UserError as error:
            await self._send({"type": "error", "problem": str(error)})
        finally:
            if done is not None and not done.done():
                done.set_result(None)

    async def _begin(self, word: Start | Continue) -> None:
        name, hall = word.person, self._hall
        if self.person not in (None, name):
            await self._refuse(name, "other", f"{self.person!r} is watched here")
            return
        try:
            hall.hold(name, self)
        except TakenError:
            await self._refuse(name, "busy", "another window or camera watches this person")
            return
        try:
            await self._borrow(word)
        except UserError as error:
            if self._loan is None:
                hall.release(self)
            await self._refuse(name, "refused", str(error))
            return
        if self._loan is None:
            hall.release(self)
            await self._refuse(name, "unknown", "no memory of this person is kept here")
            return
        self.person, self._last = name, monotonic()
        await self._tell()
        await self._graph()

    async def _borrow(self, word: Start | Continue) -> None:
        """Get the person's memory from the store; no loan of one who never agreed, or expired.

        Who agrees again, for longer or shorter, has a new day on which it ends.
        """
        hall = self._hall
        if isinstance(word, Start):
            await self._call(agree, hall.store, word.person, word.days)
        elif refusal(await hall.card(word.person), datetime.now(UTC)):
            return
        if self._loan is None:
            self._loan = await self._call(
                lambda: Loan(word.person, self._session, hall.shelf(), hall.parts)
            )

    async def _pause(self, *, paused: bool) -> None:
        if self._loan is None:
            return
        self.paused = paused
        change = self._session.pause if paused else self._session.resume
        await self._call(change, self._loan.person)
        await self._keep(now=True)
        if self._loan is not None:
            await self._tell()
            await self._graph()  # as it stays now

    async def _erase(self) -> None:
        if self._loan is None:
            return
        gone = self._loan.person
        self._running = asyncio.ensure_future(self._hall.erased(gone, self._loan.erase))
        try:
            await asyncio.shield(self._running)
        finally:  # of one who wants to be gone nothing more is learnt, also where that failed
            self._forget()
        await self._send({"type": "erased", "person": gone})

    def _forget(self) -> None:
        """The connection watches nobody any more."""
        self._loan = self.person = None
        self.paused = self._present = self._sheet = False
        self._hall.release(self)

    async def _keep(self, *, now: bool = False) -> None:
        """Let the store have what was learnt; what another has changed meanwhile is theirs."""
        if self._loan is None:
            return
        if monotonic() - self._checked > EVERY:
            self._checked = monotonic()
            if refused := refusal(await self._hall.card(self._loan.person), datetime.now(UTC)):
                await self._lose("unknown", refused)
                return
        try:
            await self._call(lambda loan: loan.keep(now=now), self._loan)
        except ConflictError:
            await self._lose("changed", "another program has changed or erased this memory")
        except StoreError as error:
            if await self._hall.card(self._loan.person) is None:
                await self._lose("unknown", str(error))
            else:
                await self._send({"type": "error", "problem": str(error)})

    async def _lose(self, why: str, problem: str) -> None:
        """The memory is someone else's by now, or its time is over: nothing of it is used."""
        assert self._loan is not None  # noqa: S101  (asked of one who is watched)
        gone = self._loan.person
        await self._call(self._loan.void)
        self._forget()
        await self._refuse(gone, why, problem)

    async def _draw(self, face: Face) -> None:
        affects = lattice()
        edits = await self._call(self._hall.parts.editor.edit, face, affects)
        image = await self._call(_webp, sheet(edits, SIDE))
        await self._send(
            {"type": "edits", "columns": SIDE, "affects": affects.round(2).tolist(), "image": image}
        )

    async def _answer(self, picture: Picture) -> None:
        try:
            image, seen = await self._call(self._see, picture)
        except NoPictureError as error:
            await self._mistake(str(error), frame=picture.number)
            return
        height, width = image.shape[:2]
        await self._send(
            {
                "type": "reading",
                "frame": picture.number,
                "dropped": self._dropped,
                "latency": round((monotonic() - picture.at) * 1000, 1),
                "size": [width, height],
                "faces": [_face(one) for one in seen],
            }
        )
        if self._loan is not None:
            await self._follow(seen, image)
            await self._keep()

    def _see(self, picture: Picture) -> tuple[Image, list[Sighting]]:
        image = decoded(picture.data, self._limits)
        return image, [*self._session.see(image, picture.at)]

    async def _follow(self, seen: list[Sighting], image: Image) -> None:
        """Tie the person to their face, notice when it is gone, and draw what was learnt."""
        now = monotonic()
        mine = next((one for one in seen if one.person == self.person), None)
        if mine is not None:
            self._last = now
            if not self._present:
                self._present = True
                await self._tell()
            if mine.learnt and now - self._drawn >= GRAPH:
                await self._graph()
            if self._sheet:
                self._sheet = False
                await self._draw(await self._call(cut, image, mine.corners))
        elif now - self._last > ABSENCE:
            if self._present:
                self._present = False
                await self._tell(absent=True)
        elif seen:  # a face after a moment without one, or the first: taken for theirs
            await self._call(self._session.start, seen[0].track, self.person)

    async def _graph(self) -> None:
        assert self._loan is not None  # noqa: S101  (asked of one who is watched)
        memory = self._loan.known.memory
        graph = await self._call(lambda: layout(memory.state()))
        self._drawn = monotonic()
        await self._send({"type": "memory", **graph})

    # --- what goes out ----------------------------------------------------------------------

    async def _tell(self, *, absent: bool = False) -> None:
        """Where the person and their memory stand."""
        assert self._loan is not None  # noqa: S101  (asked of one who is watched)
        card, known = await self._hall.card(self._loan.person), self._loan.known
        await self._send(
            {
                "type": "person",
                "person": self._loan.person,
                "absent": absent,
                "paused": self.paused,
                "faces": known.seen,
                "units": len(known.memory),
                "expires": card.expires.isoformat() if card and card.expires else None,
            }
        )

    async def _refuse(self, person: str, why: str, problem: str) -> None:
        await self._send({"type": "refused", "person": person, "why": why, "problem": problem})

    async def _send(self, message: dict[str, Any]) -> None:
        text = json.dumps(message, separators=(",", ":"), allow_nan=False)
        try:
            await asyncio.wait_for(self._socket.send_text(text), PATIENCE)
        except TimeoutError:
            raise EndedError(1008, "answers were not taken") from None
        except RuntimeError:  # it has ended, and Starlette says so
            raise WebSocketDisconnect(1006) from None

    def _told(self) -> dict[str, float]:
        limits = self._limits
        return {"bytes": limits.frame_bytes, "side": limits.frame_side, "frames": limits.frames}

    # --- how it works and ends --------------------------------------------------------------

    async def _call(self, do: Any, *args: Any) -> Any:  # noqa: ANN401  (what `do` gives)
        """Do it in a thread; where this is cancelled meanwhile, the end waits for it."""
        self._running = self._hall.work(do, *args)
        return await asyncio.shield(self._running)

    async def _end(self, group: "BaseExceptionGroup[EndedError]") -> None:
        error = group.exceptions[0]
        if isinstance(error, EndedError) and self._socket.client_state is WebSocketState.CONNECTED:
            try:
                await asyncio.wait_for(self._socket.close(error.code, str(error)), PATIENCE)
            except (RuntimeError, TimeoutError, WebSocketDisconnect):
                return

    async def _close(self) -> None:
        self.person = None  # nothing is asked of it any more
        if self._running is not None:  # what it found is for nobody any more, a mistake too
            await asyncio.gather(self._running, return_exceptions=True)
        try:
            if self._loan is not None:
                await self._hall.work(lambda loan: loan.keep(now=True), self._loan)
        except StoreError as error:
            log.warning("what was learnt last is lost: %s", error)
        finally:
            self._session.close()
            self._hall.watches.discard(self)
            self._hall.release(self)
            for _, done in self._words:
                if done is not None and not done.done():
                    done.set_result(None)


def _face(one: Sighting) -> dict[str, Any]:
    return {
        "track": one.track,
        "person": one.person,
        "corners": [[round(float(x), 1), round(float(y), 1)] for x, y in one.corners],
        "pk": _affect(one.pk),
        "memory": _affect(one.memory),
        "activation": round(one.activation, 4),
        "units": one.units,
        "unit": one.unit if one.unit >= 0 else None,
        "learnt": one.learnt,
    }


def _affect(one: Affect | None) -> dict[str, float] | None:
    return (
        None
        if one is None
        else {"arousal": round(one.arousal, 4), "valence": round(one.valence, 4)}
    )


def _webp(image: Any) -> str:  # noqa: ANN401  (an Image)
    from PIL import Image as Pillow

    held = BytesIO()
    Pillow.fromarray(image).save(held, "WEBP", quality=85)
    return f"data:image/webp;base64,{b64encode(held.getvalue()).decode()}"
