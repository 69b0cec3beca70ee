"""Decoding part of a source into rows of a file: in this process, or as one of several.

Processes are started as `python -m ganforge.data.prepared.decode_rows` and not by multiprocessing, which would run the
user's main script again in each of them. They talk in lines of JSON: first the task, answered by {} or {"changed":
true}; then a range of rows, answered by reports.
"""

import json
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ganforge.base.errors import UserError
from ganforge.base.terminal import tell
from ganforge.data.prepared.fit import Target, fit_picture, is_grey, target_from
from ganforge.data.sources.open import Source, Unreadable, open_source, picture_at

Report = list[Any]
"""Of one picture that was read: [height, width, transparent, grey], as it is in its file; of another: [reason]."""


@dataclass(frozen=True)
class Piece:
    """Rows ``first`` to ``first + len(indices) - 1`` of the file are these entries of the source."""

    first: int
    indices: Sequence[int]


def decode_piece(source: Source, piece: Piece, target: Target, file: BinaryIO) -> list[Report]:
    """Read, fit and write a piece; rows of unreadable pictures are left black. Raises OSError."""
    rows = np.zeros((len(piece.indices), *target.shape), np.uint8)
    reports = [_decode(source, index, target, row) for index, row in zip(piece.indices, rows, strict=True)]
    file.seek(piece.first * rows[0].nbytes)
    file.write(rows.data)
    file.flush()
    return reports


def _decode(source: Source, index: int, target: Target, row: np.ndarray) -> Report:
    try:
        picture = picture_at(source, index)
        row[:] = fit_picture(picture, target)
    except Unreadable as error:
        return [str(error)]
    except MemoryError:
        return ["does not fit into memory"]
    transparent = picture.mode in ("LA", "RGBA") and picture.getextrema()[-1] != (255, 255)
    grey = (
        picture.mode in ("L", "LA")
        or (target.channels > 1 and is_grey(row))
        or (target.channels == 1 and _grey(picture))
    )
    return [picture.height, picture.width, transparent, grey]


def _grey(picture: Any) -> bool:
    return is_grey(np.asarray(picture)[..., :3].transpose(2, 0, 1))


def main() -> None:
    """Work through what stdin asks for, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent decides
    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(BrokenPipeError):
        work()


def work() -> None:
    task = json.loads(sys.stdin.readline() or "null")
    if task is None:
        return
    try:
        source = open_source(task["path"])
    except UserError:  # the parent could open it a moment ago
        answer({"changed": True})
        return
    try:
        if len(source.entries) != task["count"]:  # the parent looks closer, at the end
            answer({"changed": True})
            return
        answer({})
        with Path(task["file"]).open("r+b") as file:
            for line in sys.stdin:
                first, indices = json.loads(line)
                try:
                    answer(decode_piece(source, Piece(first, indices), target_from(task["target"]), file))
                except OSError as error:
                    answer({"errno": error.errno, "strerror": error.strerror or str(error)})
                    return
    finally:
        source.close()


def answer(value: Any) -> None:
    tell(json.dumps(value))


if __name__ == "__main__":
    main()
