"""Small picture files of every kind, for tests."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

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
