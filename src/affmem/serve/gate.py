"""Who may come in: every request and every WebSocket passes here before anything is done for it.

A page of another site that the same browser shows is the adversary on loopback: it may send
requests to this machine (so Origin is checked) and give itself a name that leads here (so Host is:
DNS rebinding). Beyond loopback it is anyone on the network, so there a token is asked for.
"""

import hmac
from collections import OrderedDict
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affmem.serve.limits import Bucket, Limits

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "affmem_token"
BODY = 4096
"""Bytes of a request's body; none of the addresses takes more."""
ADDRESSES = 1024
"""Clients whose rate is known; the one heard of longest ago is forgotten first."""
SAFE = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer: nothing is loaded from elsewhere, and nothing elsewhere may hold this."""


@final
class Gate:
    """ASGI middleware. Without a token, only who called us by a name of loopback passes."""

    def __init__(self, app: ASGIApp, limits: Limits, token: str | None = None) -> None:
        self._app, self._limits, self._token = app, limits, token
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, _bounded(receive), _sealed(scope, send))
        elif scope["type"] == "websocket" and "websocket.http.response" not in scope.get(
            "extensions", {}
        ):
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, _sealed(scope, send))

    def _refusal(self, scope: Scope) -> Response | None:
        """What to say instead of letting it in."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._token and _name(host) not in LOOPBACK:
            return _no(421, f"host {host!r}: expected localhost")
        if origin is not None and _netloc(origin) != host.casefold():
            return _no(403, f"origin {origin!r}: expected this server's own page")
        site = headers.get("sec-fetch-site", "none")
        if site not in ("none", "same-origin") and not _visit(scope, headers):
            return _no(403, "asked for by another site")
        if not self._take(scope):
            return _no(429, "too many requests", {"Retry-After": "1"})
        if int(_digits(headers.get("content-length", "0"))) > BODY:
            return _no(413, f"a body of more than {BODY} bytes")
        return self._without_token(scope, headers) if self._token else None

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """None for one who has it; for a link that holds it, the page itself and a cookie."""
        assert self._token is not None  # noqa: S101  (asked for where there is one)
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.casefold() == "bearer" and _same(bearer.strip(), self._token):
            return None
        if _same(_cookie(headers), _sealing(self._token)):
            return None
        given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if _same(dict(given).get("token", ""), self._token):
            if scope["type"] == "websocket":
                return None
            if scope["method"] in SAFE:
                rest = urlencode([(key, value) for key, value in given if key != "token"])
                here = "/" + scope["path"].lstrip("/")  # two slashes would lead to another host
                answer = RedirectResponse(f"{here}{'?' if rest else ''}{rest}", 303)
                answer.set_cookie(
                    COOKIE, _sealing(self._token), httponly=True, samesite="strict",
                    secure=scope["scheme"] == "https",
                )  # fmt: skip
                return answer
        return _no(401, "expected the token that affmem serve was started with",
                   {"WWW-Authenticate": "Bearer"})  # fmt: skip

    def _take(self, scope: Scope) -> bool:
        address = (scope.get("client") or ("", 0))[0]
        rate = self._limits.requests
        bucket = self._buckets.setdefault(address, Bucket(rate, 4 * rate))
        self._buckets.move_to_end(address)
        if len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket.take()


def _no(status: int, problem: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"problem": problem}, status, headers)


def _name(host: str) -> str:
    """A host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _netloc(origin: str) -> str:
    """An origin's host and port; what is no address has none."""
    try:
        return urlsplit(origin).netloc.casefold()
    except ValueError:
        return ""


def _visit(scope: Scope, headers: Headers) -> bool:
    """A link followed from elsewhere: it opens the page and does nothing else."""
    return (
        scope["type"] == "http"
        and scope["method"] in SAFE
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and not scope["path"].startswith("/api/")
    )


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdigit() and len(text) < 10 else str(BODY + 1)


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _sealing(token: str) -> str:
    """What the cookie holds: it proves the token and does not tell it."""
    return hmac.new(token.encode(), b"affmem serve", sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _bounded(receive: Receive) -> Receive:
    """A body that was longer than it said, or did not say, ends as one cut off."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > BODY:
                return {"type": "http.disconnect"}
        return message

    return bounded


def _sealed(scope: Scope, send: Send) -> Send:
    """What is said of a person is kept by no cache; the page is asked for anew each time."""
    personal = scope["path"].startswith("/api/")

    async def sealed(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers["Cache-Control"] = "no-store" if personal else "no-cache"
        await send(message)

    return sealed
