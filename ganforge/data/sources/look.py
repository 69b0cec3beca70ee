"""What there is to see in one picture of a source, in a few numbers."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.data.sources.entries import Array, Source
from ganforge.data.sources.guarded import Guarded
from ganforge.data.sources.open import Opened
from ganforge.data.sources.paged import PagedSource, as_paged
from ganforge.data.sources.pixel_kinds import reported

FRAME_SPAN = 4
"""Of 255: the outermost lines may span so much and still be a plain frame: JPEG is not exact."""


AT_ONCE = 64
SQUARES = 1 << 20


@dataclass(frozen=True)
class Look:
    """width, height: pixels. mode: L, LA, RGB or RGBA. digest: equal for equal pixels. transparent: is some pixel not
    opaque? grey: are all channels of an RGB or RGBA picture equal? Of the values but transparency, 0 to 255: how many,
    their sum and that of their squares, minimum, maximum, and the largest span in a channel. rest: what is left of the
    file, as ``LeftOut.told`` gives it. frame: (red, green, blue) of a plain frame, in 16 steps, or None."""

    width: int
    height: int
    mode: str
    digest: str
    transparent: bool
    grey: bool
    values: int
    total: int
    square: int
    minimum: int
    maximum: int
    span: int
    rest: dict[str, Any] | None
    frame: tuple[int, ...] | None


def looks(source: Opened, wanted: Sequence[int]) -> Iterator[Look | str]:
    """What there is to see in each of these entries, or why it is unreadable."""
    for at in range(0, len(wanted), AT_ONCE):
        indices = wanted[at : at + AT_ONCE]
        reports = source.many("looks", indices) if isinstance(source, Guarded) else look_reports(source, indices, {})
        for told in reports:
            look = told if len(told) == 1 else [*told[:-1], told[-1] and tuple(told[-1])]  # JSON has no tuples
            yield str(look[0]) if len(look) == 1 else Look(*look)


def look_reports(
    source: Source | PagedSource, indices: Iterable[int], broken: Mapping[int, str]
) -> Iterator[list[Any]]:
    """The same in lists: a look's values, or [reason]. broken: entries known to be unreadable, and why."""
    return (reported(index, broken, lambda entry: list(vars(look_at(source, entry)).values())) for index in indices)


def look_at(source: Source | PagedSource, index: int) -> Look:
    """Entry ``index``. Raises Unreadable."""
    picture, rest = as_paged(source).take(index)
    pixels = np.asarray(picture)
    digest, transparent = _digest(picture.mode, pixels), False
    if picture.mode in ("LA", "RGBA"):
        transparent = bool((pixels[..., -1] < 255).any())
        pixels = pixels[..., :-1]
    colours = pixels if pixels.ndim == 3 else pixels[..., None]
    low, high = colours.min((0, 1)), colours.max((0, 1))
    return Look(
        *picture.size, picture.mode, digest, transparent,
        grey=colours.shape[2] == 3 and bool((colours == colours[..., :1]).all()),
        values=colours.size, total=int(colours.sum(dtype=np.uint64)), square=_square(colours),
        minimum=int(low.min()), maximum=int(high.max()), span=int((high.astype(np.int64) - low).max()),
        rest=rest.told(), frame=next(iter(plain_frames(colours.transpose(2, 0, 1)[None])), None),
    )  # fmt: skip


def _square(colours: Array) -> int:
    """The sum of the squares, of some lines at a time: all squares would take four times as much as the picture."""
    lines = max(1, SQUARES // colours[0].size)
    parts = (colours[at : at + lines] for at in range(0, len(colours), lines))
    return sum(int(np.square(part, dtype=np.uint32).sum(dtype=np.uint64)) for part in parts)


def _digest(mode: str, pixels: Array) -> str:
    key = f"{mode}{pixels.shape}".encode()
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16, key=key).hexdigest()


def plain_frames(pictures: Array) -> list[tuple[int, ...]]:
    """Of pictures uint8 [N, C, H, W], C 1 or 3, the colours (red, green, blue) of the outermost pixels, in 16 steps, of
    those in which they have about one."""
    edges = [pictures[:, :, 0], pictures[:, :, -1], pictures[..., 0], pictures[..., -1]]
    lines = np.concatenate(edges, axis=2)
    plain = (lines.max(2).astype(np.int16) - lines.min(2)).max(1) <= FRAME_SPAN
    colours = np.round(np.median(lines[plain], 2) / 17).astype(int) * 17
    return [tuple(colour) * (3 // len(colour)) for colour in colours.tolist()]
