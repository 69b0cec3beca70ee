"""Pictures wherever they are kept: a folder, a zip file, arrays, IDX, Parquet and tar files, Hugging Face data sets."""

from pathlib import Path

import numpy as np
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.data.decode import Header, Unreadable, decode, read_header
from ganforge.data.entries import Entry, Source, class_names

__all__ = ["Entry", "Header", "Source", "Unreadable", "class_names", "header_at", "open_source", "picture_at"]


def picture_at(source: Source, index: int) -> Image.Image:
    """Entry ``index`` as a picture of mode L, LA, RGB or RGBA. Raises Unreadable."""
    held = source.read(index)
    return decode(held) if isinstance(held, bytes) else Image.fromarray(np.ascontiguousarray(_flat(held)))


def header_at(source: Source, index: int) -> Header:
    """The size and mode of entry ``index``, which is read but not decoded. Raises Unreadable."""
    held = source.read(index)
    if isinstance(held, bytes):
        return read_header(held)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[held.shape[2] if held.ndim == 3 else 1]
    return Header(held.shape[1], held.shape[0], mode)


def _flat(array: np.ndarray) -> np.ndarray:
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def open_source(path: str | Path) -> Source:
    """The pictures at a path, or, for ``hub:OWNER/NAME``, of a data set on the Hugging Face hub.

    Lists the pictures and reads none. What a file is is told by how it begins, not by its name. Raises UserError for
    what is not there, not readable, or holds no pictures.
    """
    raise UserError(f"{path} cannot be opened yet.")
