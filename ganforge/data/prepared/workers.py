"""Decoding with one or several processes: who gets which piece, and what becomes of their answers."""

import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from ganforge.base.in_threads import in_threads
from ganforge.base.stopping import poll
from ganforge.data.prepared.decode_rows import Piece
from ganforge.data.prepared.fit import Target
from ganforge.data.prepared.progress_bar import shown
from ganforge.data.prepared.request import Findings
from ganforge.data.prepared.splits import Chosen
from ganforge.data.sources.budget import brief
from ganforge.data.sources.guarded import Guarded, Report

MAX_WORKERS = 32
MAX_PIECE, MAX_PIECE_BYTES = 64, 4 << 20
"""Pictures, and bytes of them, that are written at once."""
Answers = Generator[tuple[Piece, list[Report]], None, None]


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

    @contextmanager
    def begin() -> Iterator[Callable[[Piece], list[Report]]]:
        with closing(Guarded(source.path, like=source)) as mine:
            yield lambda piece: next(decode_here(mine, [piece], target, path))[1]

    return in_threads(count, pieces, begin)
