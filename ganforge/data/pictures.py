"""Pictures that some other tool has made, to be judged: a folder of picture files, or an .npz or .npy file."""

import re
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.data.dataset import Dataset

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""What a file may be, whatever its name says: Pillow has other readers that start programs."""
ARRAYS = ("images", "arr_0")
"""Names under which an .npz file may hold the pictures; the second is what ``numpy.savez`` gives on its own account."""
MAX_BYTES = 8 << 30
"""The most that is read of a folder: 43,690 pictures of 256 x 256 in colour."""

Array = NDArray[np.uint8]


def read_pictures(path: Path, poll: Callable[[], None] = lambda: None) -> Dataset:
    """The pictures in a folder, and in the folders in it, or in an .npz or .npy file: uint8 [N, C, H, W], no labels.

    Of a folder, every PNG, JPEG, WebP, BMP, GIF (its first frame) and TIFF file is read, in the order of their paths;
    names that begin with a dot are passed over. All must have one size, and all be grey (C = 1) or all in colour
    (C = 3); palettes and GIFs count as colour. Pixels are taken as they are stored, 8 bits a channel, without regard
    to colour profiles or a camera's orientation. An .npz file holds the array ``images`` or ``arr_0``; an array is
    uint8 [N, H, W, C], [N, C, H, W] or [N, H, W], and a last axis of 1 or 3 is the channels'.

    poll: called for every file; raises to stop. Raises UserError for what is not there, not readable or another kind of
    picture (transparent, 16-bit, CMYK), for several sizes, and for a folder of more than ``MAX_BYTES``.
    """
    if path.is_dir():
        items = _read_folder(path, poll)
    elif path.is_file() and path.suffix.lower() in (".npz", ".npy"):
        items = _read_array(path)
    elif path.exists():
        raise UserError(f"{path} is neither a folder of pictures nor an .npz or .npy file; name one of those.")
    else:
        raise UserError(f"There is no folder of pictures {path}; check its name.")
    return Dataset(str(path), str(path), items)


def as_grey(items: Tensor) -> Tensor:
    """Pictures uint8 [N, 3, H, W] as [N, 1, H, W] if all three channels are equal everywhere, else as they are.

    Many tools save grey pictures in colour. Pictures that have one channel already come back as they are, too.
    """
    red = items[:, :1]
    return red if items.shape[1] == 3 and bool((items == red).all()) else items


def _read_folder(folder: Path, poll: Callable[[], None]) -> Tensor:
    paths = _picture_files(folder)
    if not paths:
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise UserError(f"{folder} holds no pictures ({kinds}); check the folder's name.")
    first = _read_file(paths[0])
    size = len(paths) * first.size
    if size > MAX_BYTES:
        held = f"{len(paths):,} pictures, which take {size / 2**30:.1f} GiB"
        raise UserError(f"{folder} holds {held}; at most {MAX_BYTES / 2**30:g} GiB are read, so take some away.")
    items = torch.empty(len(paths), *first.shape, dtype=torch.uint8)
    for row, path in enumerate(paths):
        poll()
        picture = _read_file(path)
        if picture.shape != first.shape:
            kinds = f"{paths[0]} is {_kind(first)}, and {path} is {_kind(picture)}"
            raise UserError(f"The pictures differ: {kinds}; make them one size, and all grey or all in colour.")
        items[row] = torch.tensor(picture)
    return items


def _picture_files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
    return sorted(path for path in found if not any(p.startswith(".") for p in path.relative_to(folder).parts))


def _read_file(path: Path) -> Array:
    """[1, H, W] or [3, H, W]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow thinks of odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=FORMATS) as picture:
                deep = re.search(";16[BLN]", str(picture.tile))  # as the file stores its channels; load() forgets it
                picture.load()
                return _to_array(picture, "16-bit" if deep else picture.mode, path)
        except UserError:
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            limit = f"{Image.MAX_IMAGE_PIXELS:,} pixels"
            raise UserError(f"{path} has more than {limit}, the most for one picture; take it away.") from None
        except Exception as error:  # Pillow's decoders raise almost anything on damaged bytes
            raise UserError(f"{path} cannot be read as a picture ({error}); take it away or make it again.") from error


def _to_array(picture: Image.Image, stored: str, path: Path) -> Array:
    if stored not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        kind = "16-bit" if stored.startswith("I;16") else stored
        raise UserError(f"{path} is a picture of the kind {kind}; save it as grey or RGB with 8 bits a channel.")
    in_rgb = picture
    if picture.has_transparency_data:
        in_rgb = picture.convert("RGBA")
        if in_rgb.getchannel("A").getextrema() != (255, 255):
            raise UserError(f"{path} is transparent in places; lay it on a background and save it again.")
    if stored in ("1", "L", "LA") and picture.format != "GIF":  # one tool's GIFs are L or P as their colours fall out
        return np.asarray(picture.convert("L"))[None]
    return np.asarray(in_rgb.convert("RGB")).transpose(2, 0, 1)


def _read_array(path: Path) -> Tensor:
    try:
        with path.open("rb") as file:
            held = np.load(file, allow_pickle=False)
            arrays = [held] if isinstance(held, np.ndarray) else [held[name] for name in ARRAYS if name in held]
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path} cannot be read as arrays ({error}); save it again with numpy.savez.") from error
    if not arrays:
        raise UserError(f"{path} holds no array named {' or '.join(ARRAYS)}; save the pictures under one of them.")
    return torch.from_numpy(_as_nchw(arrays[0], path)).contiguous()


def _as_nchw(array: NDArray[Any], path: Path) -> Array:
    shape = array.shape
    if array.dtype == np.uint8 and array.size:
        if array.ndim == 3:
            return array[:, None]
        if array.ndim == 4 and shape[3] in (1, 3):
            return array.transpose(0, 3, 1, 2)
        if array.ndim == 4 and shape[1] in (1, 3):
            return array
    wanted = "uint8 [N, H, W, C] or [N, C, H, W], with C 1 or 3"
    raise UserError(f"{path} holds {array.dtype} {list(shape)}; save the pictures as {wanted}, 0 to 255.")


def _kind(picture: Array) -> str:
    channels, height, width = picture.shape
    return f"{width} x {height} {'grey' if channels == 1 else 'in colour'}"
