"""A single picture as the bytes of a file: PNG, JPEG or WebP, at its own size or enlarged by a whole factor."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganforge.base.errors import UserError
from ganforge.base.file_marks import MARKS, NAME
from ganforge.base.given import shown, whole_given

ENDINGS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
LONGEST = {"png": 65_535, "jpeg": 65_500, "webp": 16_383}
"""Pixels of a side: what the kind's libraries write."""
JPEG_QUALITY = 95
SMALL = 64 * 64
"""Pixels of a picture that is packed here: there Pillow takes four times as long, most of it before it begins."""
PNG_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
"""By channels: colour type, as PNG calls it."""
SIGNATURE, HEAD_BYTES = b"\x89PNG\r\n\x1a\n", 12
PNG_EFFORT = 3
"""zlib's level: several times as fast as its usual 6, for a few per cent more bytes."""


def is_whole(path: str, kind: str) -> bool:
    """Does the file begin and end as one of that kind does? What lies between is not looked at. Raises OSError."""
    with open(path, "rb") as file:  # noqa: PTH123 - as quick as it can be, since it is asked of each of many
        begin, size = file.read(HEAD_BYTES), file.seek(0, 2)
        if size < HEAD_BYTES:
            return False
        file.seek(size - HEAD_BYTES)
        end = file.read()
    first, last = ENDS[kind]
    return begin.startswith(first) and end.endswith(last)


@dataclass(frozen=True)
class PictureFormat:
    """kind: png, jpeg or webp. quality: 1 to 100, of JPEG (by default ``JPEG_QUALITY``) and WebP (by default lossless).
    upscale: each pixel becomes a square of so many. Raises UserError for another of these."""

    kind: str = "png"
    quality: int | None = None
    upscale: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in ENDINGS:
            raise UserError(f"Pictures are written as {', '.join(ENDINGS)}, and {shown(self.kind)} is none of them.")
        if self.quality is not None and self.kind == "png":
            raise UserError("PNG keeps every pixel and has no quality; leave it out, or take jpeg or webp.")
        if self.quality is not None and not 1 <= whole_given(self.quality, "The quality") <= 100:
            raise UserError(f"The quality is {shown(self.quality)}; give a whole number from 1 to 100.")
        if whole_given(self.upscale, "The upscale") < 1:
            raise UserError(f"The upscale is {shown(self.upscale)}; give a whole number from 1.")

    @property
    def ending(self) -> str:
        return ENDINGS[self.kind]

    def refuse_shape(self, channels: int, height: int, width: int) -> None:
        """Raise UserError for pictures that this kind of file cannot hold."""
        if channels in (2, 4) and self.kind == "jpeg":
            raise UserError("The pictures are transparent, which JPEG cannot hold; take png or webp.")
        if (side := max(height, width) * self.upscale) > LONGEST[self.kind]:
            raise UserError(f"{self.kind} holds {LONGEST[self.kind]:,} pixels a side, and {side:,} are asked for.")

    def encode(self, pictures: NDArray[np.uint8]) -> Iterator[bytes]:
        """pictures: uint8 [N, C, H, W], C = 1 (grey), 2 (grey and alpha), 3 or 4. Equal ones give equal bytes."""
        pictures, times = pictures.transpose(0, 2, 3, 1), self.upscale
        if self.kind == "png" and pictures.shape[1] * pictures.shape[2] * times**2 <= SMALL:
            yield from small_pngs(pictures.repeat(times, axis=1).repeat(times, axis=2))
            return
        for one in pictures:
            picture = one.repeat(times, axis=0).repeat(times, axis=1)
            pixels = picture[..., 0] if picture.shape[2] == 1 else picture
            written = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(pixels)).save(written, format=self.kind.upper(), **self._options())
            yield written.getvalue()

    def _options(self) -> dict[str, Any]:
        if self.kind == "png":
            mark = PngInfo()
            mark.add_text("Software", NAME)
            return {"pnginfo": mark, "compress_level": PNG_EFFORT}
        if self.kind == "jpeg":
            return {"quality": int(self.quality or JPEG_QUALITY), "subsampling": 0, "comment": f"made by {NAME}"}
        if self.quality is None:
            return {"lossless": True, "exact": True, "quality": 50, "method": 1, "xmp": MARKS[".webp"]}
        return {"quality": int(self.quality), "xmp": MARKS[".webp"]}


def small_pngs(pictures: NDArray[np.uint8]) -> Iterator[bytes]:
    """uint8 [N, H, W, C] as PNGs with our mark; each line unfiltered, as suits few. Source: W3C's PNG, 5 and 11."""
    count, height, width, channels = pictures.shape
    lines = np.zeros((count, height, 1 + width * channels), np.uint8)
    lines[:, :, 1:] = pictures.reshape(count, height, -1)
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, PNG_COLOURS[channels], 0, 0, 0))
    begin = SIGNATURE + head + MARK
    for one in lines.reshape(count, -1):
        yield begin + _chunk(b"IDAT", zlib.compress(one.data, PNG_EFFORT)) + END


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


WEBP_END = MARKS[".webp"] + b"\0" * (len(MARKS[".webp"]) % 2)
MARK, END = _chunk(b"tEXt", b"Software\0" + NAME.encode()), _chunk(b"IEND", b"")
ENDS = {"png": (SIGNATURE, END), "jpeg": (b"\xff\xd8", b"\xff\xd9"), "webp": (b"RIFF", WEBP_END[-HEAD_BYTES:])}
"""How a file of each kind begins and ends."""
