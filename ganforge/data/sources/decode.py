"""From a picture file's bytes to a picture of 8 bits a channel, whatever the file is and whoever made it."""

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from ganforge.base.terminal import printable

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""What a file may be, whatever its name says: Pillow has other readers that start programs."""
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"BM", b"GIF8", *TIFF_MAGIC)
"""How files of these formats begin."""
MAX_PIXELS = 64_000_000
"""The most for one picture."""
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
STDERR = threading.Lock()
KINDS = {"I": "32-bit integers", "F": "floating-point numbers", "LAB": "Lab colours", "HSV": "HSV colours"}


class Unreadable(Exception):  # noqa: N818 - a picture's state, counted and passed over, not a fault of the program
    """A picture cannot be read; the text is the reason in a few plain words, without the picture's name."""


@dataclass(frozen=True)
class Header:
    """A picture's size and mode, as ``decode`` gives them."""

    width: int
    height: int
    mode: str


def decode(content: bytes) -> Image.Image:
    """The picture in a file's bytes: mode L, LA, RGB or RGBA, 8 bits a channel, upright by its EXIF orientation.

    Reads PNG, JPEG, WebP, BMP, GIF and TIFF, the first frame or page. Palettes, GIFs and CMYK become RGB; colour
    profiles are ignored, so CMYK colours are approximate. Of 16 bits a channel, grey pictures are scaled by 255 / 65535
    and rounded, and colours keep their high byte; a single transparent colour among 16-bit ones is ignored.
    Raises Unreadable for anything else, for damaged files, and for more than ``MAX_PIXELS``.
    """
    with _opened(content) as picture:
        mode, orientation = _final_mode(picture), _orientation(picture)
        white_is_zero = picture.format == "TIFF" and picture.getexif().get(262) == 0
        deepest = 4095 if "I;12" in str(picture.tile) else 65535  # load() forgets the tiles
        picture.load()
        if picture.mode.startswith("I"):
            upright: Image.Image = _shallow(picture, deepest, white_is_zero)
        else:
            upright = _convert(picture, mode)
        return upright.transpose(TRANSPOSE[orientation]) if orientation in TRANSPOSE else upright


def read_header(content: bytes) -> Header:
    """A picture's size and mode without its pixels, which may still turn out to be damaged. Raises Unreadable."""
    with _opened(content) as picture:
        width, height = picture.size
        if _orientation(picture) in TURNED:
            width, height = height, width
        return Header(width, height, _final_mode(picture))


@contextmanager
def _opened(content: bytes) -> Iterator[ImageFile.ImageFile]:
    """The file, its size looked at and its pixels not; whatever goes wrong inside becomes Unreadable."""
    if not content:
        raise Unreadable("empty file")
    if content.startswith(b"\xff\xd8\xff") and content.count(b"Exif\0\0") > MAX_EXIF:
        raise Unreadable("would take too long: a JPEG with very many pieces of EXIF data")
    quiet = _silent_stderr() if content.startswith(TIFF_MAGIC) else nullcontext()
    with quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow thinks of odd metadata and of large pictures
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                pixels = picture.width * picture.height
                if pixels > MAX_PIXELS:
                    raise Unreadable(_too_many(f"{pixels:,}"))
                if content.count(b"\xff\xda") * pixels > MAX_SCANNED and picture.format in ("JPEG", "MPO"):
                    raise Unreadable("would take too long: a JPEG of very many scans")
                if not pixels:
                    raise Unreadable("has no pixels")
                yield picture
        except Unreadable:
            raise
        except Image.DecompressionBombError as error:
            found = re.search(r"\d{9,}", str(error))
            raise Unreadable(_too_many(f"{int(found[0]):,}" if found else "too many")) from None
        except UnidentifiedImageError:
            known = content.startswith(MAGIC)
            raise Unreadable("damaged or cut off" if known else "not a picture") from None
        except MemoryError:
            raise Unreadable("does not fit into memory") from None
        except Exception as error:  # Pillow's decoders raise almost anything on damaged bytes
            raise Unreadable("cut off" if _is_short_webp(content) else _reason(error)) from None


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """libtiff writes what it thinks of a file straight to the process's stderr; for one thread at a time."""
    with STDERR:
        try:
            kept = os.dup(2)
        except OSError:  # there is none
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def _too_many(pixels: str) -> str:
    return f"has {pixels} pixels, more than {MAX_PIXELS:,}"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if re.search(r"truncat|unexpected end|not enough|tile cannot extend|EOF", text, re.IGNORECASE):
        return "cut off"
    return f"damaged ({printable(text[:100])})"


def _is_short_webp(content: bytes) -> bool:
    """Does the file say that it is longer than it is? What libwebp says of such a file tells nobody anything."""
    return content.startswith(b"RIFF") and len(content) < 8 + int.from_bytes(content[4:8], "little")


def _final_mode(picture: ImageFile.ImageFile) -> str:
    """The mode that the opened picture is to have. Raises Unreadable for what has no meaning in 8 bits."""
    mode = picture.mode
    deep = re.search(r";16", str(picture.tile)) is not None
    if "LA;16B" in str(picture.tile):
        mode = "LA"  # which Pillow holds as RGBA
    if mode == "I" and deep and picture.format == "PNG":
        mode = "I;16"  # what Pillow calls it from 10.3 on
    clear = mode in ("LA", "La", "PA", "RGBA", "RGBa") or (picture.has_transparency_data and not deep)
    if mode in ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L") and picture.format != "GIF":
        return "LA" if clear else "L"
    if mode in ("1", "L", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"):
        return "RGBA" if clear else "RGB"  # one tool's GIFs are L or P as their colours fall out: they count as colour
    raise Unreadable(f"holds {KINDS.get(mode, mode)}, not grey or RGB with 8 or 16 bits a channel")


def _orientation(picture: Image.Image) -> int:
    """1 to 8 as EXIF counts them, 1 where it is not told."""
    if picture.format == "TIFF":
        return 1  # Pillow turns these itself
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1  # Pillow would decode the whole file to look behind the pixels
    try:
        return int(picture.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata do not make the pixels unreadable
        return 1


def _convert(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode == mode:
        picture.info.pop("transparency", None)
        return picture.copy()
    if mode in ("L", "RGB"):
        picture.info.pop("transparency", None)
    elif picture.mode in ("La", "RGBa"):
        return picture.convert(picture.mode.replace("a", "A")).convert(mode)
    return picture.convert(mode)


def _shallow(picture: Image.Image, deepest: int, white_is_zero: bool) -> Image.Image:
    """Grey of 16 bits (12 where ``deepest`` is 4095) -> L, scaled and rounded."""
    values = np.asarray(picture).astype(np.uint32).clip(0, deepest)
    if white_is_zero:
        values = deepest - values
    return Image.fromarray(((values * 255 + deepest // 2) // deepest).astype(np.uint8))
