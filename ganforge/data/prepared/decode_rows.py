"""Decoding part of a source into rows of a file."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from ganforge.data.prepared.fit import Target, fit_picture, is_grey
from ganforge.data.sources.entries import Source
from ganforge.data.sources.guarded import Report
from ganforge.data.sources.paged import PagedSource, as_paged
from ganforge.data.sources.pixel_kinds import reported


@dataclass(frozen=True)
class Piece:
    """Rows ``first`` to ``first + len(indices) - 1`` of the file are these entries of the source."""

    first: int
    indices: Sequence[int]


def decode_piece(
    source: Source | PagedSource,
    first: int,
    indices: Sequence[int],
    target: Target,
    file: BinaryIO,
    broken: Mapping[int, str],
) -> Iterator[Report]:
    """Read and fit a piece, one report after the other, and write it at the end; rows of unreadable pictures are left
    black. broken: entries that are known to be so, and why. Raises OSError."""
    rows, source = np.zeros((len(indices), *target.shape), np.uint8), as_paged(source)
    for index, row in zip(indices, rows, strict=True):
        yield reported(index, broken, partial(_decode, source, target=target, row=row))
    file.seek(first * rows[0].nbytes)
    file.write(rows.data)
    file.flush()


def try_picture(source: Source | PagedSource, index: int) -> tuple[bool, float]:
    """Is the picture grey, and how many seconds does it take to decode and fit it? Raises Unreadable."""
    start = time.monotonic()
    picture, _ = as_paged(source).take(index)
    pixels = fit_picture(picture, Target(3, picture.height, picture.width))
    return is_grey(pixels), time.monotonic() - start


def _decode(source: PagedSource, index: int, target: Target, row: np.ndarray) -> Report:
    picture, rest = source.take(index)
    row[:] = fit_picture(picture, target)
    transparent = picture.mode in ("LA", "RGBA") and picture.getextrema()[-1] != (255, 255)
    grey = (
        picture.mode in ("L", "LA")
        or (target.channels > 1 and is_grey(row))
        or (target.channels == 1 and _grey(picture))
    )
    return [picture.height, picture.width, transparent, grey, rest.told()]


def _grey(picture: Any) -> bool:
    return is_grey(np.asarray(picture)[..., :3].transpose(2, 0, 1))
