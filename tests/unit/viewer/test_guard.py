"""Who may see the page."""

import asyncio
from typing import Any

import pytest

from ganforge.viewer.guard import Guard


async def page(scope: Any, receive: Any, send: Any) -> None:
    """What is guarded."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-frame-options", b"DENY")]})
        await send({"type": "http.response.body", "body": b"page"})
    else:
        await send({"type": "websocket.accept"})


def ask(guard: Guard, path: str = "/", kind: str = "http", **headers: str) -> list[dict[str, Any]]:
    """What the guard sends."""
    sent: list[dict[str, Any]] = []
    raw, _, query = path.partition("?")
    scope = {"type": kind, "method": "GET", "path": raw, "raw_path": raw.encode(), "query_string": query.encode()}
    scope |= {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    asyncio.run(guard(scope, receive, send))
    return sent


def status(sent: list[dict[str, Any]]) -> int:
    return int(sent[0]["status"])


@pytest.fixture
def open_guard() -> Guard:
    return Guard(page, None, ("127.0.0.1", "localhost", "::1"), 8765)


@pytest.fixture
def closed_guard() -> Guard:
    return Guard(page, "secret", ("0.0.0.0",), 8765)


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:9000", "LOCALHOST", "[::1]:8765"])
def test_this_machine_needs_no_token(open_guard: Guard, host: str) -> None:
    assert status(ask(open_guard, host=host)) == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "", "127.0.0.1.evil.example", "[::2]:8765"])
def test_another_name_for_this_machine_is_refused(open_guard: Guard, host: str) -> None:
    assert status(ask(open_guard, host=host)) == 403


def test_a_socket_is_only_for_the_page_itself(open_guard: Guard, closed_guard: Guard) -> None:
    same = ask(open_guard, kind="websocket", host="localhost:8765", origin="http://localhost:8765")
    assert same[0]["type"] == "websocket.accept"
    for guard in (open_guard, closed_guard):
        headers = {"host": "localhost:8765", "origin": "http://evil.example", "cookie": "ganforge-8765=secret"}
        assert ask(guard, kind="websocket", **headers) == [{"type": "websocket.close", "code": 1008}]


def test_the_token_lets_in_once_and_then_the_cookie(closed_guard: Guard) -> None:
    answer = ask(closed_guard, "/run/a?x=1&token=secret", host="any")
    headers = {name.decode().lower(): value.decode() for name, value in answer[0]["headers"]}
    assert answer[0]["status"] == 303
    assert headers["location"] == "/run/a?x=1"
    assert headers["set-cookie"].startswith("ganforge-8765=secret;")
    assert "httponly" in headers["set-cookie"].lower()
    assert status(ask(closed_guard, cookie="ganforge-8765=secret", host="any")) == 200
    accepted = ask(closed_guard, kind="websocket", cookie="a=b; ganforge-8765=secret", host="any")
    assert accepted[0]["type"] == "websocket.accept"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}), ("/?token=", {}), ("/?token=secre", {}), ("/?token=Secret", {}), ("/?token=s%C3%A9cret", {}),
        ("/", {"cookie": "ganforge-8765=wrong"}), ("/", {"cookie": "ganforge-1=secret"}), ("/", {"cookie": "\x01;;=="}),
    ],
)  # fmt: skip
def test_all_else_is_refused(closed_guard: Guard, path: str, headers: dict[str, str]) -> None:
    answer = ask(closed_guard, path, host="any", **headers)
    assert status(answer) == 401
    assert b"page" not in answer[1]["body"].split(b"The page", 1)[0]
    assert ask(closed_guard, path, kind="websocket", host="any", **headers)[0]["type"] == "websocket.close"


def test_the_way_back_never_leads_to_another_host(closed_guard: Guard) -> None:
    answer = ask(closed_guard, "//evil.example/x?token=secret", host="any")
    assert dict(answer[0]["headers"])[b"location"] == b"/evil.example/x"


def test_the_page_may_load_nothing_from_elsewhere(open_guard: Guard) -> None:
    headers = dict(ask(open_guard, host="localhost")[0]["headers"])
    assert headers[b"content-security-policy"].startswith(b"default-src 'self';")
    assert b"http" not in headers[b"content-security-policy"]
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-frame-options"] == b"DENY"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://localhost:9999"}, {"origin": ""},
     {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
     {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/_nicegui_ws/socket.io/?EIO=4&transport=polling", "/", "/picture/reals?run=a"])
def test_what_another_site_asks_for_is_refused(
    open_guard: Guard, closed_guard: Guard, headers: dict[str, str], path: str
) -> None:
    for guard in (open_guard, closed_guard):
        sent = ask(guard, path, host="localhost:8765", cookie="ganforge-8765=secret", **headers)
        assert status(sent) == 403
        names = [name for name, _ in sent[0]["headers"]]
        assert not [name for name in names if name.startswith(b"access-control")]
        assert b"cross-origin-resource-policy" in names


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://localhost:8765"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"},
     {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}],
)  # fmt: skip
def test_the_page_itself_and_a_link_to_it_are_let_through(open_guard: Guard, headers: dict[str, str]) -> None:
    assert status(ask(open_guard, host="localhost:8765", **headers)) == 200


def test_no_header_lets_another_site_read(open_guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    async def generous(scope: Any, receive: Any, send: Any) -> None:
        allow = [(b"Access-Control-Allow-Origin", b"*"), (b"access-control-allow-credentials", b"true")]
        await send({"type": "http.response.start", "status": 200, "headers": allow})

    open_guard.app = generous
    names = {name.lower() for name, _ in ask(open_guard, host="localhost")[0]["headers"]}
    assert not [name for name in names if name.startswith(b"access-control")]
    assert {b"cross-origin-resource-policy", b"cross-origin-opener-policy"} <= names
