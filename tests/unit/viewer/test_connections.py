"""Connections that are kept open for nothing, on a real server."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from ganforge.viewer import connections
from ganforge.viewer.connections import Connection

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
LARGE = 64_000_000


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, works for a while at /slow, answers much at /large."""
    while scope["type"] == "http" and (await receive()).get("more_body"):
        pass
    if scope["path"] == "/slow":
        await asyncio.sleep(1.5)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * (LARGE if scope["path"] == "/large" else 3)})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server with short limits."""
    monkeypatch.setattr(connections, "LOOK_SEC", 0.05)
    monkeypatch.setattr(connections, "REQUEST_SEC", 0.5)
    monkeypatch.setattr(connections, "ANSWER_SEC", 0.5)
    monkeypatch.setattr(connections, "MOST", 10)
    server = uvicorn.Server(uvicorn.Config(app, http=Connection, log_config=None, log_level="critical", lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()
    listener.close()


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        yield line


def is_cut_off(line: socket.socket, drip: bytes = b"") -> bool:
    """Wait for the end, a byte now and then on the way."""
    line.settimeout(0.1)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            line.sendall(drip)
            if not line.recv(1_000_000):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.mark.parametrize("start", [b"", b"G", HEAD, HEAD + b"Content-Length: 5\r\n\r\nab"])
@pytest.mark.parametrize("drip", [b"", b"x"])
def test_a_request_that_does_not_become_whole_is_cut_off(port: int, start: bytes, drip: bytes) -> None:
    with connected(port) as line:
        line.sendall(start)
        assert is_cut_off(line, drip if start == HEAD else b"")


def test_who_takes_nothing_of_an_answer_is_cut_off(port: int) -> None:
    taken = LARGE
    for seconds in (2, 15):  # on a busy machine the page takes longer
        with connected(port) as line:
            line.sendall(HEAD.replace(b"/", b"/large", 1) + b"\r\n")
            time.sleep(seconds)
            line.settimeout(20)
            taken = 0
            with contextlib.suppress(OSError):
                while piece := line.recv(1_000_000):
                    taken += len(piece)
        if taken < LARGE:
            break
    assert taken < LARGE


def test_an_answer_that_takes_time_is_waited_for_and_the_connection_used_again(port: int) -> None:
    with connected(port) as line:
        for path in (b"/slow", b"/"):
            line.sendall(HEAD.replace(b"/", path, 1) + b"\r\n")
            answer = b""
            while not answer.endswith(b"xxx\r\n0\r\n\r\n"):
                piece = line.recv(1_000)
                assert piece
                answer += piece


def test_there_are_not_more_than_so_many(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SEC", 30.0)
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(connected(port)) for _ in range(15)]
        time.sleep(1)
        ended = 0
        for line in lines:
            line.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                try:
                    ended += line.recv(10) == b""
                except ConnectionError:
                    ended += 1
        assert ended == 5


def test_a_head_without_end_is_cut_off(port: int) -> None:
    sent = 0
    with connected(port) as line, contextlib.suppress(OSError):
        line.sendall(HEAD + b"X: ")
        while sent < 200_000_000:
            line.sendall(b"x" * 100_000)
            sent += 100_000
    assert sent < 20_000_000
