"""The application: the page, the addresses of what is kept, and the WebSocket that watches."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from affmem.errors import StoreError, UserError
from affmem.serve.gate import Gate
from affmem.serve.hall import Hall
from affmem.serve.people import people
from affmem.serve.watch import Watch
from affmem.serve.words import Health

log = logging.getLogger(__name__)

EXPIRING: Final = 60.0
"""Seconds after which it is looked whose time is over."""
PAGE: Final = Path(__file__).with_name("page")
ABOUT: Final = (
    "Readings of a person's affect, and the memories that they are read by. Pictures go to the "
    "WebSocket /api/watch, whose messages docs/serve.md lists."
)


async def _expire(hall: Hall) -> None:
    """Erase, for good, whoever's time is over."""
    while True:
        await asyncio.sleep(EXPIRING)
        try:
            await hall.work(hall.store.erase_expired)
        except StoreError as error:  # another holds it: the next time will do
            log.warning("%s", error)


def application(hall: Hall, token: str | None = None) -> FastAPI:
    """The ASGI application; with a token, nothing is answered without it."""

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        expiring = asyncio.create_task(_expire(hall))
        yield
        expiring.cancel()
        hall.close()

    app = FastAPI(
        title="affmem serve",
        version=version("affmem"),
        description=ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        lifespan=life,
    )
    app.add_middleware(Gate, limits=hall.limits, token=token)
    app.include_router(people(hall))
    app.mount("/page", StaticFiles(directory=PAGE))

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"problem": error.detail}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def misnamed(_request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"problem": str(error.errors()[0]["msg"])}, 422)

    @app.exception_handler(UserError)
    async def mistaken(_request: Request, error: UserError) -> JSONResponse:
        return JSONResponse({"problem": str(error)}, 409)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/api/health")
    async def health() -> Health:
        """Whether the server is there, and how many cameras it watches."""
        return Health(version=version("affmem"), watching=len(hall.watches))

    @app.websocket("/api/watch")
    async def watch(socket: WebSocket) -> None:
        if len(hall.watches) >= hall.limits.connections:
            await socket.send_denial_response(JSONResponse({"problem": "too many cameras"}, 503))
            return
        one = Watch(socket, hall)
        hall.watches.add(one)
        await one.run()

    return app
