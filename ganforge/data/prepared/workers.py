"""Decoding with one or several processes: who gets which piece, and what becomes of their answers."""

import math
import os
import queue
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from ganforge.base.stopping import poll, polled_by
from ganforge.data.prepared.decode_rows import Piece
from ganforge.data.prepared.fit import Target
from ganforge.data.prepared.progress_bar import shown
from ganforge.data.prepared.request import Findings
from ganforge.data.prepared.splits import Chosen
from ganforge.data.sources.budget import brief
from ganforge.data.sources.guarded import Guarded, Report

MAX_WORKERS = 32
POLL_EVERY_S = 0.1
MAX_PIECE, MAX_PIECE_BYTES = 64, 4 << 20
"""Pictures, and bytes of them, that are written at once."""
Answers = Generator[tuple[Piece, list[Report]], None, None]


class _Halt(Exception):  # noqa: N818 - a request that was met, not an error
    """The others are not wanted any more."""


def usual_workers() -> int:
    """As many processes as there are processors to run them on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MAX_WORKERS, len(affinity(0)) if affinity else os.cpu_count() or 1)


def decode_all(source: Guarded, chosen: Chosen, target: Target, file: Path, workers: int) -> Findings:
    """Every chosen picture into the file, and what decoding them brought to light. workers: other processes; 0: none.
    Raises as ``decode_with_workers``."""
    indices, found = chosen.indices, Findings()
    per_piece = max(1, min(MAX_PIECE, MAX_PIECE_BYTES // math.prod(target.shape)))
    pieces = [Piece(at, list(indices[at : at + per_piece])) for at in range(0, len(indices), per_piece)]
    if workers:
        answers = decode_with_workers(min(workers, len(pieces)), source, pieces, target, file)
    else:
        answers = decode_here(source, pieces, target, file)
    done = 0
    with shown(len(indices)) as tell, closing(answers):
        for piece, reports in answers:
            _note(found, source, piece, reports)
            done += len(reports)
            tell(done)
    found.kept.sort()  # processes answer in any order
    found.broken.sort()
    return found


def _note(found: Findings, source: Guarded, piece: Piece, reports: Sequence[Report]) -> None:
    for offset, (index, report) in enumerate(zip(piece.indices, reports, strict=True)):
        if len(report) == 1:
            found.broken.append([brief(source.entries[index].name), brief(report[0])])
            continue
        height, width, transparent, grey, rest = report
        found.tally.note(source.entries[index].name, rest)
        found.sizes[height, width] += 1
        found.transparent += transparent
        found.coloured += not grey
        found.kept.append(piece.first + offset)


def decode_here(source: Guarded, pieces: Iterable[Piece], target: Target, path: Path) -> Answers:
    """Every piece, decoded by the source's own process into the file at ``path``, with its reports."""
    for piece in pieces:
        poll()
        yield piece, source.piece(piece.first, piece.indices, asdict(target), str(path))


def decode_with_workers(count: int, source: Guarded, pieces: Sequence[Piece], target: Target, path: Path) -> Answers:
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
            with polled_by(halt), closing(Guarded(source.path, like=source)) as mine:
                for answer in decode_here(mine, _taken(todo), target, path):
                    done.put(answer)
        except BaseException as error:  # the main thread raises it
            done.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
        for _ in pieces:
            yield _next(done)
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


def _next(done: "queue.SimpleQueue[tuple[Piece, list[Report]] | BaseException]") -> tuple[Piece, list[Report]]:
    while True:
        poll()
        try:
            answer = done.get(timeout=POLL_EVERY_S)
        except queue.Empty:
            continue
        if isinstance(answer, BaseException):
            raise answer
        return answer
