"""What an opened picture's numbers mean, and how whatever goes wrong while Pillow reads it is told in a few words."""

import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFile, UnidentifiedImageError

from ganforge.base.terminal import printable
from ganforge.data.sources.frames import TIFF_MAGIC, Directory

STDERR = threading.Lock()
KINDS = {"LAB": "Lab colours", "HSV": "HSV colours"}
SIXTEEN = "numbers of 16 bits"


class Unreadable(Exception):  # noqa: N818 - a picture's state, counted and passed over, not a fault of the program
    """A picture cannot be read; the text is the reason in a few plain words, without the picture's name."""


def reported(index: int, broken: Mapping[int, str], report: Callable[[int], list[Any]]) -> list[Any]:
    """What ``report`` gives of an entry; [reason] where it is unreadable. broken: entries known to be so, and why."""
    if index in broken:
        return [broken[index]]
    try:
        return report(index)
    except Unreadable as reason:
        return [str(reason)]
    except MemoryError:
        return ["does not fit into memory"]


@dataclass(frozen=True)
class Kind:
    """What a picture's numbers are. mode: L, LA, RGB or RGBA: what it becomes. deep: what they are, if not of 8
    unsigned bits; then scaled: is 0 black and top white, unless a range says otherwise? dtype: what Pillow's numbers
    have to be seen as. colour: is it one of those of which Pillow keeps the high byte? inverted: is the least white?
    """

    mode: str
    deep: str = ""
    scaled: bool = True
    top: int = 65535
    dtype: str | None = None
    colour: bool = False
    inverted: bool = False


def kind_of(picture: ImageFile.ImageFile, page: Directory) -> Kind:
    """page: of a TIFF file. Raises Unreadable for what has no meaning as grey or RGB."""
    mode, tile, is_tiff = picture.mode, str(picture.tile), picture.format == "TIFF"
    inverted = is_tiff and picture.getexif().get(262) == 0
    if mode == "F":
        return Kind("L", "floating-point numbers", scaled=False, inverted=inverted)
    if mode == "I" and is_tiff:
        signed = page.form == 2
        names = f"{'signed' if signed else 'unsigned'} numbers of {page.bits} bits"
        return Kind("L", names, scaled=False, dtype=None if signed else "uint32", inverted=inverted)
    if mode == "L" and is_tiff and page.form == 2:
        return Kind("L", "signed numbers of 8 bits", scaled=False, dtype="int8", inverted=inverted)
    if "LA;16B" in tile:
        mode = "LA"  # which Pillow holds as RGBA
    if mode.startswith("I"):
        if "I;12" in tile:
            return Kind("L", "numbers of 12 bits", top=4095, inverted=inverted)
        return Kind("L", SIXTEEN, inverted=inverted)
    return _of_bytes(picture, mode, re.search(r";16", tile) is not None)


def _of_bytes(picture: ImageFile.ImageFile, mode: str, deep: bool) -> Kind:
    """Of numbers that Pillow holds in 8 bits."""
    more: dict[str, Any] = {"deep": SIXTEEN, "colour": True} if deep else {}
    clear = mode in ("LA", "La", "PA", "RGBA", "RGBa") or (picture.has_transparency_data and not deep)
    if mode in ("1", "L", "LA", "La") and picture.format != "GIF":
        return Kind("LA" if clear else "L", **more)
    if mode in ("1", "L", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"):
        # One tool's GIFs are L or P as their colours fall out: they count as colour.
        return Kind("RGBA" if clear else "RGB", **more)
    raise Unreadable(f"holds {KINDS.get(mode, mode)}, not grey or RGB")


def orientation_of(picture: Image.Image) -> int:
    """1 to 8 as EXIF counts them, 1 where it is not told."""
    if picture.format == "TIFF":
        return 1  # Pillow turns these itself
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1  # Pillow would decode the whole file to look behind the pixels
    try:
        return int(picture.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata do not make the pixels unreadable
        return 1


def as_pillow_has_it(picture: ImageFile.ImageFile, mode: str) -> Image.Image:
    """The picture's 8 bits in this mode: L, LA, RGB or RGBA."""
    picture.load()
    if picture.mode == mode:
        made = picture.copy()
        made.info.pop("transparency", None)
        return made
    if mode in ("L", "RGB"):
        made = picture.copy()
        made.info.pop("transparency", None)
        return made.convert(mode)
    if picture.mode in ("La", "RGBa"):
        return picture.convert(picture.mode.replace("a", "A")).convert(mode)
    return picture.convert(mode)


def swapped(tiles: Sequence[Any]) -> list[Any]:
    """How to read the pieces of a 16-bit picture so that the low byte of each number comes in place of the high one."""
    other = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}

    def swap(arguments: Any) -> Any:
        if isinstance(arguments, tuple):
            return tuple(map(swap, arguments))
        if isinstance(arguments, str) and ";16" in arguments:
            return re.sub(r";16([LBN])", lambda found: f";16{other[found[1]]}", arguments)
        return arguments

    return [tile._replace(args=swap(tile.args)) for tile in tiles]


def unknown_tiff(page: Directory) -> str:
    """Of a TIFF file that Pillow does not know: what is in it, "" where that is nothing unusual."""
    if page.form == 1 and page.bits <= 16 and (page.samples in (1, 3) or page.bits * page.samples <= 16):
        return ""
    kind = {1: "", 2: " signed", 3: " floating-point"}.get(page.form, " unusual")
    bands = "1 band" if page.samples == 1 else f"{page.samples:,} bands"
    return (
        f"holds {bands} of{kind} numbers of {page.bits} bits, which is not read from TIFF: save the bands that you "
        "want as grey, RGB or RGBA pictures, or as an .npy file"
    )


@contextmanager
def guarded(content: bytes) -> Iterator[None]:
    """Whatever goes wrong inside, while this file is read, becomes Unreadable."""
    quietly = _silent_stderr() if content.startswith(TIFF_MAGIC) else nullcontext()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow thinks of odd metadata and of large pictures
        try:
            with quietly:
                yield
        except (Unreadable, MemoryError) as error:
            raise error if isinstance(error, Unreadable) else Unreadable("does not fit into memory") from None
        except UnidentifiedImageError:
            raise Unreadable("damaged or cut off") from None
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


def _is_short_webp(content: bytes) -> bool:
    """Does the file say that it is longer than it is? What libwebp says of such a file tells nobody anything."""
    return content.startswith(b"RIFF") and len(content) < 8 + int.from_bytes(content[4:8], "little")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if re.search(r"truncat|unexpected end|not enough|tile cannot extend|EOF", text, re.IGNORECASE):
        return "cut off"
    return f"damaged ({printable(text[:100])})"
