"""A source as it is taken: by its entries' pages, and by one range for all numbers."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from PIL import Image

from ganforge.data.sources.decode import MAX_PIXELS, Header, PictureFile, bytes_of
from ganforge.data.sources.depth import Numbers, Span, needs_range
from ganforge.data.sources.entries import Array, Entry, Readable, Source
from ganforge.data.sources.left_out import LeftOut
from ganforge.data.sources.pixel_kinds import SIXTEEN, Kind, Unreadable

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class PagedSource:
    """Pictures 0, 1, 2, ... are the pages of a source's files, or without ``counts`` the first ones of each.

    counts: of each entry, how many pages are in its file. span: what becomes black and what white; None: as
    ``PictureFile.take`` has it. Not a ``Source``: what it gives are pictures.
    """

    def __init__(self, source: Readable, counts: Sequence[int] | None = None, span: Span | None = None) -> None:
        self._source, self._span, self._every = source, span, counts is not None
        self._ends = None if counts is None else np.array(list(accumulate(counts)), np.int64)
        self._held: tuple[int, PictureFile] | None = None

    def take(self, index: int) -> tuple[Image.Image, LeftOut]:
        """A picture of mode L, LA, RGB or RGBA, and what is left of its file. Raises Unreadable."""
        held, page = self._open(index)
        if isinstance(held, PictureFile):
            return held.take(page, self._span, every=self._every)
        return picture_of(held, self._span)

    def header(self, index: int) -> Header:
        """Its size and mode; it is read but not decoded. Raises Unreadable."""
        held, page = self._open(index)
        if isinstance(held, PictureFile):
            return held.header(page)
        return Header(held.shape[1], held.shape[0], _mode(held))

    def numbers(self, index: int) -> Numbers:
        """The numbers in it, [H, W] or [H, W, C], without transparency. Raises Unreadable."""
        held, page = self._open(index)
        return held.numbers(page) if isinstance(held, PictureFile) else held[..., :3] if held.ndim == 3 else held

    def pages(self, entry: int) -> int:
        """How many pictures there are in an entry's file. Raises Unreadable."""
        held = self._source.read(entry)
        return PictureFile(held).pages if isinstance(held, bytes) else 1

    def _open(self, index: int) -> tuple[PictureFile | Array, int]:
        entry, page = index, 0
        if self._ends is not None:
            entry = int(np.searchsorted(self._ends, index, side="right"))
            page = index - (int(self._ends[entry - 1]) if entry else 0)
        if self._held is not None and self._held[0] == entry:
            return self._held[1], page  # frames follow from those before them
        self._held = None
        held = self._source.read(entry)
        if not isinstance(held, bytes):
            return held, page
        file = PictureFile(held)
        if self._every and file.pages > 1:
            self._held = entry, file
        return file, page


def as_paged(source: Source | PagedSource) -> PagedSource:
    """A source's first pages, unless it says otherwise."""
    return source if isinstance(source, PagedSource) else PagedSource(source)


def pages_of_entries(entries: Sequence[Entry], counts: Sequence[int]) -> list[Entry]:
    """An entry for each page; labels are the file's."""
    found = []
    for entry, count in zip(entries, counts, strict=True):
        if count == 1:
            found.append(entry)
        else:
            found += [Entry(f"{entry.name}, page {page + 1}", entry.label, entry.split) for page in range(count)]
    return found


def picture_of(held: Array, span: Span | None) -> tuple[Image.Image, LeftOut]:
    """A picture that lies in an array, [H, W] or [H, W, C] with C 1, 3 or 4. Of floats, transparency is taken by the
    same range. Raises Unreadable."""
    _mode(held)
    pixels, facts = np.ascontiguousarray(held[..., 0] if held.shape[2:] == (1,) else held), dict[str, Any]()
    if pixels.dtype != np.uint8 or span is not None:
        scaled = pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2
        name = SIXTEEN if scaled else f"numbers of the type {pixels.dtype.name}"
        kind = Kind("L", "" if pixels.dtype == np.uint8 else name, top=2 ** (8 * pixels.dtype.itemsize) - 1)
        if span is None and not scaled:
            raise Unreadable(needs_range(name, pixels))
        pixels, facts = bytes_of(pixels, kind, span)
    return Image.fromarray(pixels), LeftOut(**facts)


def _mode(pixels: Array) -> str:
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise Unreadable(f"has {pixels.shape[0] * pixels.shape[1]:,} pixels, more than {MAX_PIXELS:,}")
    return MODES[pixels.shape[2] if pixels.ndim == 3 else 1]
