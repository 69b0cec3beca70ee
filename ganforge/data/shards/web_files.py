"""Parts of files on the web and in stores, from servers that may be slow, break off, or say what is not so."""

import os
import re
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from ganforge.base.stopping import poll
from ganforge.data.download import CHUNK_BYTES, OFFLINE, TIMEOUT_S, reason_of, wait_polling
from ganforge.data.shards.shard_files import ShardLost

RETRY_AFTER_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses between attempts that bring nothing new."""
SLOW_S, SLOW_BYTES = 30.0, 1 << 16
"""An answer that brings less in that time is given up, or a server could keep it open for ever."""
MAX_REDIRECTS = 5
CONNECTIONS = 32


class Fault(Exception):  # noqa: N818 - what happened
    """An attempt failed; the text says why. is_final: would another get the same answer?"""

    def __init__(self, text: str, *, is_final: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final


@dataclass(frozen=True)
class Part:
    """What a server sends. begin: where it begins in the file; total: the file's size, if that is told; stamp: the
    server's own mark of this version of the file, "" if it has none."""

    pieces: Iterator[bytes]
    begin: int
    total: int | None
    stamp: str


Opener = Callable[[str, int, int | None], AbstractContextManager[Part]]
"""(URL, first byte, last byte or None for all that follow) -> a part. Raises Fault, from its pieces, too."""


class Web:
    """http:// and https://, by connections that are kept."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.max_redirects = MAX_REDIRECTS
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
        weakref.finalize(self, self.session.close)

    @contextmanager
    def part(self, url: str, first: int, last: int | None) -> Iterator[Part]:
        """See ``Opener``."""
        asked = {"Range": f"bytes={first}-{'' if last is None else last}"} if first or last is not None else {}
        try:
            headers = {"Accept-Encoding": "identity"} | asked
            with self.session.get(url, stream=True, timeout=TIMEOUT_S, headers=headers) as response:
                response.raise_for_status()
                if urlsplit(url).scheme == "https" and urlsplit(response.url).scheme != "https":
                    raise Fault("led to a place that is not encrypted", is_final=True)
                begin, total = _extent(response)
                stamp = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
                yield Part(in_time(response.iter_content(CHUNK_BYTES)), begin, total, stamp[:200])
        except requests.RequestException as error:
            status = None if error.response is None else error.response.status_code
            final = status is not None and 400 <= status < 500 and status not in (408, 425, 429)
            final |= isinstance(error, requests.TooManyRedirects | requests.exceptions.InvalidURL)
            raise Fault(reason_of(error), is_final=final) from None


def _extent(response: requests.Response) -> tuple[int, int | None]:
    """Where an answer begins in the file, and the file's size."""
    if response.status_code != 206:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if re.fullmatch("[0-9]{1,18}", length) else None
    told = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", response.headers.get("Content-Range", ""))
    if told is None:
        raise Fault("answered with a part of a file without saying which")
    return int(told[1]), None if told[2] == "*" else int(told[2])


def in_time(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces. Raises Fault where they come too slowly, and what ``poll`` raises."""
    since, got = time.monotonic(), 0
    for piece in pieces:
        poll()
        yield piece
        got += len(piece)
        if time.monotonic() - since > SLOW_S:
            if got < SLOW_BYTES:
                raise Fault(f"brings less than {SLOW_BYTES >> 10} KiB in {SLOW_S:.0f} s")
            since, got = time.monotonic(), 0


def fetch_whole(
    url: str, part: Opener, begin_anew: Callable[[], Callable[[bytes], object]], most: int
) -> tuple[int, str]:
    """All of a file, from where it broke off if it does; returns its size, and the server's mark of it.

    begin_anew: called before the first byte, and again where the server can only begin there or the file has changed
    meanwhile; gives what takes the pieces. most: bytes. Raises ShardLost.
    """
    take, got, best, failures = begin_anew(), 0, 0, 0
    known: tuple[int | None, str] | None = None
    while True:
        try:
            with part(url, got, None) as answer:
                now = answer.total, answer.stamp
                if got and answer.begin == 0:  # it sends no parts
                    take, got = begin_anew(), 0
                elif answer.begin != got:
                    raise Fault("sent another part than was asked for")
                elif got and now != known:
                    take, got = begin_anew(), 0
                    raise Fault("changed while it was fetched")
                known = now
                if (answer.total or 0) > most:
                    raise Fault(f"takes {answer.total:,} bytes, and {most:,} are the most", is_final=True)
                for piece in answer.pieces:
                    got += len(piece)
                    if got > (most if answer.total is None else answer.total):
                        raise Fault("sends more than it should have", is_final=True)
                    take(piece)
            if answer.total is None or got == answer.total:
                return got, answer.stamp
            raise Fault("broke off before the end")
        except Fault as why:
            failures = failures + 1 if got <= best else 1
            best = max(best, got)
            if why.is_final or failures > len(RETRY_AFTER_S):
                raise ShardLost(str(why)) from None
            wait_polling(RETRY_AFTER_S[failures - 1])


def fetch_part(url: str, part: Opener, begin: int, size: int) -> tuple[bytes, int | None] | None:
    """So many bytes, and the size of the whole file; None where the server sends no parts. Raises ShardLost."""
    for pause in (*RETRY_AFTER_S, None):
        try:
            with part(url, begin, begin + size - 1) as answer:
                if answer.begin != begin:
                    return None
                content = bytearray()
                for piece in answer.pieces:
                    content += piece
                    if len(content) > size:
                        raise Fault("sends more than was asked for", is_final=True)
                if len(content) < size:
                    raise Fault("broke off before the end")
                return bytes(content), answer.total
        except Fault as why:
            if pause is None or why.is_final:
                raise ShardLost(str(why)) from None
            wait_polling(pause)
    raise AssertionError


def refuse_offline() -> None:
    """Raises ShardLost where nothing may be fetched."""
    if os.environ.get(OFFLINE):
        raise ShardLost(f"not fetched, since {OFFLINE} is set")
