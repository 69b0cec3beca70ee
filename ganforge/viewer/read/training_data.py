"""The training pictures of a run, from where the page may have them: never from a place that the run's files name."""

import math
import mmap
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.wording import pasted
from ganforge.config import Config
from ganforge.data.catalog import DATA_SETS
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.data.prepared.cache import all_kept, hold, prepared_folder
from ganforge.data.prepared.item_names import read_names
from ganforge.data.prepared.mapped import pictures_digest, read_labels
from ganforge.data.prepared.picture_dataset import names_of
from ganforge.data.prepared.prepare import prepare
from ganforge.data.prepared.prepared_files import LABELS, NAMES, PICTURES
from ganforge.data.prepared.request import make_request
from ganforge.data.shards.pattern import is_shards
from ganforge.viewer.read.untrusted import cut, mapping, string, whole


def training_data(config: Config, facts: Mapping[str, Any], place: str | None) -> Dataset:
    """What a run learned from; of shards, the sample of them.

    config: the model's; of what it says only the name of a data set of ganforge's own is believed, which is made here
    or found where this machine has it. facts: the run's own on its data, as in config.json; their fingerprint finds
    what was prepared on this machine. place: a folder or file that whoever started the page allows to look into.
    Raises UserError where the pictures are not to be had so, and what to do.
    """
    if config.data in DATA_SETS:
        folder = Path(place) if place is not None and Path(place).is_dir() else None
        settings: dict[str, Any] = {"max_images": config.max_images} | config.data_settings()
        return load(config.data, data_dir=folder, **settings)
    seen = mapping(facts.get("sample")) or facts  # of shards, a sample was prepared
    fingerprint, count = string(seen.get("fingerprint")), whole(seen.get("count"))
    shape = config_shape(facts)
    found = prepared(fingerprint, count, shape)
    if found is None and is_shards(config.data):
        raise UserError(
            f"This run learned from shards ({cut(config.data, 100)}), of which this machine has no sample prepared: "
            "`ganforge train --check` with the run's settings prepares it."
        )
    if found is None and place is not None:
        request = make_request("train", config.preparation())
        prepare(place, request, config.max_broken, lambda line: None)
        found = prepared(fingerprint, count, shape)
        if found is None:
            raise UserError(f"The pictures in {place} are not those that this run learned from.")
    if found is None:
        raise UserError(
            f"This machine has not prepared the pictures that this run learned from ({cut(config.data, 100)}); if you "
            f"have them, `ganforge watch --data PLACE` takes them from there, or prepare them first: "
            f"{prepare_command(config)}"
        )
    return found


def config_shape(facts: Mapping[str, Any]) -> tuple[int, ...]:
    """That of one item; empty where the facts do not tell it."""
    shape = facts.get("shape")
    return tuple(map(whole, shape)) if isinstance(shape, list) and len(shape) == 3 else ()


def prepare_command(config: Config) -> str:
    """The command that prepares pictures as this run had them."""
    usual = Config().data_settings()
    changed = {name: value for name, value in config.data_settings().items() if value != usual[name]}
    options = (f" --{name.replace('_', '-')} {pasted(str(value))}" for name, value in changed.items())
    return f"`ganforge data prepare PLACE{''.join(options)}`."


def prepared(fingerprint: str, count: int, shape: Sequence[int]) -> Dataset | None:
    """Of what was prepared on this machine the first ``count`` items, if their fingerprint is this one; else None."""
    for one in all_kept(prepared_folder()):
        if one.facts is None or one.facts["shape"][1:] != list(shape) or one.facts["shape"][0] < count:
            continue
        path, kept = one.folder / PICTURES, [count, *shape]
        is_whole = one.facts["shape"] == kept
        if (one.facts["digest"] if is_whole else pictures_digest(path, kept)) != fingerprint:
            continue
        items = map_read_only(path, kept)
        classes = one.facts["classes"]
        labels = read_labels(one.folder / LABELS, one.facts["labels_digest"]) if classes else None
        labels = None if labels is None else labels[:count]
        name = str(one.facts["source"])
        return Dataset(
            name, name, items, labels, len(classes), digest=fingerprint, class_names=names_of(classes),
            names=partial(read_names, one.folder / NAMES, one.facts["names_digest"]),
        )  # fmt: skip
    return None


def map_read_only(path: Path, shape: Sequence[int]) -> Tensor:
    """uint8 of ``shape`` over the file, which counts as in use until the tensor is gone. It must not be written to."""
    with path.open("rb") as file:
        hold(file)
        view = mmap.mmap(file.fileno(), math.prod(shape), access=mmap.ACCESS_READ)
    with warnings.catch_warnings(action="ignore"):  # that it must not be written to
        return torch.frombuffer(view, dtype=torch.uint8).view(*shape)
