"""Fetching one file from the first of several mirrors that gives it whole and right."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, TextIO, cast
from urllib.parse import urlsplit

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from ganforge.base.files import write_atomically
from ganforge.base.stopping import POLL_EVERY_S, poll, polling
from ganforge.base.terminal import Careful, complain

CHUNK_BYTES = 1 << 16
TIMEOUT_S = (5.0, 15.0)  # to connect, and between two pieces of the answer
RETRY_AFTER_S = (0.5, 1.0)  # so three attempts a mirror
OFFLINE = "GANFORGE_OFFLINE"
"""Where this environment variable is set, to anything but nothing, nothing is fetched."""


class NoMirror(Exception):  # noqa: N818 - the name says what happened
    """No mirror gave the file. ``failures``: one line a mirror, its host and why."""

    def __init__(self, failures: list[str]) -> None:
        super().__init__("; ".join(failures))
        self.failures = failures


def download(mirrors: Sequence[str], name: str, target: Path, is_right: Callable[[Path], bool]) -> str:
    """Fetch ``name`` from the first mirror whose file ``is_right`` to ``target``; return its URL.

    mirrors: URLs that end in a slash. is_right: looks at a finished download, before it is put in place.
    ``target`` appears whole or not at all, and no partial file remains, whatever is raised: NoMirror, OSError
    where the folder cannot be written, what ``poll`` raises. With ``OFFLINE`` set, no mirror is asked.
    """
    if os.environ.get(OFFLINE):
        raise NoMirror([f"nowhere, since {OFFLINE} is set"])
    failures = []
    for mirror in mirrors:
        url = mirror + name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, partial(_fetch, url, is_right))
            return url
        except (requests.RequestException, _WrongContentError) as error:
            failures.append(f"{urlsplit(url).netloc}: {reason_of(error)}")
    raise NoMirror(failures)


class _WrongContentError(Exception):
    pass


def _fetch(url: str, is_right: Callable[[Path], bool], path: Path) -> None:
    for pause_s in (*RETRY_AFTER_S, None):
        poll()
        try:
            _fetch_once(url, path)
            break
        except requests.RequestException as error:
            if pause_s is None or _is_final(error):
                raise
            wait_polling(pause_s)
    poll()
    if not is_right(path):
        raise _WrongContentError


def _fetch_once(url: str, path: Path) -> None:
    console = Console(stderr=True, file=None if sys.stderr is None else cast(TextIO, Careful(sys.stderr)))
    complain(f"fetching {url}")
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        path.open("wb") as file,
    ):
        polling(lambda: _stream(url, file, progress))


def _stream(url: str, file: BinaryIO, progress: Progress) -> None:
    # Closed at the end, whatever happens: a connection left to the garbage collector complains at some other time.
    with requests.get(url, stream=True, timeout=TIMEOUT_S) as response:
        response.raise_for_status()
        length = response.headers.get("Content-Length", "")
        task = progress.add_task("", total=int(length) if length.isdecimal() else None)
        for piece in response.iter_content(CHUNK_BYTES):
            file.write(piece)
            progress.advance(task, len(piece))
            poll()


def wait_polling(seconds: float) -> None:
    """Wait, and raise what ``poll`` raises."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        poll()
        time.sleep(min(left, POLL_EVERY_S))


def _is_final(error: requests.RequestException) -> bool:
    """Would another attempt get the same answer? So for "not found", "forbidden" and the like."""
    return error.response is not None and 400 <= error.response.status_code < 500


def reason_of(error: Exception) -> str:
    """Why a download failed, in a few words."""
    match error:
        case _WrongContentError():
            return "sent something else than the file"
        case requests.HTTPError(response=requests.Response(status_code=status)):
            return f"answered HTTP {status}"
        case requests.Timeout():
            return "no answer in time"
        case requests.exceptions.SSLError():
            return "its certificate was not accepted"
        case requests.exceptions.ProxyError():
            return "the proxy gave no connection"
        case requests.exceptions.ChunkedEncodingError():
            return "broke off before the end"
        case requests.ConnectionError():
            return "no connection"
    return type(error).__name__
