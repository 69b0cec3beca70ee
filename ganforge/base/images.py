"""Pictures: bytes outside, floats in [-1, 1] inside. This module converts, lays pictures out, and writes them."""

import errno
import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.file_marks import NAME
from ganforge.base.files import read_plain, write_atomically
from ganforge.base.given import shown, whole_given

GAP = 2
"""Pixels between two pictures of a grid, whatever its scale."""

GAP_VALUE = 128
"""Grey of the gaps and of cells without a picture."""

MIN_SIDE = 448
"""A grid's longer side, at least, where ``MAX_SCALE`` allows it."""

MAX_SCALE = 16
"""The most that a grid enlarges small pictures on its own account."""

MAX_PIXELS = 2**28
"""Of what is enlarged beyond that."""

MAX_CLASS_ROWS = 10
"""Rows of a contact sheet; classes from this one on are left out."""

MAX_FRAMES = 60
"""Frames of an animation; longer sequences are thinned evenly."""

MAX_FRAME_BYTES = 512 << 20
MAX_FRAME_SIDE = 1024
"""Pixels; larger frames of an animation are made smaller by a whole factor, for its size, time and memory."""


def to_float(items: Tensor) -> Tensor:
    """Pictures uint8 [0, 255], any shape -> float32 in [-1, 1]; float32 points are handed back as they are.

    To the bit (x / 255 - 0.5) / 0.5, the note's scaling and torchvision's ToTensor with Normalize((0.5,), (0.5,)).
    Raises ValueError for another dtype.
    """
    if items.dtype == torch.float32:
        return items
    if items.dtype != torch.uint8:
        raise ValueError(f"items are {items.dtype}; pictures are uint8 and points float32")
    # (x / 255 - 0.5) / 0.5 doubled before rounding, which changes no bit. The divisor lies in the device's memory: by a
    # Python number, CUDA multiplies with the reciprocal, which rounds differently.
    divisor = torch.full((), 127.5, device=items.device)
    return items.to(torch.float32).div_(divisor).sub_(1)


def to_uint8(fakes: Tensor) -> Tensor:
    """Pictures in [-1, 1], floating point, any shape -> uint8: (x + 1) * 127.5, halves to even, clamped to [0, 255].

    Undoes ``to_float``. Raises ValueError where a value is NaN or infinite, or for another dtype.
    """
    if not fakes.is_floating_point():
        raise ValueError(f"fakes are {fakes.dtype}; floating-point values in [-1, 1] are wanted")
    bad = fakes.numel() - int(torch.isfinite(fakes).sum())
    if bad:
        raise ValueError(f"{bad} of {fakes.numel()} values are non-finite (NaN or infinite): no picture can be made")
    scaled = fakes.detach().to(torch.float32, copy=True).add_(1).mul_(127.5)
    return scaled.round_().clamp_(0, 255).to(torch.uint8)


def grid(images: Tensor, columns: int | None = None, scale: int | None = None) -> Image.Image:
    """Pictures side by side, ``GAP`` grey pixels between them; cells that the last row lacks are grey.

    images: uint8 [N, C, H, W], C = 1 (grey), 3 (RGB) or 4 (RGBA), N at least 1. columns: by default such that the
    grid is about as wide as high; never more than N. scale: whole enlargement, each pixel a square; by default the
    least that makes the grid's longer side ``MIN_SIDE`` pixels, at most ``MAX_SCALE``.
    Raises UserError for other pictures, or for columns or scale below 1.
    """
    if isinstance(images, np.ndarray) and images.dtype == np.uint8:
        images = torch.from_numpy(images)
    if not isinstance(images, Tensor):
        raise UserError(f"A grid is made of a tensor of pictures, uint8 [N, C, H, W], not of {shown(images)}.")
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] not in (1, 3, 4) or not images.numel():
        raise UserError(f"images are {images.dtype} {list(images.shape)}, not uint8 [N, C, H, W] with C 1, 3 or 4.")
    columns = None if columns is None else whole_given(columns, "columns")
    scale = None if scale is None else whole_given(scale, "scale")
    if (columns is not None and columns < 1) or (scale is not None and scale < 1):
        raise UserError(f"columns is {columns} and scale is {scale}; both are 1 or more.")
    count, channels, height, width = images.shape
    columns, rows, scale = layout(count, height, width, columns, scale)
    pixels = images.cpu().permute(0, 2, 3, 1).numpy().repeat(scale, axis=1).repeat(scale, axis=2)  # NHWC
    height, width = height * scale, width * scale
    canvas = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), GAP_VALUE, np.uint8)
    canvas[..., 3:] = 255  # where there is an alpha channel, the gaps are opaque
    for cell, picture in enumerate(pixels):
        top, left = cell // columns * (height + GAP), cell % columns * (width + GAP)
        canvas[top : top + height, left : left + width] = picture
    return Image.fromarray(canvas[..., 0] if channels == 1 else canvas)


def layout(
    count: int, height: int, width: int, columns: int | None = None, scale: int | None = None
) -> tuple[int, int, int]:
    """Columns, rows and enlargement of the grid of so many pictures, where they are not given as ``grid`` has them."""
    columns = min(count, columns or math.ceil(math.sqrt(count * height / width)))
    rows = math.ceil(count / columns)
    return columns, rows, scale or min(MAX_SCALE, math.ceil(MIN_SIDE / max(columns * width, rows * height)))


def refuse_size(size: tuple[int, int], together: int, longest: int, *, grid_of: int = 1, scale: int | None) -> None:
    """Raise UserError where grids of ``grid_of`` pictures of a size (height, width) are too large, before one is made.

    together: grids that are held at a time. longest: pixels of a side that the kind of file holds.
    """
    height, width = size
    usual = layout(grid_of, height, width)[2]
    columns, rows, scale = layout(grid_of, height, width, scale=scale)
    sides = columns * (width * scale + GAP) - GAP, rows * (height * scale + GAP) - GAP
    too_long = max(sides) > longest
    if too_long or (scale > usual and sides[0] * sides[1] * together > MAX_PIXELS):
        most = f"{longest:,} a side" if too_long else f"{MAX_PIXELS:,} in all"
        frames = f"{together:,} frames" if together > 1 else "A picture"
        less = "a smaller --scale" if scale > 1 else "fewer pictures"
        raise UserError(f"{frames} of {sides[0]:,} x {sides[1]:,} pixels cannot be: {most} at most; give {less}.")


def contact_sheet(items: Tensor, labels: Tensor | None, num_classes: int, columns: int = 10) -> Image.Image:
    """What a data set looks like: a row for each class, or, without labels, up to ten rows of evenly spaced items.

    items: uint8 [N, C, H, W]. labels: int64 [N] in [0, num_classes), or None. A row shows the first ``columns`` items
    of its class, grey where there are fewer. Classes from ``MAX_CLASS_ROWS`` on are not shown: it is for the caller to
    say so. Raises ValueError as ``grid`` does.
    """
    if labels is None or num_classes < 1:
        count = min(len(items), MAX_CLASS_ROWS * columns)
        return grid(items[torch.arange(count) * len(items) // max(1, count)], columns)
    rows = min(num_classes, MAX_CLASS_ROWS)
    sheet = torch.full((rows, columns, *items.shape[1:]), GAP_VALUE, dtype=torch.uint8)
    sheet[:, :, 3:] = 255
    for row in range(rows):
        chosen = (labels == row).nonzero()[:columns, 0]
        sheet[row, : len(chosen)] = items[chosen]
    return grid(sheet.flatten(0, 1), columns)


def save_png(image: Image.Image, path: Path) -> None:
    """``encode_png`` into a file, atomically. Raises OSError where it cannot be written."""
    write_atomically(path, lambda temporary: temporary.write_bytes(encode_png(image)))


def encode_png(image: Image.Image) -> bytes:
    """The bytes of a PNG with our mark in it; equal pictures give equal bytes."""
    mark, written = PngInfo(), io.BytesIO()
    mark.add_text("Software", NAME)
    image.save(written, format="PNG", pnginfo=mark)
    return written.getvalue()


def animation(paths: Sequence[Path], out: Path, seconds: float = 6.0) -> None:
    """Write the pictures, in their order, as an endless lossless WebP, atomically; without pictures, do nothing.

    seconds: how long they run, though none is shown for more than half a second; the last stays 2 s longer.
    Of more than ``MAX_FRAMES``, the first, the last and evenly spaced ones between are taken. Every frame gets the size
    of the last (nearest pixels), that of larger ones than ``MAX_FRAME_SIDE`` divided by a whole number.
    Raises OSError where a picture cannot be read or ``out`` not written.
    """
    if not paths:
        return
    count = min(len(paths), MAX_FRAMES)
    chosen = [paths[round(k * (len(paths) - 1) / max(1, count - 1))] for k in range(count)]
    frames = [open_frame(path) for path in chosen]
    size = frames[-1].size
    frames = [frame if frame.size == size else frame.resize(size, Image.Resampling.NEAREST) for frame in frames]
    durations = [min(500, round(1000 * seconds / count))] * count
    durations[-1] += 2000
    # For lossless files quality and method are effort only; more of either costs time and saves little.
    write_atomically(out, lambda temporary: frames[0].save(
        temporary, format="WEBP", save_all=True, append_images=frames[1:], duration=durations, loop=0, lossless=True,
        quality=50, method=1,
    ))  # fmt: skip


def open_frame(path: Path) -> Image.Image:
    """A PNG of a run's, made smaller by a whole factor if a side is above ``MAX_FRAME_SIDE``. Raises OSError."""
    try:
        content = io.BytesIO(read_plain(path, MAX_FRAME_BYTES))
        with warnings.catch_warnings(action="ignore"), Image.open(content, formats=["PNG"]) as picture:
            factor = math.ceil(max(picture.size) / MAX_FRAME_SIDE)
            return picture.reduce(factor) if factor > 1 else picture.copy()
    except Image.DecompressionBombError:
        raise OSError(errno.EFBIG, "too many pixels for an animation", str(path)) from None
    except (SyntaxError, ValueError):
        raise OSError(errno.EINVAL, "no whole picture", str(path)) from None
    except OSError as error:
        if error.errno is None:  # Pillow's, of what the file holds
            raise OSError(errno.EINVAL, "no whole picture", str(path)) from None
        raise
