"""From a picture file's bytes to a picture of 8 bits a channel, whatever the file is and whoever made it."""

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import AvifImagePlugin, Image, ImageFile, JpegImagePlugin, UnidentifiedImageError

from ganforge.data.sources.depth import Numbers, Span, extremes, needs_range, to_bytes
from ganforge.data.sources.formats import HEIF_EXTRA, LOOKED_AT, format_of, heif_is_read
from ganforge.data.sources.frames import Directory, TooManyFields, beginning_with, directories, gif_frames, pages_of
from ganforge.data.sources.left_out import LeftOut
from ganforge.data.sources.pixel_kinds import (
    Kind,
    Unreadable,
    as_pillow_has_it,
    guarded,
    kind_of,
    orientation_of,
    swapped,
    unknown_tiff,
)

MAX_PIXELS = 64_000_000
"""The most for one picture; a JPEG of more is made smaller while it is decoded."""
MAX_SCANNED = 20 * MAX_PIXELS
"""Pixels times scans of a JPEG: a small file may tell a decoder to go over a large picture ten thousand times."""
TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation (EXIF 2.32, tag 0x0112)."""
TURNED = (5, 6, 7, 8)
"""The orientations that exchange width and height."""
MAX_EXIF = 64
"""Pieces of EXIF data in a JPEG: Pillow joins them one by one, and copies all that it has for each."""
REDUCTIONS = (2, 4, 8)
"""A decoder of JPEG gives pictures of a half, a quarter and an eighth of their sides at once."""

AvifImagePlugin.DEFAULT_MAX_THREADS = 1


@dataclass(frozen=True)
class Header:
    """A picture's size and mode, as ``decode`` gives them."""

    width: int
    height: int
    mode: str


def decode(content: bytes) -> Image.Image:
    """The first picture in a file's bytes, as ``PictureFile.take`` gives it. Raises Unreadable."""
    return PictureFile(content).take()[0]


class PictureFile:
    """The bytes of a file, opened, its size looked at and its pixels not. pages: the pictures in it.

    Reads ``formats.FORMATS``, and HEIC where that extra is installed. Raises Unreadable for anything else, for damaged
    files, and for more than ``MAX_PIXELS`` (of a JPEG, up to 64 times as many).
    """

    def __init__(self, content: bytes) -> None:
        self._content, self._format = content, _known_format(content)
        self._directories, self._now = list[Directory](), 0
        self._larger: tuple[int, int] | None = None
        if self._format == "TIFF":
            try:
                self._directories = pages_of(directories(content))
            except TooManyFields:
                raise Unreadable("would take too long: a TIFF of very many fields") from None
        with guarded(content):
            self._picture = self._open(content)
            self.pages = self._count()

    def take(self, page: int = 0, span: Span | None = None, *, every: bool = False) -> tuple[Image.Image, LeftOut]:
        """A picture of mode L, LA, RGB or RGBA, 8 bits a channel, upright by its EXIF orientation, and what is left.

        span: what becomes black and what white. Without one, of 16 bits a channel grey pictures are scaled by 255 /
        65535 and rounded, and colours keep their high byte; signed numbers, 32-bit integers and floating-point ones
        raise Unreadable. every: are the file's other pages taken, too? Palettes, GIFs and CMYK become RGB; colour
        profiles are ignored, so CMYK colours are approximate; a single transparent colour among 16-bit ones is ignored.
        """
        with guarded(self._content):
            picture, directory = self._at(page), self._directory(page)
            kind, orientation = kind_of(picture, directory), orientation_of(picture)
            bands = max(0, directory.samples - len(picture.getbands()))
            made, facts = self._made(picture, kind, page, span)
            if orientation in TRANSPOSE:
                made = made.transpose(TRANSPOSE[orientation])
        rest = LeftOut(
            0 if every else self.pages - 1, self._has_second(), bands, directory.samples if bands else 0,
            larger=self._larger, **facts,
        )  # fmt: skip
        return made, rest

    def header(self, page: int = 0) -> Header:
        with guarded(self._content):
            picture = self._at(page)
            width, height = picture.size
            if orientation_of(picture) in TURNED:
                width, height = height, width
            return Header(width, height, kind_of(picture, self._directory(page)).mode)

    def numbers(self, page: int = 0) -> Numbers:
        """The numbers in the file, [H, W] or [H, W, 3], whatever their depth; without transparency, and not turned."""
        with guarded(self._content):
            picture = self._at(page)
            return self._numbers(picture, kind_of(picture, self._directory(page)), page)

    def _made(
        self, picture: ImageFile.ImageFile, kind: Kind, page: int, span: Span | None
    ) -> tuple[Image.Image, dict[str, Any]]:
        if span is None and not kind.deep:
            return as_pillow_has_it(picture, kind.mode), {}
        if span is None and kind.colour:
            made = as_pillow_has_it(picture, kind.mode)
            extrema: Any = made.convert("RGB").getextrema()
            return made, {
                "deep": kind.deep,
                "low": min(extrema)[0] * 256,
                "high": max(high for _, high in extrema) * 256,
            }
        numbers = self._numbers(picture, kind, page)
        if span is None and not kind.scaled:
            raise Unreadable(needs_range(kind.deep, numbers))
        pixels, facts = bytes_of(numbers, kind, span)
        made = Image.fromarray(255 - pixels if kind.inverted else pixels)
        if kind.mode.endswith("A"):
            made.putalpha(as_pillow_has_it(picture, kind.mode).getchannel("A"))
        return made, facts

    def _numbers(self, picture: ImageFile.ImageFile, kind: Kind, page: int) -> Numbers:
        if not kind.deep:
            return np.asarray(as_pillow_has_it(picture, kind.mode).convert(kind.mode.removesuffix("A")))
        if not kind.colour:
            picture.load()
            numbers = np.asarray(picture)
            return numbers if kind.dtype is None else numbers.view(kind.dtype)
        if page or self.pages > 1 or kind.mode == "LA":
            raise Unreadable("holds 16-bit numbers in a form of which only the high bytes are read: leave --range out")
        low = self._open(self._content)
        low.tile = swapped(low.tile)
        fine, coarse = (np.asarray(as_pillow_has_it(one, "RGB")).astype(np.uint16) for one in (low, picture))
        return coarse * 256 + fine

    def _open(self, content: bytes) -> ImageFile.ImageFile:
        stream = io.BytesIO(content)
        try:
            if self._format == "JPEG":  # Pillow's own limit would be below what is made smaller
                picture: ImageFile.ImageFile = JpegImagePlugin.jpeg_factory(stream)
            else:
                picture = Image.open(stream, formats=(self._format,))
        except Image.DecompressionBombError as error:
            found = re.search(r"\d{9,}", str(error))
            raise Unreadable(_too_many(f"{int(found[0]):,}" if found else "too many")) from None
        except (UnidentifiedImageError, SyntaxError, IndexError, TypeError, ValueError):
            why = unknown_tiff(self._directories[0]) if self._directories else ""
            raise Unreadable(why or "damaged or cut off") from None
        pixels = picture.width * picture.height
        if not pixels:
            raise Unreadable("has no pixels")
        if self._format == "JPEG" and content.count(b"\xff\xda") * pixels > MAX_SCANNED:
            raise Unreadable("would take too long: a JPEG of very many scans")
        if pixels > MAX_PIXELS:
            self._make_smaller(picture)
        return picture

    def _make_smaller(self, picture: ImageFile.ImageFile) -> None:
        width, height = picture.size
        if self._format == "JPEG":
            for by in REDUCTIONS:
                if -(-width // by) * -(-height // by) <= MAX_PIXELS:
                    picture.draft(None, (width // by, height // by))
                    break
        if picture.width * picture.height > MAX_PIXELS:
            raise Unreadable(_too_many(f"{width * height:,}"))
        self._larger = width, height

    def _count(self) -> int:
        if self._format == "TIFF":
            return max(1, len(self._directories))
        if self._format == "GIF":
            return gif_frames(self._content)
        if self._format == "JPEG":
            return 1
        # No more than there can be: a header may promise anything.
        there = self._content.count(b"fcTL") + 1 if self._format == "PNG" else len(self._content)
        return max(1, min(getattr(self._picture, "n_frames", 1), there))

    def _at(self, page: int) -> ImageFile.ImageFile:
        if page != self._now:
            if self._directories:
                self._picture = self._open(beginning_with(self._content, self._directories[page]))
            else:
                self._picture.seek(page)
            self._now = page
        return self._picture

    def _directory(self, page: int) -> Directory:
        return self._directories[page] if self._directories else Directory(0)

    def _has_second(self) -> bool:
        """A JPEG's other picture: Pillow tells of MPO's, and not of the map of light in Ultra HDR."""
        return self._format == "JPEG" and (
            self._picture.format == "MPO" or b"hdrgm:Version" in self._content[: 1 << 16]
        )


def bytes_of(numbers: Numbers, kind: Kind, span: Span | None) -> tuple[Numbers, dict[str, Any]]:
    """Numbers as uint8, and what ``LeftOut`` tells of them."""
    found, facts = extremes(numbers), dict[str, Any]()
    pixels, beyond, nan = to_bytes(numbers, span or (0, kind.top))
    if kind.deep:
        scale = 65535 / kind.top if span is None else 1
        low, high = found or (0.0, 0.0)
        facts = {"deep": kind.deep, "low": low * scale, "high": high * scale}
    if span is not None:
        facts |= {"by_range": True, "values": numbers.size, "beyond": beyond, "nan": nan}
    return pixels, facts


def _known_format(content: bytes) -> str:
    if not content:
        raise Unreadable("empty file")
    known = format_of(content[:LOOKED_AT])
    if not known:
        raise Unreadable("not a picture")
    if known == "HEIF" and not heif_is_read():
        raise Unreadable(f"is one of the {HEIF_EXTRA}")
    if known == "JPEG" and content.count(b"Exif\0\0") > MAX_EXIF:
        raise Unreadable("would take too long: a JPEG with very many pieces of EXIF data")
    return known


def _too_many(pixels: str) -> str:
    return f"has {pixels} pixels, more than {MAX_PIXELS:,}"
