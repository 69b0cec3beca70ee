"""For the tests of the page: a real training, a real server, and a real Chromium."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
ENDLESS = ("--total-nimg", "1000000000", "--report-nimg", "2048", "--snapshot-nimg", "8192", "--metric-samples", "200")
SHORT = ("--total-nimg", "6000", "--report-nimg", "1000", "--snapshot-nimg", "3000", "--metric-samples", "600")


def patience() -> float:
    """How many times longer than alone anything may take on a machine that has so much else to do; at least 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def browser_path() -> str | None:
    """Where a Chromium is."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def train(out: Path, *settings: str) -> "subprocess.Popen[bytes]":
    """A training in a process of its own."""
    command = [sys.executable, "-m", "ganforge", "train", "note", "--data", "digits", "--threads", "1"]
    return subprocess.Popen(
        [*command, *settings, "--out", str(out)], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextmanager
def watching(*arguments: str) -> Iterator[str]:
    """`ganforge watch` with the arguments; gives the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ganforge", "watch", *arguments], env=ENVIRONMENT, text=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        address = re.search(r"http://\S+", line)
        assert address is not None, line
        yield address[0]
    finally:
        end(process)
        process.stdout.close()


def end(process: "subprocess.Popen[Any]") -> None:
    """Stop a process, kindly at first."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Visitor:
    """A page in the browser that keeps a record of everything that must not happen."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address.rstrip("/")
        self.faults: list[str] = []
        page.on("console", lambda said: said.type == "error" and self.faults.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("request", self._check_host)
        page.set_default_timeout(15_000)

    def go(self, path: str) -> None:
        """Open a page of the server."""
        self.page.goto(self.address + path)

    def _check_host(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.address).netloc:
            self.faults.append(f"another host: {request.url}")


def until(condition: Any, seconds: float = 60.0) -> float:
    """Wait for it; returns how long that took."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "it did not come"
        time.sleep(0.05)
    return time.monotonic() - start


def shown_nimg(words: str) -> int:
    """8,192 images, grid 5 of 5 -> 8192."""
    return int(words.split(" ")[0].replace(",", ""))
