"""`ganforge watch` on a loopback port, and clients that mean no good."""

import contextlib
import http.client
import os
import re
import signal
import socket
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from attack import home
from attack.outcome import LIMIT_S, Found
from ganforge.cli.main import main

START_S, END_S = 8.0, 5.0


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@contextlib.contextmanager
def page(folder: Path, *options: str) -> Iterator[int]:
    """The page of a folder, in a process of its own; gives the port. Afterwards it must end within 5 s of SIGTERM, and
    have said nothing of a fault. Raises Found."""
    said = Path("watch.txt")
    pid = os.fork()
    if pid == 0:
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        status = 70
        try:
            status = main(["watch", str(folder), "--port", "0", *options])
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    try:
        yield port_of(pid, said)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + END_S
        ended, status = os.waitpid(pid, os.WNOHANG)
        while not ended and time.monotonic() < deadline:
            time.sleep(0.02)
            ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise Found("HANG", f"the page does not end within {END_S:g} s of SIGTERM")
    text = said.read_text(encoding="utf-8", errors="replace")
    said.unlink()
    if "Traceback" in text:
        raise Found("TRACEBACK", text[text.index("Traceback") :][-1500:])
    if os.waitstatus_to_exitcode(status) not in (0, 130, 143):
        raise Found("CRASH", f"the page ended with {os.waitstatus_to_exitcode(status)}: {text[-500:]}")


def port_of(pid: int, said: Path) -> int:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", said.read_text(encoding="utf-8")) if said.exists() else None
        if found:
            return int(found[1])
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            raise Found("CRASH", f"the page does not begin: {said.read_text(encoding='utf-8')[-1500:]}")
        time.sleep(0.02)
    raise Found("HANG", f"the page says no address within {START_S:g} s")


def get(
    port: int, target: str, headers: dict[str, str] | None = None, method: str = "GET", body: bytes = b""
) -> Answer:
    """One request, written as it is given: nothing is made right. Raises Found where no answer comes in time."""
    fields = {"Host": f"127.0.0.1:{port}"} | (headers or {})
    lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items()), "Connection: close", "", ""]
    return raw(port, "\r\n".join(lines).encode("utf-8", "surrogateescape") + body)


def raw(port: int, request: bytes, wait_s: float = LIMIT_S - 1) -> Answer:
    """Bytes, and what comes back. status 0: nothing, or nothing that is HTTP."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=wait_s)) as client:
        try:
            client.sendall(request)
            answer = http.client.HTTPResponse(client)
            answer.begin()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read(8 << 20))
        except TimeoutError:
            raise Found("HANG", f"no answer within {wait_s:g} s") from None
        except (OSError, http.client.HTTPException):
            return Answer(0)


def answers(port: int) -> None:
    """The list is still shown. Raises Found."""
    answer = get(port, "/")
    if answer.status != 200:
        raise Found("CRASH", f"the list is answered by {answer.status}")


def look_at_all(place: Path) -> None:
    """Every page of every run, as a browser asks for them. Raises Found."""
    with page(place / "project" / "runs") as port:
        for run in ("run", "other"):
            pictures = [f"/picture/{kind}?run={run}&nimg=640" for kind in ("fakes", "reals", "evolution")]
            for target in (f"/run/{run}", f"/explore/{run}", f"/compare?runs=run,{run}", *pictures):
                refuse_own(target, get(port, target))
        refuse_own("/", get(port, "/"))
        answers(port)


def refuse_own(target: str, answer: Answer) -> None:
    if home.MARK in answer.body or b"root:x:0:0" in answer.body:
        raise Found("LET THROUGH", f"{target} shows a file of the user's")
    if answer.status >= 500:
        raise Found("CRASH", f"{quote(target[:200])} is answered by {answer.status}")
