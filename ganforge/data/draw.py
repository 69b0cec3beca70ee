"""Items as pictures: grids of pictures, scatters of points."""

from pathlib import Path

import torch
from PIL.Image import Image
from torch import Tensor

from ganforge.base.animations import FORMATS, save_animation
from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.images import MAX_CLASS_ROWS, contact_sheet, grid, save_png, to_uint8
from ganforge.base.plots import scatter
from ganforge.base.seeding import generator
from ganforge.data.dataset import Dataset

NUM_POINTS = 2000
"""Points in a scatter picture."""


def draw_items(items: Tensor, dataset: Dataset | None = None, heat: Tensor | None = None) -> Image:
    """A grid of pictures (uint8 [N, C, H, W], or float in [-1, 1]), or a scatter of points (float [N, 2]).

    With a 2-D data set, its own points and modes are drawn with the given ones, and ``heat`` (``scatter``) behind all.
    """
    if items.dim() == 4:
        return grid(items if items.dtype == torch.uint8 else to_uint8(items))
    if dataset is None or dataset.mixture is None:
        return scatter(items)
    return scatter(items, reference=dataset.items[:NUM_POINTS], centers=dataset.mixture.centers, heat=heat)


def draw_reals(dataset: Dataset, count: int, seed: int) -> Image:
    """``count`` random items of the data set (2,000 if they are points)."""
    count = NUM_POINTS if dataset.mixture is not None else count
    return draw_items(dataset.items[torch.randperm(len(dataset), generator=generator(seed, "reals"))[:count]])


def draw_contact_sheet(dataset: Dataset) -> Image:
    """A row of pictures for each class, evenly spaced pictures where there are too many classes for that, or points."""
    if dataset.mixture is not None:
        return draw_reals(dataset, NUM_POINTS, seed=0)
    labels = dataset.labels if dataset.num_classes <= MAX_CLASS_ROWS else None
    return contact_sheet(dataset.items, labels, dataset.num_classes)


def draw_frames(items: Tensor) -> list[Image]:
    """A picture for each item, all of one size: the item alone, or, of points, a ring where it is on the whole way.

    items: as for ``draw_items``.
    """
    if items.dim() == 4:
        return [draw_items(items[row : row + 1]) for row in range(len(items))]
    return [scatter(items[row : row + 1], reference=items, centers=items[row : row + 1]) for row in range(len(items))]


def save_picture(picture: Image, path: Path) -> None:
    """Save where the user asked. Raises UserError where that cannot be written."""
    try:
        save_png(picture, path)
    except OSError as error:
        raise UserError(f"The picture cannot be written: {reason(error)}; choose another place with --out.") from None


def check_walk_name(path: Path) -> None:
    """Raise UserError unless the path's ending says one of the ways in which a walk can be saved."""
    if path.suffix.lower().removeprefix(".") not in (*FORMATS, "png"):
        raise UserError(
            f"A walk cannot be saved as {path.name}; give --out a name that ends in .webp or .gif, which move, "
            "or in .png for all its pictures side by side."
        )


def save_walk(items: Tensor, path: Path, fps: float, loop: bool) -> None:
    """Items as an animation, or side by side in a PNG, as the path's ending says. Raises UserError as
    ``save_picture``, and for another ending."""
    check_walk_name(path)
    if path.suffix.lower() == ".png":
        save_picture(draw_items(items), path)
        return
    try:
        save_animation(draw_frames(items), path, fps, loop)
    except OSError as error:
        raise UserError(f"The walk cannot be written: {reason(error)}; choose another place with --out.") from None
