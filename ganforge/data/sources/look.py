"""What there is to see in one picture of a source, in a few numbers."""

import hashlib
from dataclasses import dataclass

import numpy as np

from ganforge.data.sources.entries import Array
from ganforge.data.sources.guarded import Guarded
from ganforge.data.sources.open import Opened, picture_at

FRAME_SPAN = 4
"""Of 255: the outermost lines may span so much and still be a plain frame: JPEG is not exact."""


@dataclass(frozen=True)
class Look:
    """width, height: pixels. mode: L, LA, RGB or RGBA. digest: equal for equal pixels. transparent: is some pixel not
    opaque? grey: are all channels of an RGB or RGBA picture equal? Of the values but transparency, 0 to 255: how many,
    their sum and that of their squares, minimum, maximum, and the largest span in a channel. frame: (red, green, blue)
    of a plain frame, in 16 steps, or None."""

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
    frame: tuple[int, ...] | None


def look_at(source: Opened, index: int) -> Look:
    """Entry ``index``. Raises Unreadable."""
    if isinstance(source, Guarded):
        told = source.ask("look", index)[0]
        return Look(**told | {"frame": None if told["frame"] is None else tuple(told["frame"])})
    picture = picture_at(source, index)
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
        frame=_frame(colours),
    )  # fmt: skip


def _square(colours: Array) -> int:
    """The sum of the squares, line by line: all squares would take four times as much as the picture."""
    return sum(int(np.square(line, dtype=np.uint32).sum(dtype=np.uint64)) for line in colours)


def _digest(mode: str, pixels: Array) -> str:
    key = f"{mode}{pixels.shape}".encode()
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16, key=key).hexdigest()


def _frame(colours: Array) -> tuple[int, ...] | None:
    """The colour (red, green, blue) of the outermost pixels, in 16 steps, if they have about one; None if not."""
    lines = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])
    low, high = lines.min(0), lines.max(0)
    if int((high.astype(np.int64) - low).max()) > FRAME_SPAN:
        return None
    rounded = tuple(round(float(value) / 17) * 17 for value in np.median(lines, 0))
    return rounded * (3 // len(rounded))
