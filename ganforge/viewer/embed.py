"""Pictures inside a page's own text, as data: addresses, so that the page needs no other file."""

import base64
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ganforge.viewer.plain import is_plain

LARGEST_BYTES = 20_000_000
"""A larger picture is left out."""
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


def embed(path: Path, complaints: list[str], nimg: int = 0) -> Embedded | None:
    """The PNG, whole as it is in the file; None, with a complaint, where it is missing or damaged."""
    from PIL import Image

    try:
        if not is_plain(path):
            raise ValueError("it is missing, or not a file of this folder")
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError("it is far too large")
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
                picture.load()
                width, height = picture.size
    except OSError as error:  # PIL's complaints about what a file holds have no number
        complaints.append(f"{path.name} cannot be shown: {error.strerror or 'it is no whole PNG'}.")
        return None
    except (ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        why = error if isinstance(error, ValueError) else "it is no PNG of a reasonable size"
        complaints.append(f"{path.name} cannot be shown: {why}.")
        return None
    return Embedded(f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}", width, height, nimg)


def embed_series(pictures: Sequence[tuple[int, Path]], complaints: list[str]) -> list[Embedded]:
    """Of the pictures over time so many, evenly chosen, that they are at most ``MAX_FRAMES`` and fit the budget.

    The first and the last are among them; the last is there whatever its size.
    """
    sizes = [path.stat().st_size if is_plain(path) else 0 for _, path in pictures]
    count = min(len(pictures), MAX_FRAMES)
    while count > 2 and sum(sizes[at] for at in spread(len(pictures), count)) > BUDGET_BYTES:
        count -= 1
    embedded = (embed(pictures[at][1], complaints, pictures[at][0]) for at in spread(len(pictures), count))
    return [picture for picture in embedded if picture is not None]


def spread(length: int, count: int) -> list[int]:
    """``count`` places of 0 to length - 1, evenly apart, the last one always among them, and the first from 2 on."""
    if count < 2:
        return [length - 1][:count]
    return [round(k * (length - 1) / (count - 1)) for k in range(count)]
