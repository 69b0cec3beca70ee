"""Shards as a data set: learned from where they lie, and a sample of them prepared to be looked at beside training.

The sample: of N pictures those numbered k N // n, for k = 0 to n - 1, in the order of the shards and within a shard by
name. n is N, but at most ``SAMPLE``, and so few that they take at most ``SAMPLE_BYTES``. Size, channels, range,
warnings and figures follow from it, and of it pictures are held out, by the rules for prepared pictures; so of no more
than ``SAMPLE`` pictures all is as if they were prepared.
"""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ganforge.base.errors import UserError
from ganforge.base.files import reason, write_atomically
from ganforge.base.in_threads import in_threads
from ganforge.base.sizes import gib
from ganforge.data.catalog import short_name
from ganforge.data.dataset import Dataset
from ganforge.data.prepared.fit import Target
from ganforge.data.prepared.picture_dataset import load_pictures, names_of
from ganforge.data.prepared.prepare import list_broken
from ganforge.data.prepared.progress_bar import shown
from ganforge.data.prepared.request import Request
from ganforge.data.prepared.workers import usual_workers
from ganforge.data.shards.fetched_shards import FetchedShards
from ganforge.data.shards.pattern import WEB, is_remote, shards_of
from ganforge.data.shards.shard_cache import SAMPLE, SHARDS, shards_folder
from ganforge.data.shards.shard_files import LocalShards, Shard, ShardFiles, ShardLost
from ganforge.data.shards.shard_index import FORMAT, Rows, ShardIndex, accept, open_index
from ganforge.data.shards.shard_labels import settle_classes
from ganforge.data.shards.shard_pictures import HEADER_BYTES, ShardPictures, name_in
from ganforge.data.shards.store_files import Store
from ganforge.data.shards.web_files import Web
from ganforge.data.sources.budget import broken_allowed
from ganforge.data.sources.entries import suffix_of
from ganforge.data.sources.formats import picture_suffixes

SAMPLE_COUNT, SAMPLE_BYTES = 10_000, 2 << 30
DIGITS = 12
"""Of the number of a picture, by which its name in the sample begins."""
LISTED = 10
AT_ONCE = 64


def load_shards(name: str, request: Request, max_broken: int | None, say: Callable[[str], None]) -> Dataset:
    """The shards of a pattern, as ``pattern.shards_of`` takes it. Raises UserError where they cannot be used."""
    if request.pages == "all":
        raise UserError("Of files in shards only the first page is taken; leave --pages all out, or prepare them.")
    shards = shards_of(name)
    folder = index_folder(shards)
    files = files_of(name, say)
    index = open_index(name, shards, folder, files, say)
    lost = refuse_lost(index, max_broken)
    accept(index)
    classes, numbers, no_labels = settle_classes(index)
    sample = make_sample(index, files, labelled=numbers is not None)
    dataset = load_pictures(str(folder / SAMPLE), request, None, max_broken, say)
    held = 0 if dataset.held_out is None else len(dataset.held_out)
    rows = _rows_of(dataset, len(dataset) + held)
    learned = rows[: len(dataset)]
    channels, height, width = dataset.shape
    target = Target(channels, height, width, request.fit, request.background)
    left_out = np.setdiff1d(sample, learned)
    allowed = broken_allowed(index.count) if max_broken is None else max_broken
    pictures = ShardPictures(index, files, target, dataset.range, left_out, numbers, allowed - lost, say)
    notes = (*describe(index, len(rows)), *(_held_out(note, held, pictures.count) for note in dataset.notes))

    def like(part: Dataset, rows: Rows) -> Dataset:
        labels = None if numbers is None else torch.from_numpy(numbers[index.places(rows)[:, 2]])
        told = ".cls or .json beside each picture" if numbers is not None else ""
        return replace(
            part, name=short_name(name), source=name, labels=labels, num_classes=len(classes), labels_from=told,
            class_names=names_of(classes), no_labels=no_labels, notes=notes, has_test_split=False,
        )  # fmt: skip

    digest = fingerprint(index, dataset)
    held_out = None if dataset.held_out is None else like(dataset.held_out, rows[len(dataset) :])
    return replace(like(dataset, learned), digest=digest, shards=pictures, held_out=held_out)


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


def sample_rows(index: ShardIndex) -> Rows:
    """The rows of the sample, ascending."""
    rows = _spread(index.count, min(index.count, SAMPLE_COUNT))
    size = int(index.places(rows)[:, 1].sum())
    return rows if size <= SAMPLE_BYTES else _spread(index.count, max(2, len(rows) * SAMPLE_BYTES // size))


def _spread(count: int, wanted: int) -> Rows:
    return np.arange(wanted, dtype=np.int64) * count // wanted


def make_sample(index: ShardIndex, files: ShardFiles, *, labelled: bool) -> Rows:
    """The rows of the sample, which lie in a tar file beside the index from now on, with or without their classes.
    Raises UserError."""
    rows, path = sample_rows(index), index.folder / SAMPLE
    if path.exists():
        return rows
    try:
        write_atomically(path, lambda temporary: _write_sample(temporary, index, files, rows, labelled))
    except OSError as error:
        raise UserError(f"A sample of {index.name} cannot be kept: {reason(error)}.") from None
    except ShardLost as why:
        raise UserError(f"{index.name} is not all there any more ({why}); start again.") from None
    return rows


def _write_sample(path: Path, index: ShardIndex, files: ShardFiles, rows: Rows, labelled: bool) -> None:
    pieces = [rows[at : at + AT_ONCE] for at in range(0, len(rows), AT_ONCE)]

    @contextmanager
    def begin() -> Iterator[Callable[[Rows], list[tuple[str, bytes, int]]]]:
        yield lambda piece: [_entry(index, files, row) for row in piece.tolist()]

    done = 0
    answers = in_threads(files.workers, pieces, begin)
    with tarfile.open(path, "w") as archive, shown(len(rows), "sampling") as tell, closing(answers):
        for _, entries in answers:
            for name, content, label in entries:
                _add(archive, name, content)
                if labelled:
                    _add(archive, f"{name.partition('.')[0]}.cls", index.classes[label].encode())
            done += len(entries)
            tell(done)


def _entry(index: ShardIndex, files: ShardFiles, row: int) -> tuple[str, bytes, int]:
    """A picture's name in the sample, by which its row is told, its file's bytes, and its class's number."""
    shard = index.shards[int(index.shards_at(np.array([row]))[0])]
    offset, size, label = index.places(np.array([row]))[0].tolist()
    try:
        content = files.read(shard, offset - HEADER_BYTES, HEADER_BYTES + size)
    except ShardLost as why:
        raise ShardLost(f"{shard.short_name}: {why}") from None
    own = name_in(content[:HEADER_BYTES])
    ending = suffix_of(own) if suffix_of(own) in picture_suffixes() else ""
    plain = [re.sub(r"[./]", "_", text)[:60] for text in (shard.short_name, own.removesuffix(ending))]
    name = f"{row:0{DIGITS}} {plain[0]} {plain[1]}{ending}"
    return name, content[HEADER_BYTES:], label


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


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
