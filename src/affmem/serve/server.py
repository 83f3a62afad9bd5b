"""The server's process: where it listens, and with which token."""

import asyncio
import os
import secrets
import socket
from pathlib import Path
from typing import final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from affmem.errors import InputError, UserError
from affmem.serve.app import application
from affmem.serve.gate import LOOPBACK
from affmem.serve.hall import Hall

SHORTEST = 16
"""Characters of a token."""


@final
class Impatient(H11Protocol):
    """Does not wait for ever for who connects and says nothing."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As its base, and the time that it waits between requests counts from now."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )


def token_in(path: Path) -> str:
    """The token in a file; a new one is made, for its owner alone, where there is no file.

    Raises InputError where what it holds is too short to be kept secret.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
    except FileExistsError:
        pass
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    if len(text) < SHORTEST or not text.isascii() or not text.isprintable() or " " in text:
        raise InputError(path, f"expected a token: {SHORTEST} or more letters and digits")
    return text


def check_reach(host: str, token: str | None) -> None:
    """Raises UserError where others could reach it without a token."""
    if host not in LOOPBACK and token is None:
        raise UserError(f"--host {host}: expected --token-file FILE, for others can reach it")


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises UserError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()  # from here on, who connects waits until it is answered
    except (OSError, OverflowError) as error:
        bound.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"--host {host} --port {port}: {reason}") from None
    return bound


def server(
    hall: Hall, token: str | None = None, tls: tuple[Path, Path] | None = None
) -> uvicorn.Server:
    """The server, to be run on a socket; `tls` are the files of a certificate and its key."""
    return uvicorn.Server(
        uvicorn.Config(
            application(hall, token),
            http=Impatient,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            ws_max_size=hall.limits.frame_bytes,
            ws_max_queue=2,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=10,
            limit_concurrency=16 * hall.limits.connections,
            ssl_certfile=tls[0] if tls else None,
            ssl_keyfile=tls[1] if tls else None,
        )
    )
