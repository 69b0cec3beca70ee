"""Pictures inside a page's own text, as data: addresses, so that the page needs no other file."""

import base64
import errno
import io
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ganforge.base.files import open_plain, read_plain
from ganforge.viewer.read.untrusted import is_plain

LARGEST_BYTES, MOST_PIXELS = 20_000_000, 64_000_000
"""A larger picture is left out: a small file may hold pixels that take gigabytes."""
MOST_PIXELS_IN_ALL = 400_000_000
"""Of the pictures over time."""
MAX_FRAMES = 60
BUDGET_BYTES = 4_000_000
"""What the pictures over time may take together, before a third is added by writing them as text."""


@dataclass(frozen=True)
class Embedded:
    """A picture. nimg: when it was made, if it is one of several over time."""

    source: str
    width: int
    height: int
    nimg: int = 0


def data_uri(png: bytes) -> str:
    """A picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def embed(path: Path, complaints: list[str], nimg: int = 0) -> Embedded | None:
    """The PNG, whole as it is in the file; None, with a complaint, where it is missing or damaged."""
    try:
        if pixels_of(path) > MOST_PIXELS:
            raise OSError(errno.EFBIG, f"larger than {MOST_PIXELS:,} pixels", str(path))
        content = read_plain(path, LARGEST_BYTES)
        width, height = _check(content)
    except FileNotFoundError:
        complaints.append(f"{path.name} cannot be shown: it is missing.")
    except OSError as error:  # PIL's complaints about what a file holds have no number
        complaints.append(f"{path.name} cannot be shown: {error.strerror or 'it is no whole PNG'}.")
    except (ValueError, SyntaxError):  # PIL's, too
        complaints.append(f"{path.name} cannot be shown: it is no whole PNG.")
    else:
        return Embedded(data_uri(content), width, height, nimg)
    return None


def _check(content: bytes) -> tuple[int, int]:
    """Width and height of the PNG. Raises OSError, ValueError or SyntaxError where it is none, or cut off."""
    from PIL import Image

    with (
        warnings.catch_warnings(action="ignore"),  # of bombs: we have a limit of our own
        Image.open(io.BytesIO(content), formats=["PNG"]) as picture,
    ):
        picture.load()
        width, height = picture.size
    return width, height


def embed_series(pictures: Sequence[tuple[int, Path]], complaints: list[str]) -> list[Embedded]:
    """Of the pictures over time so many, evenly chosen, that they are at most ``MAX_FRAMES`` and fit the budget.

    The first and the last are among them; the last is there whatever its size.
    """
    sizes = [path.lstat().st_size if is_plain(path) else 0 for _, path in pictures]
    count = min(len(pictures), MAX_FRAMES)
    while count > 2 and sum(sizes[at] for at in spread(len(pictures), count)) > BUDGET_BYTES:
        count -= 1
    chosen = spread(len(pictures), count)
    kept: list[Embedded | None] = []
    pixels = 0
    for at in reversed(chosen):  # the last one first: it is there in any case
        nimg, path = pictures[at]
        pixels += pixels_of(path)
        if kept and pixels > MOST_PIXELS_IN_ALL:
            left_out = count - len(kept)
            complaints.append(f"{left_out} grids are left out: more than {MOST_PIXELS_IN_ALL:,} pixels in all.")
            break
        kept.append(embed(path, complaints, nimg))
    return [picture for picture in reversed(kept) if picture is not None]


def pixels_of(path: Path) -> int:
    """How many the head of a PNG or WebP speaks of; 0 where it is neither, or no plain file."""
    from PIL import Image

    try:
        with (
            open_plain(path) as file,
            warnings.catch_warnings(action="ignore"),
            Image.open(file, formats=["PNG", "WEBP"]) as picture,
        ):
            return picture.width * picture.height
    except Image.DecompressionBombError:
        return sys.maxsize
    except (OSError, ValueError, SyntaxError):
        return 0


def spread(length: int, count: int) -> list[int]:
    """``count`` places of 0 to length - 1, evenly apart, the last one always among them, and the first from 2 on."""
    if count < 2:
        return [length - 1][:count]
    return [round(k * (length - 1) / (count - 1)) for k in range(count)]
