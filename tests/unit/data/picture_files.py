"""Small picture files of every kind, for tests."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from ganforge.data.sources.decode import Header, PictureFile
from ganforge.data.sources.guarded import Guarded
from ganforge.data.sources.open import Opened
from ganforge.data.sources.paged import PagedSource, as_paged

RANDOM = np.random.default_rng(1)
GREY = RANDOM.integers(256, size=(5, 4), dtype=np.uint8)  # 4 wide, 5 high
COLOUR = RANDOM.integers(256, size=(5, 4, 3), dtype=np.uint8)
OPAQUE = np.full((5, 4, 1), 255, np.uint8)
RGBA = np.concatenate([COLOUR, OPAQUE], axis=2)
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def encode(picture: Image.Image | np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    held = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    held.save(stream, kind, **options)
    return stream.getvalue()


def shade(value: int) -> bytes:
    """A PNG file of 4 x 5 pixels of one grey."""
    return encode(np.full((5, 4), value, np.uint8))


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, bits: int, colour_type: int, rows: bytes) -> bytes:
    """A PNG file of any kind; Pillow does not write all of them."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(array: np.ndarray, kind: int = 1, photometric: int = 1, extra: tuple[int, ...] = ()) -> bytes:
    """A TIFF file, [H, W] or [H, W, bands]; kind: 1 unsigned, 2 signed, 3 floating-point. Pillow does not write all."""
    height, width, *rest = array.shape
    bands, data = (rest or [1])[0], array.tobytes()
    fields = {256: [width], 257: [height], 258: [8 * array.itemsize] * bands, 259: [1], 262: [photometric], 273: [0]}
    fields |= {277: [bands], 278: [height], 279: [len(data)], 338: list(extra), 339: [kind] * bands}
    fields = {tag: fields[tag] for tag in sorted(fields) if fields[tag]}
    begin, more, rows = 8 + 2 + 12 * len(fields) + 4, b"", b""
    long = {tag: struct.pack(f"<{len(held)}I", *held) for tag, held in fields.items()}
    size = sum(len(content) for content in long.values() if len(content) > 4)
    for tag, content in (long | {273: struct.pack("<I", begin + size)}).items():
        rows += struct.pack("<HHI", tag, 4, len(fields[tag]))
        rows += content if len(content) == 4 else struct.pack("<I", begin + len(more))
        more += b"" if len(content) == 4 else content
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + rows + bytes(4) + more + data


def read_header(content: bytes) -> Header:
    """A picture's size and mode without its pixels, which may still turn out to be damaged. Raises Unreadable."""
    return PictureFile(content).header()


def header_at(source: Opened | PagedSource, index: int) -> Header:
    """The size and mode of entry ``index``, which is read but not decoded. Raises Unreadable."""
    return source.header(index) if isinstance(source, Guarded) else as_paged(source).header(index)
