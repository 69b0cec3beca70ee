"""Bringing pictures of any size and kind to one shape: which shape, and how.

Everything here works on Pillow pictures of mode L, LA, RGB or RGBA, 8 bits a channel, and needs no PyTorch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganforge.data.sources.paged import MODES

SIDES = (16, 32, 64, 128, 256)
"""The sides that pictures of different sizes may be brought to without being asked."""
LARGEST_COMMON_SIDE = 1024
"""Pictures that all have one size keep it up to this side."""
COLOURS = {"white": 255, "black": 0}
REDUCING_GAP = 3.0
"""Much larger pictures are first averaged over whole blocks, to three times the wanted size: Pillow's own advice for a
result that is nearly the same, several times faster."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Target:
    """What every picture becomes: channels 1 (grey), 3 (colour) or 4 (with transparency), height x width pixels.

    fit: crop, pad or stretch. background: white or black.
    """

    channels: int
    height: int
    width: int
    fit: str = "crop"
    background: str = "white"

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width


def fit_picture(picture: Image.Image, target: Target) -> Pixels:
    """A picture as uint8 [C, H, W] of the target's shape.

    Transparency is laid on the background before anything is resized, so that no colour that nobody saw comes in; with
    4 channels colours are weighted by their opacity instead, and pixels that are wholly transparent get the
    background's colour. Resizing is Lanczos's filter over the whole area that falls on a pixel, so that fine patterns
    do not turn into coarse ones. crop: the largest part in the middle that has the target's shape. pad: the whole
    picture in the middle, the background (transparent, with 4 channels) on two sides. stretch: both sides on their own.
    """
    picture = _in_mode(picture, target)
    size = (target.width, target.height)
    if picture.size != size:
        picture = FITS[target.fit](picture, size, target)
    pixels = np.asarray(picture)
    if target.channels == 1:
        return pixels[None]
    if target.channels == 4:
        pixels = pixels.copy()
        pixels[pixels[..., 3] == 0, :3] = COLOURS[target.background]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _in_mode(picture: Image.Image, target: Target) -> Image.Image:
    mode = MODES[target.channels]
    if mode != "RGBA" and picture.mode in ("LA", "RGBA"):
        opaque = Image.new(picture.mode, picture.size, _colour(picture.mode, target.background, 255))
        picture = Image.alpha_composite(opaque.convert("RGBA"), picture.convert("RGBA"))
        picture = picture.convert("RGB")
    return picture if picture.mode == mode else picture.convert(mode)


def _colour(mode: str, background: str, opacity: int) -> int | tuple[int, ...]:
    value = COLOURS[background]
    if mode == "L":
        return value
    return (value, opacity) if mode == "LA" else (value, value, value, opacity)[: len(mode)]


def _resize(picture: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """``box``, (left, top, right, bottom), at another size; of RGBA, Pillow weights the colours by their opacity."""
    return picture.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=REDUCING_GAP)


def _stretch(picture: Image.Image, size: tuple[int, int], target: Target) -> Image.Image:
    return _resize(picture, size, (0, 0, *picture.size))


def _crop(picture: Image.Image, size: tuple[int, int], target: Target) -> Image.Image:
    scale = max(size[0] / picture.width, size[1] / picture.height)
    width, height = (min(side / scale, most) for side, most in zip(size, picture.size, strict=True))
    # From a whole pixel: a picture that only loses an edge keeps its pixels as they are.
    left, top = int((picture.width - width) // 2), int((picture.height - height) // 2)
    return _resize(picture, size, (left, top, left + width, top + height))


def _pad(picture: Image.Image, size: tuple[int, int], target: Target) -> Image.Image:
    scale = min(size[0] / picture.width, size[1] / picture.height)
    inside = [max(1, min(round(side * scale), most)) for side, most in zip(picture.size, size, strict=True)]
    canvas = Image.new(picture.mode, size, _colour(picture.mode, target.background, 0))
    small = _resize(picture, (inside[0], inside[1]), (0, 0, *picture.size))
    canvas.paste(small, ((size[0] - inside[0]) // 2, (size[1] - inside[1]) // 2))
    return canvas


FITS = {"crop": _crop, "pad": _pad, "stretch": _stretch}


def is_enlarged(size: tuple[int, int], target: Target) -> bool:
    """Does a picture of this (height, width) get more pixels than it has?"""
    smaller = [have < wanted for have, wanted in zip(size, (target.height, target.width), strict=True)]
    return all(smaller) if target.fit == "pad" else any(smaller)


def is_grey(pixels: Pixels) -> bool:
    """Are all channels of uint8 [C, H, W] equal everywhere?"""
    return bool((pixels[:1] == pixels[1:3]).all())


def infer_size(sizes: Mapping[tuple[int, int], int]) -> tuple[tuple[int, int], str]:
    """(height, width) that pictures of these sizes, with their counts, are brought to, and why, for people.

    Their own size, if they all have one and no side is above ``LARGEST_COMMON_SIDE``; else a square whose side is the
    largest of ``SIDES`` that is not above the median of the pictures' shorter sides (the smallest, below that).
    """
    if len(sizes) == 1:
        [(height, width)] = sizes
        if max(height, width) <= LARGEST_COMMON_SIDE:
            return (height, width), "all have this size"
    sides = sorted((min(size), count) for size, count in sizes.items())
    below, middle = 0, (sum(sizes.values()) - 1) // 2
    for median, count in sides:  # noqa: B007 - used below
        below += count
        if below > middle:
            break
    side = max((side for side in SIDES if side <= median), default=SIDES[0])
    held = "one size" if len(sizes) == 1 else f"{len(sizes):,} sizes"
    return (side, side), f"the pictures have {held}, and half of them a shorter side up to {median:,}"


def describe_kind(channels: int) -> str:
    """`in colour`, as in "25,000 pictures of 32x32 in colour"."""
    return {1: "in grey", 3: "in colour", 4: "in colour with transparency"}[channels]


def target_from(facts: Mapping[str, Any]) -> Target:
    """The target in JSON, as dataclasses.asdict gave it."""
    return Target(**facts)
