"""A data set by its name, or anybody's pictures by their path."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.given import path_given, whole_given
from ganforge.base.sizes import size_text
from ganforge.data.catalog import DATA_SETS, locate
from ganforge.data.dataset import Dataset
from ganforge.data.digits import load_digits
from ganforge.data.mnist import load_mnist
from ganforge.data.prepared.picture_dataset import load_pictures, reshape
from ganforge.data.prepared.request import make_request, preparation_given
from ganforge.data.shards.pattern import is_shards
from ganforge.data.shards.shard_dataset import load_shards
from ganforge.data.stacked import load_stacked_mnist
from ganforge.data.synthetic import load_grid, load_ring


def load(
    name: str | os.PathLike[str],
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    max_images: int | None = None,
    *,
    say: Callable[[str], None] = lambda line: None,
    **settings: Any,
) -> Dataset:
    """A data set of ``catalog.DATA_SETS``, or the pictures at a path or of hub:OWNER/NAME.

    split: "train" or "test".
    data_dir: where to look first for files (only mnist and stacked-mnist have any).
    max_images: only the first so many items.
    say: takes lines about long work.
    settings: how pictures are prepared, by the names of ``PreparationSettings``: size, fit, channels, background,
        max_broken, pages, range and hold_out (none by default), as in docs/data.md. With hold_out "auto", the data set
        has those that were set aside as ``held_out`` (``prepared/hold_out`` has the rule).
    Raises UserError for an unknown name, split or setting, for max_images below 1, for bad files, where a shape is
    asked for that the data cannot have, and for pages or range of a built-in data set.
    """
    path = path_given(name, "A data set by a name or its pictures")
    name = name if isinstance(name, str) else os.fspath(path)  # a path would have one / of https://
    data_dir = None if data_dir is None else path_given(data_dir, "The folder of the data's files")
    max_images = None if max_images is None else whole_given(max_images, "max_images")
    if not callable(say):
        raise UserError("say must be a function.")
    if max_images is not None and max_images < 1:
        raise UserError(f"max_images is {max_images}; give 1 or more, or leave it out to use every picture.")
    preparation = preparation_given({"hold_out": "none"} | settings)
    request = make_request(split, preparation)
    if is_shards(name):
        if max_images is not None:
            raise UserError("Shards are taken whole; name fewer of them instead of giving max_images.")
        return load_shards(locate(name), request, preparation.max_broken, say)
    if name not in DATA_SETS:
        return load_pictures(locate(name), request, max_images, preparation.max_broken, say)
    for option, value in (("pages", preparation.pages), ("range", preparation.range)):
        if value is not None:
            raise UserError(
                f"{name} is one of ganforge's own data sets, which has no {option} to choose; leave it out."
            )
    match name:
        case "mnist":
            dataset = load_mnist(split, data_dir)
        case "stacked-mnist":
            dataset = load_stacked_mnist(split, data_dir)
        case "digits":
            dataset = load_digits(split)
        case "ring":
            dataset = load_ring(split)
        case _:
            dataset = load_grid(split)
    return reshape(dataset.first(max_images), request)


def load_held_out(
    name: str, test_data: str | None, like: Dataset, data_dir: Path | None,
    say: Callable[[str], None], **settings: Any,
) -> Dataset | None:  # fmt: skip
    """Items to judge by that nothing was learned from, of the shape and range of ``like``; None where there are none.

    They are those of ``test_data``, if it is named (its test split, if it has one, else all), else the test split of
    ``name``, else those that were set aside of ``like``. settings: fit, background, max_broken and pages, as for
    ``load``. Raises UserError where they cannot be had.
    """
    if test_data is None and like.held_out is not None:
        return like.held_out
    if name not in DATA_SETS and test_data is None and not like.has_test_split:
        return None
    split = "test"
    if test_data is not None:
        refuse_same(name, test_data)
        name, split = test_data, "test" if test_data in DATA_SETS else "held-out"
    if not like.is_points:
        settings |= {"size": size_text(*like.shape[1:]), "channels": like.shape[0]}
    settings |= {"pages": None} if name in DATA_SETS else {"range": like.range}
    held_out = load(name, split, data_dir, say=say, **settings)
    for note in held_out.notes:
        say(f"Held out: {note}")
    return held_out


def refuse_same(data: str, test_data: str) -> None:
    """Raise UserError where what is to be held out is what is learned from, or is nowhere."""
    if locate(test_data) == locate(data):
        raise UserError(f"test_data and data are both {data}; hold out other pictures than those trained on.")
