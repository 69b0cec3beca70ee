"""A source that another process reads: whatever its files do, that process can be ended, and this one goes on."""

import json
import queue
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any

from PIL import Image

from ganforge.base.errors import UserError
from ganforge.base.stopping import poll
from ganforge.data.sources.budget import MAX_ENDED, MAX_ENTRIES, MAX_MEMORY_BYTES, MAX_SECONDS
from ganforge.data.sources.decode import Header
from ganforge.data.sources.depth import Span
from ganforge.data.sources.entries import Entry
from ganforge.data.sources.left_out import LeftOut
from ganforge.data.sources.paged import pages_of_entries
from ganforge.data.sources.pixel_kinds import Unreadable
from ganforge.data.sources.process import Answer, listen, listing_seconds, raised, start_process

POLL_EVERY_S = 0.1
AT_ONCE = 1_000
"""Entries whose pages are counted with one question."""
Report = list[Any]
"""Of one picture that was read: [height, width, transparent, grey, rest], as it is in its file, the last as
``LeftOut.told`` gives it; of another: [reason]."""


class SourceChanged(UserError):  # noqa: N818 - what happened
    """The source is not the one that was listed."""


class Ended(Exception):  # noqa: N818 - what happened, for the caller to say
    """The process took too long, and was ended, or ended by itself; the text says which, as Unreadable does."""


class Guarded:
    """What ``Source`` tells, of a source that a process of its own has listed, and what that process makes of pictures.

    A picture that takes longer than ``MAX_SECONDS``, or with which the process dies, is unreadable, and a new process
    goes on with the next one; after more than ``MAX_ENDED`` of them the source is refused. For one thread at a time.
    """

    def __init__(self, path: str | Path, like: "Guarded | None" = None) -> None:
        """List the source, as ``open_source`` does.

        like: one of the same source, whose listing and whose knowledge of undecodable pictures it shares. Raises
        UserError, and SourceChanged if it is not like that.
        """
        self.path, self._unknown = str(path), 0
        self.name, self.kind, self.labels_from, self.no_labels = self.path, "", "", ""
        self.entries: list[Entry] = []
        self.skipped: list[tuple[str, str]] = []
        self._count: int | None = None if like is None else like._count
        self._undecodable: dict[int, str] = {} if like is None else like._undecodable
        self._pages: list[int] | None = None if like is None else like._pages
        self._span: Span | None = None if like is None else like._span
        poll()
        self._start()

    def fingerprint(self) -> str:
        try:
            return str(self._ask(listing_seconds(self.path), "fingerprint")[0])
        except Ended as error:
            raise self._refusal(error) from None

    def take_pages(self) -> None:
        """From now on, each page and frame of a file is an entry. Raises UserError where there are too many."""
        pages, count = list[int](), len(self.entries)
        for at in range(0, count, AT_ONCE):
            told = self.many("pages", range(at, min(at + AT_ONCE, count)))
            pages += [1 if isinstance(one[0], str) else one[0] for one in told]  # the reason is told later
        if sum(pages) > MAX_ENTRIES:
            raise UserError(f"{self.name} holds {sum(pages):,} pages, and {MAX_ENTRIES:,} are the most; split it.")
        begin = [0, *accumulate(pages)]
        self._undecodable = {begin[entry]: self._undecodable[entry] for entry in self._undecodable}
        self.entries, self._pages = pages_of_entries(self.entries, pages), pages
        self._tell_how()

    def take_range(self, span: Span) -> None:
        """From now on, span's numbers become black and white. The numbers in it are those of the files."""
        self._span = span
        self._tell_how()

    def numbers(self, index: int, most: int) -> list[float]:
        """Up to so many of an entry's numbers, evenly spaced."""
        return list(self.ask("numbers", index, most)[0])

    def header(self, index: int) -> Header:
        """Raises Unreadable, as all that follow; and UserError as above."""
        return Header(*self.ask("header", index)[0])

    def picture(self, index: int, most: int | None = None) -> Image.Image:
        """Entry ``index``, of mode L, LA, RGB or RGBA; if ``most`` is given, made smaller to have no longer side."""
        return self.take(index, most)[0]

    def take(self, index: int, most: int | None = None) -> tuple[Image.Image, LeftOut]:
        """The same, and what is left of its file."""
        (mode, width, height, told), pixels = self.ask("picture", index, most)
        return Image.frombytes(mode, (width, height), pixels), LeftOut(**(told or {}))

    def ask(self, what: str, index: int, *arguments: Any) -> Answer:
        """One of the questions that ``ganforge.data.reader`` answers, about entry ``index``."""
        if index not in self._undecodable:
            try:
                return self._ask(MAX_SECONDS, what, index, *arguments)
            except Ended as error:
                self._again(error, index)
        raise Unreadable(self._undecodable[index])

    def piece(self, first: int, indices: Sequence[int], target: dict[str, Any], file: str) -> list[Report]:
        """Decode these entries into the rows of a file from ``first`` on. Raises OSError where it cannot be written."""
        return self.many("piece", indices, first, target, file)

    def many(self, what: str, indices: Sequence[int], *arguments: Any) -> list[Any]:
        """What the process reports of each of these entries; [reason] of one that is unreadable."""
        one_by_one = False
        while True:
            reports: list[Any] = []
            broken = [(index, self._undecodable[index]) for index in indices if index in self._undecodable]
            try:
                self._send(what, list(indices), broken, one_by_one, *arguments)
                while (told := self._receive(MAX_SECONDS)[0]) is not None:
                    reports += told
                return reports
            except Ended as error:
                # Several reports come at once, so it takes a second time to tell which picture it was.
                self._again(error, indices[len(reports)] if one_by_one and len(reports) < len(indices) else None)
                one_by_one = True

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # both are pipes

    def _start(self) -> None:
        try:
            self._process = start_process()
        except OSError as error:
            raise UserError(f"No process can be started to read {self.path} ({error.strerror or error}).") from None
        self._answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=listen, args=(self._process.stdout, self._answers), daemon=True)
        self._thread.start()
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        seconds, whole = listing_seconds(self.path), self._count is None
        try:
            told = self._ask(seconds, "open", self.path, whole)[0]
            if whole:
                self.name, self.kind, self.labels_from = told["name"], told["kind"], told["labels_from"]
                self.no_labels = told["no_labels"]
                self.skipped = [(name, reason) for name, reason in told["skipped"]]
                texts: dict[str | None, str | None] = {}  # one text for all of a class
                while len(self.entries) < told["count"]:
                    for name, label, split in self._receive(seconds)[0]:
                        self.entries.append(Entry(name, texts.setdefault(label, label), sys.intern(split)))
        except Ended as error:
            raise self._refusal(error) from None
        except UserError:
            if whole:
                raise
            told = {"count": -1}  # it could be opened a moment ago
        if not whole and told["count"] != self._count:
            raise SourceChanged(f"{self.path} changed while it was read; start again when nothing writes to it.")
        self._count = told["count"]
        self._tell_how()

    def _tell_how(self) -> None:
        """Pages and range, to a process that does not know of them."""
        if self._pages is None and self._span is None:
            return
        try:
            self._ask(MAX_SECONDS, "how", self._pages, self._span)
        except Ended as error:
            raise self._refusal(error) from None

    def _again(self, error: Ended, index: int | None) -> None:
        """Go on with a new process. index: of the entry that is to blame, if that is known."""
        self.close()
        if index is None:
            self._unknown += 1
        else:
            self._undecodable[index] = str(error)
        if len(self._undecodable) > MAX_ENDED or self._unknown > 2 * MAX_ENDED:
            raise UserError(
                f"{self.path} is not read any further: {max(len(self._undecodable), 1)} of its pictures cannot be "
                f"decoded within the limits, the last one because it {error}; remove such pictures."
            )
        self._start()

    def _refusal(self, error: Ended) -> UserError:
        if self._process.poll() is None:
            return UserError(f"Listing {self.path} {error}; get it again, or split it.")
        return UserError(
            f"A process that decoded pictures has ended early, when it listed {self.path}, perhaps for lack of "
            "memory; end what else uses the memory, and start again."
        )

    def _ask(self, seconds: float | None, what: str, *arguments: Any) -> Answer:
        self._send(what, *arguments)
        return self._receive(seconds)

    def _send(self, what: str, *arguments: Any) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([what, *arguments]).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise Ended(DIED) from None

    def _receive(self, seconds: float | None) -> Answer:
        """The next answer. seconds: None: without a limit."""
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            poll()
            wait = POLL_EVERY_S if end is None else max(0.0, min(POLL_EVERY_S, end - time.monotonic()))
            try:
                answer = self._answers.get(timeout=wait)
                break
            except queue.Empty:
                if end is not None and time.monotonic() >= end:
                    raise Ended(f"takes longer than {seconds:,.0f} s") from None
        if answer is None:
            self._process.wait()
            raise Ended(DIED)
        return answer[0]["is"], raised(answer)


DIED = f"ends the process that decodes it, perhaps because it takes more than {MAX_MEMORY_BYTES >> 20:,} MiB of memory"
