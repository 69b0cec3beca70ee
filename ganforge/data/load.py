"""A data set by its name."""

import difflib
from collections.abc import Callable
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.data.catalog import DATA_SETS
from ganforge.data.dataset import Dataset
from ganforge.data.digits import load_digits
from ganforge.data.mnist import load_mnist
from ganforge.data.stacked import load_stacked_mnist
from ganforge.data.synthetic import load_grid, load_ring


def load(
    name: str,
    split: str = "train",
    data_dir: Path | None = None,
    max_images: int | None = None,
    poll: Callable[[], None] = lambda: None,
) -> Dataset:
    """The data set ``name`` of ``catalog.DATA_SETS``, cut to its first ``max_images`` items.

    split: "train" or "test". data_dir: where to look first for files (only mnist and stacked-mnist have any). poll:
    called now and then while files are read or downloaded; raises to stop. Raises UserError for an unknown name or
    split, for max_images below 1, and for bad files.
    """
    if max_images is not None and max_images < 1:
        raise UserError(f"max_images is {max_images}; give 1 or more, or leave it out to use every picture.")
    match name:
        case "mnist":
            dataset = load_mnist(split, data_dir, poll)
        case "stacked-mnist":
            dataset = load_stacked_mnist(split, data_dir, poll)
        case "digits":
            dataset = load_digits(split)
        case "ring":
            dataset = load_ring(split)
        case "grid":
            dataset = load_grid(split)
        case _:
            raise UserError(_unknown(name))
    return dataset.first(max_images)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), DATA_SETS, n=1, cutoff=0.5)
    hint = f" did you mean {close[0]}? The" if close else " the"
    return f"There is no data set {name!r};{hint} data sets are {', '.join(DATA_SETS)}."
