"""Decoding with one or several processes: who gets which piece, and what becomes of their answers."""

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from ganforge.data.prepared.decode_rows import Piece
from ganforge.data.prepared.fit import Target
from ganforge.data.sources.guarded import Guarded, Report

MAX_WORKERS = 32
POLL_EVERY_S = 0.1
Answers = Generator[tuple[Piece, list[Report]], None, None]


class _Halt(Exception):  # noqa: N818 - a request that was met, not an error
    """The others are not wanted any more."""


def usual_workers() -> int:
    """As many processes as there are processors to run them on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MAX_WORKERS, len(affinity(0)) if affinity else os.cpu_count() or 1)


def decode_here(
    source: Guarded, pieces: Iterable[Piece], target: Target, path: Path, poll: Callable[[], None]
) -> Answers:
    """Every piece, decoded by the source's own process into the file at ``path``, with its reports."""
    for piece in pieces:
        poll()
        yield piece, source.piece(piece.first, piece.indices, asdict(target), str(path))


def decode_with_workers(
    count: int, source: Guarded, pieces: Sequence[Piece], target: Target, path: Path, poll: Callable[[], None]
) -> Answers:  # fmt: skip
    """The same by ``count`` other processes, in the order in which they finish.

    Raises SourceChanged where one of them does not find what ``source`` found, OSError where the file cannot be
    written, UserError as ``Guarded`` does, and what ``poll`` raises; no process is left then.
    """
    todo: queue.SimpleQueue[Piece] = queue.SimpleQueue()
    for piece in pieces:
        todo.put(piece)
    done: queue.SimpleQueue[tuple[Piece, list[Report]] | BaseException] = queue.SimpleQueue()
    halted = threading.Event()

    def halt() -> None:
        if halted.is_set():
            raise _Halt

    def work() -> None:
        try:
            with closing(Guarded(source.path, halt, like=source)) as mine:
                for answer in decode_here(mine, _taken(todo), target, path, halt):
                    done.put(answer)
        except BaseException as error:  # the main thread raises it
            done.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
        for _ in pieces:
            yield _next(done, poll)
    finally:
        halted.set()
        for thread in threads:
            thread.join()


def _taken(todo: "queue.SimpleQueue[Piece]") -> Iterable[Piece]:
    while True:
        try:
            yield todo.get_nowait()
        except queue.Empty:
            return


def _next(
    done: "queue.SimpleQueue[tuple[Piece, list[Report]] | BaseException]", poll: Callable[[], None]
) -> tuple[Piece, list[Report]]:
    while True:
        poll()
        try:
            answer = done.get(timeout=POLL_EVERY_S)
        except queue.Empty:
            continue
        if isinstance(answer, BaseException):
            raise answer
        return answer
