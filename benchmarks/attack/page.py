"""Requests to the page: other hosts and origins, paths that climb, polling, half a request, junk."""

import contextlib
import itertools
import random
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

from attack import runs
from attack.outcome import LIMIT_S, Attempt, Found
from attack.runs import Fixtures
from attack.watching import answers, get, page, raw, refuse_own

Ask = Callable[[int], object]
POLLING = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
TARGETS = ("/", "/run/run", "/explore/run", "/compare?runs=run", "/picture/reals?run=run", "/assets/icon.svg", POLLING)
FOREIGN = ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1",
           "[2001:db8::1]", "", "127.0.0.1@evil.example", "evil.example/127.0.0.1", "LOCALHOST.", "0.0.0.0",
           "127.0.0.1 evil.example")  # fmt: skip
ORIGINS = ("http://evil.example", "https://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1",
           "http://localhost:1", "file://", "http://evil.example@127.0.0.1", "")  # fmt: skip
CLIMBS = ("../thesis", "..%2fthesis", "%2e%2e/thesis", "..%252fthesis", "..\\thesis", "..%5cthesis", "....//thesis",
          "..%c0%afthesis", "run/home/thesis", "run/../../../thesis", "//etc/passwd", "/etc/passwd", "%00/thesis",
          "run%00.png", "run/.notes-of-mine", "home/thesis", ".", "..", "~/thesis",
          "run/snapshots/../../../../thesis")  # fmt: skip
PLACES = ("/{}", "/run/{}", "/explore/{}", "/compare?runs={}", "/picture/fakes?run={}&nimg=640", "/picture/{}?run=run",
          "/picture/nearest?run={}&nimg=1", "/assets/{}", "/_nicegui/{}", "/_nicegui/3.18.0/static/{}",
          "/_nicegui/3.18.0/resources/{}", "/_nicegui/3.18.0/components/{}", "/_nicegui/auto/static/{}")  # fmt: skip


def foreign_host(target: str, host: str, port: int) -> None:
    answer = get(port, target, {"Host": host})
    refuse_own(target, answer)
    if 200 <= answer.status < 400:
        raise Found("LET THROUGH", f"{target} answers {answer.status} to Host {host!r}")


def foreign_origin(target: str, origin: str, port: int) -> None:
    answer = get(port, target, {"Origin": origin})
    allowed = answer.headers.get("access-control-allow-origin")
    if allowed is not None or (target == POLLING and origin and answer.status < 400):
        raise Found("LET THROUGH", f"{target} answers {answer.status} to Origin {origin!r}, and allows {allowed}")


def foreign_socket(origin: str, port: int) -> None:
    """A socket's handshake."""
    upgrade = {"Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    lines = [
        f"GET {POLLING.replace('polling', 'websocket')} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Connection: Upgrade",
    ]
    lines += [f"{name}: {value}" for name, value in (upgrade | {"Origin": origin}).items()]
    if raw(port, ("\r\n".join(lines) + "\r\n\r\n").encode()).status == 101 and origin:
        raise Found("LET THROUGH", f"a socket is opened for Origin {origin!r}")


def climb(place: str, name: str, port: int) -> None:
    target = place.format(name)
    refuse_own(target, get(port, target))


def without_token(target: str, given: str, port: int) -> None:
    answer = get(port, target + ("&" if "?" in target else "?") + f"token={quote(given)}")
    if answer.status < 400:
        raise Found("LET THROUGH", f"{target} answers {answer.status} to the token {given!r}")


def junk(seed: str, port: int) -> None:
    """Bytes that begin as a request, or do not."""
    chance = random.Random(seed)
    method = chance.choice(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PRI", "CONNECT", "x" * 9000, "\x1b[2J"])
    target = chance.choice(
        [*TARGETS, "*", "http://evil.example/", "/" + "a" * 70_000, "/" + chance.randbytes(20).hex(), "/\x1b[2J"]
    )
    extra = chance.choice([
        "Content-Length: 99999999999999999999", "Content-Length: -1", "Transfer-Encoding: chunked",
        "X: " + "y" * 200_000,
        "\r\n".join(f"X-{n}: y" for n in range(5000)), "Cookie: " + chance.randbytes(50).hex(),
        "Range: bytes=0-,0-,0-,0-",
        "Expect: 100-continue", "Upgrade: websocket", "Accept-Encoding: " + "gzip, " * 500,
        "Cookie: a=\x01\"; ganforge-1=\\",
    ])  # fmt: skip
    text = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{extra}\r\nConnection: close\r\n\r\n".encode()
    body = chance.randbytes(chance.choice((0, 0, 100, 5000)))
    with contextlib.suppress(Found):  # a request that promises a body may wait for it: the page goes on meanwhile
        raw(port, (text + body) if chance.random() < 0.8 else chance.randbytes(3000), wait_s=2)


def polling_junk(seed: str, port: int) -> None:
    """A session by polling from the page's own origin, and packets that are none."""
    chance, own = random.Random(seed), {"Origin": f"http://127.0.0.1:{port}"}
    opened = get(port, POLLING, own).body
    sid = opened.partition(b'"sid":"')[2].partition(b'"')[0].decode()
    packets = [
        b"40", b"42[", b'42["event",', b'42["handshake",{}]', b'42["log",1]', b"4" * 100_000, b"9", b"\xff\x00",
        b'42["event",{"id":-1,"listener_id":"x","args":[[]]}]', b'451-["x",{"_placeholder":true,"num":0}]',
        b"42" + b"[" * 50_000, b'42["ack",{"next_message_id":"x"}]', b'42["javascript_response",{}]',
        b'42["too_long_message",1]',
    ]  # fmt: skip
    for packet in chance.sample(packets, 6):
        get(
            port,
            f"{POLLING}&sid={sid}",
            own | {"Content-Type": "text/plain", "Content-Length": str(len(packet))},
            "POST",
            packet,
        )


def half_open(count: int, port: int) -> None:
    """Many requests that never end: others are answered meanwhile. Raises Found."""
    with contextlib.ExitStack() as held:
        for number in range(count):
            client = held.enter_context(
                contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S))
            )
            client.sendall((b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", b"GET /", b"", b"\x16\x03\1")[number % 4])
        start = time.monotonic()
        answers(port)
        if time.monotonic() - start > LIMIT_S / 2:
            raise Found("HANG", f"the list takes {time.monotonic() - start:.1f} s while {count} requests are half open")


def closes_half_open(port: int) -> None:
    """Such a request is closed some time. Raises Found."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        try:
            client.recv(100)
        except TimeoutError:
            raise Found("HANG", "half a request is held open for a minute") from None


def many_loads(count: int, port: int) -> None:
    """Pages that are loaded and never open their socket."""
    for _ in range(count):
        answers(port)


def asks(seed: int) -> dict[str, tuple[Ask, tuple[str, ...]]]:
    """What is asked, and the options of the page."""
    found: dict[str, tuple[Ask, tuple[str, ...]]] = {}
    for target, host in itertools.product(TARGETS, FOREIGN):
        found[f"{target} with Host {host!r}"] = (partial(foreign_host, target, host), ())
    for target, origin in itertools.product(TARGETS, ORIGINS):
        found[f"{target} with Origin {origin!r}"] = (partial(foreign_origin, target, origin), ())
    for origin in ORIGINS:
        found[f"a socket with Origin {origin!r}"] = (partial(foreign_socket, origin), ())
    for place, name in itertools.product(PLACES, CLIMBS):
        found[place.format(name)] = (partial(climb, place, name), ())
    for target, given in itertools.product(TARGETS, ("", "wrong", "secre", "secret2", "SECRET", "\0secret", "sécret")):
        found[f"{target} with the token {given!r}"] = (partial(without_token, target, given), ("--token", "secret"))
    for number in range(200):
        found[f"junk {number}"] = (partial(junk, f"{seed}-{number}"), ())
    for number in range(60):
        found[f"polled junk {number}"] = (partial(polling_junk, f"{seed}-{number}"), ())
    found |= {f"{count} half requests": (partial(half_open, count), ()) for count in (1, 20, 100, 300)}
    found |= {f"{count} loads without a socket": (partial(many_loads, count), ()) for count in (5, 40)}
    return found


def attempts(fixtures: Fixtures, seed: int) -> Iterator[Attempt]:
    yield runs.normal("page", "page", partial(ask, answers, ()), fixtures.copy_half)
    planned = [*asks(seed).items()]
    random.Random(seed).shuffle(planned)
    for what, (one, options) in planned:
        yield Attempt("page", what, "page", partial(ask, one, options), fixtures.copy_half, limit_s=LIMIT_S + 5)
    yield Attempt("page", "half a request is closed", "page", partial(ask, closes_half_open, ()), fixtures.copy_half,
                  limit_s=75)  # fmt: skip


def ask(one: Ask, options: tuple[str, ...], home: Path) -> None:
    """Ask, and see that the page still answers and ends when it is told to."""
    with page(home / "project" / "runs", *options) as port:
        one(port)
        if not options:
            answers(port)
