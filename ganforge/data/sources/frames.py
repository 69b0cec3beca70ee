"""How many pictures are in one file: TIFF's directories, GIF's frames; told without decoding any."""

import struct
from dataclasses import dataclass

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_FIELDS = 1_000_000
"""Fields of a TIFF file that are looked at, in all its directories."""
SMALLER, MASK = 1, 4
"""NewSubfileType's bits for a reduced copy of another page, and for a mask (TIFF 6.0, tag 254)."""
SUBFILE, BITS, SAMPLES, SAMPLE_FORMAT = 254, 258, 277, 339
SIZES = {3: 2, 4: 4, 16: 8}
"""Bytes of the kinds of numbers that these fields hold: SHORT, LONG, LONG8."""


class TooManyFields(Exception):  # noqa: N818 - what was found
    """A TIFF file would take too long to go through."""


@dataclass(frozen=True)
class Directory:
    """One picture in a TIFF file. offset: of its directory. subfile: NewSubfileType. bits: of one sample. samples: the
    bands of a pixel. form: SampleFormat: 1 unsigned, 2 signed, 3 floating-point."""

    offset: int
    subfile: int = 0
    bits: int = 1
    samples: int = 1
    form: int = 1


def directories(content: bytes) -> list[Directory]:
    """The pictures of a TIFF file as far as they are linked to each other; where one is damaged, those before it.

    Source: TIFF 6.0, section 2; BigTIFF, www.awaresystems.be/imaging/tiff/bigtiff.html. Raises TooManyFields.
    """
    order = "<" if content[:1] == b"I" else ">"
    big = content[2:4] in (b"+\0", b"\0+")
    word, counts, length = ("Q", "Q", 20) if big else ("I", "H", 12)
    found, seen, fields = list[Directory](), set[int](), 0
    try:
        (offset,) = struct.unpack_from(order + word, content, 8 if big else 4)
        while offset and offset not in seen:
            seen.add(offset)
            (count,) = struct.unpack_from(order + counts, content, offset)
            begin = offset + struct.calcsize("=" + counts)
            fields += count + 1
            if fields > MAX_FIELDS:
                raise TooManyFields
            rows = content[begin : begin + count * length]
            (following,) = struct.unpack_from(order + word, content, begin + count * length)
            found.append(_directory(content, offset, rows, order, big))
            offset = following
    except (struct.error, OverflowError):  # nothing lies there
        pass
    return found


def _directory(content: bytes, offset: int, rows: bytes, order: str, big: bool) -> Directory:
    fields = {}
    for tag, kind, count, value in struct.iter_unpack(order + ("HHQ8s" if big else "HHI4s"), rows):
        if tag in (SUBFILE, BITS, SAMPLES, SAMPLE_FORMAT) and kind in SIZES and count:
            if count * SIZES[kind] > len(value):  # more than fits here lies elsewhere; the first is like the others
                at = int.from_bytes(value, "little" if order == "<" else "big")
                value = content[at : at + SIZES[kind]]
            fields[tag] = int.from_bytes(value[: SIZES[kind]], "little" if order == "<" else "big")
    return Directory(
        offset, fields.get(SUBFILE, 0), fields.get(BITS, 1), fields.get(SAMPLES, 1), fields.get(SAMPLE_FORMAT, 1)
    )


def pages_of(found: list[Directory]) -> list[Directory]:
    """Those that are pictures of their own: the first, and all that are no smaller copies and no masks."""
    return found[:1] + [page for page in found[1:] if not page.subfile & (SMALLER | MASK)]


def beginning_with(content: bytes, page: Directory) -> bytes:
    """The file with another page as its first, so that no reader goes over those before it."""
    order = "little" if content[:1] == b"I" else "big"
    at, size = (8, 8) if content[2:4] in (b"+\0", b"\0+") else (4, 4)
    return content[:at] + page.offset.to_bytes(size, order) + content[at + size :]  # type: ignore[arg-type]


def gif_frames(content: bytes) -> int:
    """The frames of a GIF file, as far as it is whole; at least 1. Source: GIF89a, www.w3.org/Graphics/GIF."""
    frames = 0
    try:
        at = 13 + _table(content[10])
        while content[at] in (0x21, 0x2C):
            if content[at] == 0x2C:
                frames += 1
                at += 11 + _table(content[at + 9])
            else:
                at += 2
            while size := content[at]:
                at += size + 1
            at += 1
    except IndexError:
        pass
    return max(1, frames)


def _table(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
