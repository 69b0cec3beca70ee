"""Who may see the page: whoever sits at this machine, or whoever has the token."""

import hmac
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

HEADERS = {
    # Pages need their own inline scripts, and nothing at all from another host.
    b"content-security-policy": b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; frame-ancestors 'none'; "
    b"form-action 'self'; base-uri 'self'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
}
NEVER = b"access-control-"
"""How the names of headers begin that would let other sites read an answer."""
AWAY = "The page needs its token: open the full address that `ganforge watch` printed.\n"
WRONG_HOST = "The page answers to the address that `ganforge watch` printed, and to no other name.\n"
OTHER_SITE = "Another web site asked for this; the page is for those who open its address themselves.\n"


class Guard:
    """Lets a request through to ``app`` if it may pass.

    Without a token: only under one of ``hosts``, so that no other web site can reach the page through a name of its
    own. With one: only with the token, in the address once, then in a cookie. In any case: what a browser says that
    another site asks for is refused, but for a link that leads to the page.
    """

    def __init__(self, app: ASGIApp, token: str | None, hosts: Sequence[str], port: int) -> None:
        self.app, self.token, self.hosts = app, token, frozenset(hosts)
        self.cookie = f"ganforge-{port}"  # cookies do not tell ports apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self.refusal(scope, headers)
        if refusal is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, _with_headers(send))

    def refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        """What is answered instead of the page; None where the request may pass."""
        host = headers.get("host", "")
        if _is_from_another_site(headers):
            return PlainTextResponse(OTHER_SITE, 403)
        if self.token is None:
            return None if _name_of(host) in self.hosts else PlainTextResponse(WRONG_HOST, 403)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in query if name == "token"), None)
        if given is not None and _same(given, self.token):
            rest = urlencode([pair for pair in query if pair[0] != "token"])
            path = "/" + scope["raw_path"].decode("latin-1").lstrip("/")  # //host would lead to another host
            answer = RedirectResponse(path + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(self.cookie, self.token, httponly=True, samesite="lax")
            return answer
        return None if _same(_cookie(headers, self.cookie), self.token) else PlainTextResponse(AWAY, 401)


def _is_from_another_site(headers: dict[str, str]) -> bool:
    """Says the browser that the request comes from another site than the page itself? Programs say nothing."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower():
        return True
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not is_link


def _same(given: str, token: str) -> bool:
    """Compared in a time that tells nothing of the token."""
    return hmac.compare_digest(given.encode(), token.encode())


def _cookie(headers: dict[str, str], name: str) -> str:
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[name].value if name in jar else ""


def _name_of(host: str) -> str:
    """localhost:8765 -> localhost; [::1]:8765 -> ::1."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].lower()


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Any) -> None:
        if "headers" in message:  # of an answer, or of a socket that is accepted
            kept = [pair for pair in message["headers"] if not pair[0].lower().startswith(NEVER)]
            present = {name.lower() for name, _ in kept}
            extra = [pair for pair in HEADERS.items() if pair[0] not in present]
            message = message | {"headers": [*kept, *(extra if message["type"] == "http.response.start" else ())]}
        await send(message)

    return send_with_headers
