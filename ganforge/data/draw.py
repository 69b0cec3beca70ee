"""Items as pictures: grids of pictures, scatters of points."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from PIL.Image import new as new_image
from torch import Tensor

from ganforge.base.animations import FORMATS, encode_animation
from ganforge.base.errors import UserError
from ganforge.base.files import reason, write_atomically
from ganforge.base.film_files import MAX_SIDE
from ganforge.base.images import GAP_VALUE, MAX_CLASS_ROWS, contact_sheet, encode_png, grid, refuse_size, to_uint8
from ganforge.base.picture_format import LONGEST
from ganforge.base.plots import scatter
from ganforge.base.seeding import generator
from ganforge.base.stopping import poll, polling
from ganforge.data.dataset import Dataset
from ganforge.data.prepared.splits import Chosen, choose_split
from ganforge.data.sources.open import Opened, picture_at
from ganforge.data.sources.pixel_kinds import Unreadable

NUM_POINTS = 2000
"""Points in a scatter picture."""
CELL = 96
"""Pixels: the most that a picture of a source's sheet is wide or high."""
MAX_CLASS_COLUMNS = 10
SPARE = 20
"""So many more pictures of a class, or of all, are tried where some cannot be read."""


def draw_items(
    items: Tensor, dataset: Dataset | None = None, decision_map: Tensor | None = None, columns: int | None = None,
    scale: int | None = None, arrows: Tensor | None = None,
) -> Image:  # fmt: skip
    """A grid of pictures (uint8 [N, C, H, W], or float in [-1, 1]), or a scatter of points (float [N, 2]).

    columns, scale: of the grid, as ``grid`` takes them. With a 2-D data set, its own points and
    modes are drawn with the given ones, ``decision_map`` (``scatter``) behind all, and ``arrows`` on top.
    """
    if items.dim() == 4:
        return grid(items if items.dtype == torch.uint8 else to_uint8(items), columns, scale)
    if dataset is None or dataset.mixture is None:
        return scatter(items)
    reference, centers = dataset.items[:NUM_POINTS], dataset.mixture.centers
    return scatter(items, reference=reference, centers=centers, decision_map=decision_map, arrows=arrows)


def draw_reals(dataset: Dataset, side: int, seed: int) -> Image:
    """``side`` rows and columns of random items of the data set (2,000 if they are points)."""
    count = NUM_POINTS if dataset.is_points else side**2
    chosen = torch.randperm(len(dataset), generator=generator(seed, "reals"))[:count]
    return draw_items(dataset.items[chosen], columns=side)


def draw_contact_sheet(dataset: Dataset) -> Image:
    """A row of pictures for each class, evenly spaced pictures where there are too many classes for that, or points."""
    if dataset.is_points:
        return draw_reals(dataset, 1, seed=0)
    labels = dataset.labels if dataset.num_classes <= MAX_CLASS_ROWS else None
    return contact_sheet(dataset.items, labels, dataset.num_classes)


def draw_source_sheet(source: Opened, seed: int = 0) -> Image:
    """Random pictures of a source (of its part train, if it has parts), RGB: a row for each of up to ten classes, else
    up to ten rows over all.

    Pictures are made smaller to fit into squares of ``CELL`` pixels, never larger, and lie on grey; unreadable ones are
    left out. Raises UserError if none of those tried can be read.
    """
    chosen = choose_split(source, "train")
    names = chosen.classes()
    by_class = 1 < len(names) <= MAX_CLASS_ROWS
    rows = _rows_of(chosen, names) if by_class else [list(chosen.indices)]
    wanted = MAX_CLASS_COLUMNS if by_class else MAX_CLASS_COLUMNS * MAX_CLASS_ROWS
    drawn = []
    for number, row in enumerate(rows):
        order = torch.randperm(len(row), generator=generator(seed, f"sheet-{number}")).tolist()[: wanted + SPARE]
        drawn.append(_thumbnails(source, sorted(row[place] for place in order), wanted))
    side = max((max(picture.size) for row in drawn for picture in row), default=0)
    if not side:
        raise UserError(
            f"None of the pictures tried in {source.name} can be read, so no sheet is drawn; see the reasons above."
        )
    columns = max(map(len, drawn)) if by_class else MAX_CLASS_COLUMNS
    cells = [
        _on_grey(row[column] if column < len(row) else None, side)
        for row in drawn
        for column in range(columns if by_class else len(row))
    ]
    return grid(torch.from_numpy(np.stack(cells)).permute(0, 3, 1, 2), columns)


def _rows_of(chosen: Chosen, names: list[str]) -> list[list[int]]:
    """The entries of each class."""
    rows: dict[str, list[int]] = {name: [] for name in names}
    for index, label in zip(chosen.indices, chosen.labels or (), strict=True):
        rows[label].append(index)
    return [rows[name] for name in names]


def _thumbnails(source: Opened, indices: list[int], wanted: int) -> list[Image]:
    """Up to ``wanted`` of the entries, RGB or RGBA, within ``CELL`` pixels."""
    found: list[Image] = []
    for index in indices:
        if len(found) == wanted:
            break
        poll()
        try:
            picture = picture_at(source, index, CELL)
        except Unreadable:
            continue
        found.append(picture.convert("RGBA"))
    return found


def _on_grey(picture: Image | None, side: int) -> NDArray[np.uint8]:
    """[side, side, 3], the picture in the middle."""
    canvas = new_image("RGBA", (side, side), (GAP_VALUE, GAP_VALUE, GAP_VALUE, 255))
    if picture is not None:
        canvas.alpha_composite(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return np.array(canvas.convert("RGB"))


def draw_frames(items: Tensor, scale: int | None = None) -> list[Image]:
    """A picture for each item, all of one size: the item alone, or, of points, a ring where it is on the whole way.

    items: as for ``draw_items``.
    """
    frames = []
    for one in items.split(1):
        poll()
        frames.append(draw_items(one, scale=scale) if items.dim() == 4 else scatter(one, reference=items, centers=one))
    return frames


def check_scale(shape: Sequence[int], count: int, path: Path, scale: int | None, *, moves: bool = False) -> None:
    """Raise UserError where so many items of a shape cannot be drawn at that scale into a file of that name: one grid
    of all, or, ``moves``, frames, which are held all at once in .webp and .gif, else (a film, a folder) one by one."""
    if len(shape) != 3:
        if scale is not None:
            raise UserError("--scale is of pictures, and this model makes points; leave it out.")
        return
    kind = path.suffix.lower().removeprefix(".")
    longest = {"mp4": MAX_SIDE, "webm": MAX_SIDE, "webp": LONGEST["webp"]}.get(kind, LONGEST["png"])
    alone = moves and kind != "png"
    together = count if alone and kind in FORMATS else 1
    refuse_size((shape[1], shape[2]), together, longest, grid_of=1 if alone else count, scale=scale)


def save_picture(picture: Image, path: Path) -> None:
    """Save where the user asked. Raises UserError where that cannot be written, and what ``poll`` raises."""
    _write(lambda: encode_png(picture), path, "picture")


def check_walk_name(path: Path) -> None:
    """Raise UserError unless the path's ending says one of the ways in which a walk can be saved."""
    if path.suffix.lower().removeprefix(".") not in (*FORMATS, "png"):
        raise UserError(
            f"A walk cannot be saved as {path.name}; give --out a name that ends in .webp or .gif, which move, "
            "in .mp4 or .webm, a film, in .png for all its pictures side by side, or a FOLDER/ for its frames."
        )


def save_walk(items: Tensor, path: Path, fps: float, loop: bool, scale: int | None = None) -> None:
    """Items as an animation, or side by side in a PNG, as the path's ending says. Raises UserError as
    ``save_picture``, and for another ending."""
    check_walk_name(path)
    if path.suffix.lower() == ".png":
        save_picture(draw_items(items, scale=scale), path)
        return
    frames, kind = draw_frames(items, scale), path.suffix.lower().removeprefix(".")
    _write(lambda: encode_animation(frames, kind, fps, loop), path, "walk")


def _write(encode: Callable[[], bytes], path: Path, what: str) -> None:
    """A file of what ``encode`` makes, which may take long."""
    try:
        content = polling(encode)
        write_atomically(path, lambda temporary: temporary.write_bytes(content))
    except OSError as error:
        raise UserError(f"The {what} cannot be written: {reason(error)}; choose another place with --out.") from None
