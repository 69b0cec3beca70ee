"""The process that reads somebody's files: it lists a source and decodes its pictures, as ``Guarded`` asks.

Questions come as lines of JSON on stdin, [what, arguments ...]; answers go to stdout as lines of JSON, {"is": value},
with "raise" where the value says what was raised, and with "bytes" where so many follow. No PyTorch here.
"""

import io
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.prepared.decode_rows import decode_piece, try_picture
from ganforge.data.prepared.fit import target_from
from ganforge.data.shards.parquet_shard import parts_of, take_out
from ganforge.data.shards.places import Places, list_shard
from ganforge.data.sources.budget import MAX_MEMORY_BYTES, words
from ganforge.data.sources.depth import Span, some
from ganforge.data.sources.entries import Source
from ganforge.data.sources.look import look_reports
from ganforge.data.sources.open import open_source
from ganforge.data.sources.paged import PagedSource
from ganforge.data.sources.pixel_kinds import Unreadable, reported

ENTRIES_AT_ONCE = 10_000
REPORT_EVERY_S = 1.0
WATCH_S = 60


class Reader:
    """One source, and the answers to what is asked about it."""

    def __init__(self, out: io.BufferedWriter) -> None:
        self._out = out
        self._source: Source | None = None
        self._taken: PagedSource | None = None
        self._places: Places | None = None

    @property
    def source(self) -> Source:
        assert self._source is not None
        return self._source

    @property
    def taken(self) -> PagedSource:
        assert self._taken is not None
        return self._taken

    def answer(self, what: str, *arguments: Any) -> None:
        answers: dict[str, Callable[..., None]] = {
            "open": self._open,
            "fingerprint": lambda: self._say(self.source.fingerprint()),
            "how": self._how,
            "shard": lambda path, rows: self._say(list_shard(path, rows)),
            "parts": lambda path, places: self._say(parts_of(path, places)),
            "take out": self._take_out,
            "places": self._take_places,
            "pages": self._pages,
            "numbers": lambda index, most: self._say(some(self.taken.numbers(index), most)),
            "header": lambda index: self._say(list(asdict(self.taken.header(index)).values())),
            "looks": self._looks,
            "try": lambda index: self._say(try_picture(self.taken, index)),
            "picture": self._picture,
            "piece": self._piece,
        }
        watch(what not in ("open", "fingerprint", "shard"))
        try:
            answers[what](*arguments)
        except UserError as error:
            self._say(str(error), {"raise": "user"})
        except Unreadable as error:
            self._say(str(error), {"raise": "unreadable"})
        except MemoryError:
            self._say("does not fit into memory", {"raise": "unreadable"})
        except BrokenPipeError:
            raise
        except OSError as error:
            self._say([error.errno, error.strerror or str(error)], {"raise": "system"})
        except Exception as error:  # no decoder's fault ends more than its own picture
            self._say(f"damaged ({words(error)})", {"raise": "unreadable"})

    def _open(self, path: str, whole: bool) -> None:
        self._source = open_source(path)
        self._taken = PagedSource(self._source)
        if path.startswith("hub:"):
            limit_memory()
        source, count = self._source, len(self._source.entries)
        facts: dict[str, Any] = {"count": count}
        if whole:
            facts |= {"name": source.name, "kind": source.kind, "labels_from": source.labels_from}
            facts |= {"no_labels": source.no_labels, "skipped": list(source.skipped)}
        self._say(facts)
        for at in range(0, count if whole else 0, ENTRIES_AT_ONCE):
            self._say([[entry.name, entry.label, entry.split] for entry in source.entries[at : at + ENTRIES_AT_ONCE]])

    def _how(self, counts: list[int] | None, span: Span | None) -> None:
        self._taken = PagedSource(self.source, counts, None if span is None else (span[0], span[1]))
        self._say(None)

    def _take_places(self, places: list[tuple[str, int, int]], span: Span | None) -> None:
        """From now on, the pictures are so many bytes of files."""
        if self._places is None:
            self._places = Places()
        self._places.forget()
        self._places.places = places
        self._taken = PagedSource(self._places, None, None if span is None else (span[0], span[1]))
        self._say(None)

    def _take_out(
        self, places: list[int], broken: list[tuple[int, str]], one_by_one: bool, path: str, out: str
    ) -> None:
        known = dict(broken)
        self._report(iter(take_out(path, places, out, lambda at, put: reported(at, known, put))), one_by_one)

    def _pages(self, indices: list[int], broken: list[tuple[int, str]], one_by_one: bool) -> None:
        known = dict(broken)
        told = (reported(index, known, lambda entry: [self.taken.pages(entry)]) for index in indices)
        self._report(told, one_by_one)

    def _picture(self, index: int, most: int | None) -> None:
        picture, rest = self.taken.take(index)
        if most is not None:
            picture.thumbnail((most, most))
        pixels = picture.tobytes()
        self._say([picture.mode, *picture.size, rest.told()], {"bytes": len(pixels)})
        self._out.write(pixels)
        self._out.flush()

    def _piece(
        self, indices: list[int], broken: list[tuple[int, str]], one_by_one: bool, first: int, target: Any, path: str
    ) -> None:
        with Path(path).open("r+b") as file:
            reports = decode_piece(self.taken, first, indices, target_from(target), file, dict(broken))
            self._report(reports, one_by_one)

    def _looks(self, indices: list[int], broken: list[tuple[int, str]], one_by_one: bool) -> None:
        self._report(look_reports(self.taken, indices, dict(broken)), one_by_one)

    def _report(self, reports: Iterator[Any], one_by_one: bool) -> None:
        """Lists of reports, now and then, and null when all is done."""
        held, said = [], time.monotonic()
        for report in reports:
            held.append(report)
            watch(True)
            if one_by_one or time.monotonic() - said > REPORT_EVERY_S:
                self._say(held)
                held, said = [], time.monotonic()
        self._say(held)
        self._say(None)

    def _say(self, value: Any, more: dict[str, Any] | None = None) -> None:
        self._out.write(json.dumps({"is": value} | (more or {})).encode() + b"\n")
        self._out.flush()


def watch(limited: bool) -> None:
    """End by itself some time after it should have been ended: for when the process that asked is gone."""
    if hasattr(signal, "alarm"):
        signal.alarm(WATCH_S if limited else 0)


def limit_memory(more: int = MAX_MEMORY_BYTES) -> None:
    """From now on, ask the system for so many bytes more at most; where it cannot be told so, do nothing."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        status = Path("/proc/self/status").read_text(encoding="utf-8")
        held = next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData:"))
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = held + more if most == resource.RLIM_INFINITY else min(held + more, most)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, wanted))


def main() -> None:
    """Answer what stdin asks, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent decides
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # likewise, where the terminal is closed
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints is no answer
    reader, limited = Reader(out), False
    with suppress(BrokenPipeError):
        for line in sys.stdin.buffer:
            what, *arguments = json.loads(line)
            if not limited and (
                what in ("shard", "places") or (what == "open" and not arguments[0].startswith("hub:"))
            ):
                limit_memory()
                limited = True
            reader.answer(what, *arguments)
            watch(False)


if __name__ == "__main__":
    main()
