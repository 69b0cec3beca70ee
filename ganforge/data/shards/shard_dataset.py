"""Shards as a data set: learned from where they lie, and a sample of them prepared to be looked at beside training.

Size, channels, range, warnings and figures follow from the sample (``shard_sample``), and of it pictures are held out,
by the rules for prepared pictures; so of no more pictures than the sample may have all is as if they were prepared.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from ganforge.base.errors import UserError
from ganforge.base.sizes import gib
from ganforge.data.catalog import short_name
from ganforge.data.dataset import Dataset
from ganforge.data.prepared.fit import Target
from ganforge.data.prepared.picture_dataset import load_pictures, names_of
from ganforge.data.prepared.prepare import list_broken
from ganforge.data.prepared.request import Request
from ganforge.data.prepared.workers import usual_workers
from ganforge.data.shards.fetched_shards import FetchedShards
from ganforge.data.shards.parquet_shard import is_parquet
from ganforge.data.shards.pattern import WEB, is_remote, shards_of
from ganforge.data.shards.shard_cache import SAMPLE, SHARDS, shards_folder
from ganforge.data.shards.shard_files import LocalShards, Shard, ShardFiles
from ganforge.data.shards.shard_index import FORMAT, Rows, ShardIndex, accept, open_index
from ganforge.data.shards.shard_labels import labels_from, settle_classes
from ganforge.data.shards.shard_pictures import ShardPictures
from ganforge.data.shards.shard_sample import DIGITS, make_sample, row_groups
from ganforge.data.shards.store_files import Store
from ganforge.data.shards.web_files import Web
from ganforge.data.sources.budget import broken_allowed
from ganforge.data.sources.parquet_rows import HUB_EXTRA

LISTED = 10
LARGE_GROUP_BYTES = 32 << 20
"""Row groups that are told of, since each picture costs half of one."""


def load_shards(name: str, request: Request, max_broken: int | None, say: Callable[[str], None]) -> Dataset:
    """The shards of a pattern, as ``pattern.shards_of`` takes it. Raises UserError where they cannot be used."""
    refuse_pages(request.pages)
    index, files, sample, lost = open_shards(name, max_broken, say)
    classes, numbers, no_labels = settle_classes(index)
    dataset = load_pictures(str(index.folder / SAMPLE), request, None, max_broken, say)
    held = 0 if dataset.held_out is None else len(dataset.held_out)
    rows = _rows_of(dataset, len(dataset) + held)
    learned = rows[: len(dataset)]
    channels, height, width = dataset.shape
    target = Target(channels, height, width, request.fit, request.background)
    left_out = np.setdiff1d(sample, learned)
    allowed = broken_allowed(index.count) if max_broken is None else max_broken
    pictures = ShardPictures(index, files, target, dataset.range, left_out, numbers, allowed - lost, say)
    pictures.sample_digest = dataset.fingerprint()
    notes = (*describe(index, len(rows)), *(_held_out(note, held, pictures.count) for note in dataset.notes))

    def like(part: Dataset, rows: Rows) -> Dataset:
        labels = None if numbers is None else torch.from_numpy(numbers[index.places(rows)[:, 2]])
        told = labels_from(index) if numbers is not None else ""
        return replace(
            part, name=short_name(name), source=name, labels=labels, num_classes=len(classes), labels_from=told,
            class_names=names_of(classes), no_labels=no_labels, notes=notes, has_test_split=False,
        )  # fmt: skip

    digest = fingerprint(index, dataset)
    held_out = None if dataset.held_out is None else like(dataset.held_out, rows[len(dataset) :])
    return replace(like(dataset, learned), digest=digest, shards=pictures, held_out=held_out)


def open_shards(
    name: str, max_broken: int | None, say: Callable[[str], None]
) -> tuple[ShardIndex, ShardFiles, Rows, int]:
    """The index of a pattern's shards, what reads them, the rows of the sample, which lies beside the index from now
    on, and about how many pictures are lost with shards. Raises UserError where they cannot be used."""
    shards = shards_of(name)
    if any(map(is_parquet, shards)) and find_spec("pyarrow") is None:
        raise UserError(f"{name} names Parquet files, and reading them needs pyarrow; {HUB_EXTRA}.")
    files = files_of(name, say)
    index = open_index(name, shards, index_folder(shards), files, say)
    lost = refuse_lost(index, max_broken)
    accept(index)
    return index, files, make_sample(index, files, labelled=settle_classes(index)[1] is not None), lost


def refuse_pages(pages: str | None) -> None:
    """Raise UserError where all are asked for."""
    if pages == "all":
        raise UserError("Of files in shards only the first page is taken; leave --pages all out, or prepare them.")


def look_into(name: str, say: Callable[[str], None]) -> tuple[Path, list[str], str, str]:
    """The sample of a pattern's shards, what there is to say of all, where classes come from, and why there are none.
    Raises UserError, as ``load_shards``."""
    index, _, rows, _ = open_shards(name, None, say)
    return index.folder / SAMPLE, describe(index, len(rows)), labels_from(index), settle_classes(index)[2]


def index_folder(shards: Sequence[str]) -> Path:
    """Where the index of these shards is kept."""
    return shards_folder() / hashlib.sha256(json.dumps([FORMAT, shards]).encode()).hexdigest()[:32]


def files_of(name: str, say: Callable[[str], None]) -> ShardFiles:
    """What reads the shards of a pattern. Raises UserError where it is not installed."""
    if not is_remote(name):
        return LocalShards(usual_workers())
    scheme = name.partition("://")[0]
    return FetchedShards(Web().part if scheme in WEB else Store(scheme).part, say)


def fingerprint(index: ShardIndex, sample: Dataset) -> str:
    """Of the shards' names, sizes, headers and classes, and of the sample's pixels: equal wherever they lie."""
    told = [[shard.short_name, shard.size, shard.count, shard.digest] for shard in index.shards if shard.count]
    return hashlib.sha256(json.dumps([told, sample.shape, sample.fingerprint()]).encode()).hexdigest()


def refuse_lost(index: ShardIndex, max_broken: int | None) -> int:
    """About how many pictures are lost with shards that are missing or damaged: as many as the whole ones have, on
    average. Raises UserError where there are more than may be left out, or too few to learn from."""
    faulty = [shard for shard in index.shards if shard.fault]
    whole = [shard.count for shard in index.shards if not shard.fault]
    usual = sum(whole) // max(1, len(whole))
    lost = sum(max(1, usual - shard.count) for shard in faulty)
    if index.count < 2:
        why = f"; {_named(index, faulty)}" if faulty else ""
        raise UserError(f"{index.name} holds {index.count} pictures to learn from{why}; give at least 2.")
    allowed = broken_allowed(index.count + lost) if max_broken is None else max_broken
    if lost > allowed:
        raise UserError(
            f"{index.name}: {len(faulty):,} of {len(index.shards):,} shards are missing or damaged, with about "
            f"{lost:,} pictures, and at most {allowed:,} may be left out: {_named(index, faulty)}; mend them, or allow "
            "more with --max-broken."
        )
    return lost


def _rows_of(dataset: Dataset, count: int) -> Rows:
    """The rows of the index that the sample's pictures have, those that are held out last."""
    names = dataset.names(range(count)) if dataset.names is not None else None
    if names is None:
        raise UserError("The names of the sample's pictures are damaged; `ganforge data clear`, and start again.")
    return np.array([int(name[:DIGITS]) for name in names], np.int64)


def describe(index: ShardIndex, sampled: int) -> list[str]:
    """What came of the shards, in lines for people."""
    size = gib(sum(shard.size for shard in index.shards))
    whole = "all of them" if sampled == index.count else f"{sampled:,} of them, evenly spread"
    lines = [
        f"{index.count:,} pictures in {len(index.shards):,} shards, {size}, read in place; what follows, and figures, "
        f"are of {whole}"
    ]
    if faulty := [shard for shard in index.shards if shard.fault]:
        lines.append(f"Shards that are missing or damaged: {_named(index, faulty)}; they stay left out, also where the "
                     "run is resumed, until `ganforge data clear`")  # fmt: skip
    if (group := row_groups(index)[1]) > LARGE_GROUP_BYTES:
        lines.append(f"Row groups of about {group >> 20:,} MiB, of which a picture costs half: write the files with "
                     "smaller ones, such as row_group_size=100, to have them read more quickly")  # fmt: skip
    skipped = [(f"{shard.short_name}: {name}", why) for shard in index.shards for name, why in shard.skipped]
    if skipped:
        lines.append(f"Skipped: {list_broken(skipped, LISTED, index.folder / SHARDS)}")
    return lines


def _held_out(note: str, held: int, learned: int) -> str:
    """A note on the sample; of what is held out, how many of all are learned from."""
    if not note.startswith("Held out: "):
        return note
    return f"Held out: {held:,} of them, to tell copies by; {learned:,} of all are learned from (--hold-out none: all)"


def _named(index: ShardIndex, faulty: Sequence[Shard]) -> str:
    return list_broken([(shard.short_name, shard.fault) for shard in faulty], LISTED, index.folder / SHARDS)
