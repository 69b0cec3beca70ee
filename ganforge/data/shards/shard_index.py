"""The index of a set of shards: where each picture lies, made once and kept in the cache.

<cache>/shards/<key>/shards.jsonl   a line for each shard when it has been listed, and one for each new class before it
                     places.i64     int64 [pictures, 3]: offset (or row), size and class, shard by shard as listed
                     sample.tar     the pictures that are looked at beside training (``shard_sample``)

Lines are only added, so that an index that was interrupted is gone on with; of two lines on a shard the later counts.
"""

import json
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganforge.base.errors import UserError
from ganforge.base.in_threads import in_threads
from ganforge.data.prepared.cache import locked
from ganforge.data.prepared.progress_bar import shown
from ganforge.data.shards.parquet_shard import is_parquet
from ganforge.data.shards.place_reader import PlaceReader
from ganforge.data.shards.shard_cache import PLACES, SAMPLE, SHARDS, forget
from ganforge.data.shards.shard_files import Shard, ShardFiles, ShardLost
from ganforge.data.sources.budget import MAX_CLASSES, brief
from ganforge.data.sources.pixel_kinds import Unreadable

FORMAT = 2
COLUMNS = 3
Rows = NDArray[np.int64]
LOOKS = 256
"""After so many looks into the file of places, its memory is given back: each takes up to 64 KiB around it."""


class ShardIndex:
    """shards: in the pattern's order. classes: names, in the order in which they were met. accepted: does a run go by
    it? The file of places is mapped, and what was looked at is given back, so that its length takes no memory."""

    def __init__(
        self, name: str, folder: Path, shards: Sequence[Shard], classes: Sequence[str], accepted: bool
    ) -> None:  # fmt: skip
        self.name, self.folder, self.shards, self.classes = name, folder, shards, classes
        self.accepted = accepted
        self.counts = np.array([shard.count for shard in shards], np.int64)
        self.firsts = self.counts.cumsum() - self.counts
        self.count = int(self.counts.sum())
        self._in_file = np.array([shard.first for shard in shards], np.int64)
        self._file: Any = b""
        with (folder / PLACES).open("rb") as file:
            if self.count:  # nothing cannot be mapped
                self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._places = np.frombuffer(self._file, np.int64).reshape(-1, COLUMNS)
        self._looked_at = 0

    def shards_at(self, rows: Rows) -> Rows:
        """The number of the shard that holds each of these pictures, counted over all shards."""
        return np.searchsorted(self.firsts, rows, side="right") - 1

    def places(self, rows: Rows) -> Rows:
        """[N, 3]: offset, size and class of each of these pictures; a class is its number in ``classes``, -1: none."""
        which = self.shards_at(rows)
        lines = self._in_file[which] + rows - self.firsts[which]
        found = np.empty((len(rows), COLUMNS), np.int64)
        for at in range(0, len(rows), LOOKS):
            found[at : at + LOOKS] = self._places[lines[at : at + LOOKS]]
            self._looked_at += len(lines[at : at + LOOKS])
            if self._looked_at > LOOKS and hasattr(mmap, "MADV_DONTNEED"):
                self._file.madvise(mmap.MADV_DONTNEED)
                self._looked_at = 0
        return found


def open_index(
    name: str, shards: Sequence[str], folder: Path, files: ShardFiles, say: Callable[[str], None]
) -> ShardIndex:
    """The index in ``folder``, made or completed if it is not there. Raises UserError where the disk is full, and what
    ``poll`` raises; what was listed by then is kept."""
    try:
        with locked(folder, say):
            folder.mkdir(exist_ok=True)
            known, classes, accepted = read_lines(folder)
            changed = [shard.short_name for shard in known.values() if not files.is_known(shard)]
            if changed:  # all anew, so that no class is left of them
                say(f"Changed since they were listed: {brief(', '.join(changed))}")
                forget(folder)
                known, classes, accepted = read_lines(folder)
            if left := [one for one in shards if one not in known]:
                (folder / SAMPLE).unlink(missing_ok=True)
                _list_all(name, left, folder, files, known, classes, say)
            return ShardIndex(name, folder, [known[one] for one in shards], list(classes), accepted)
    except OSError as error:
        raise UserError(f"The index of {name} cannot be kept in {folder} ({error.strerror or error}).") from None


def read_lines(folder: Path) -> tuple[dict[str, Shard], dict[str, int], bool]:
    """The shards that were listed, by name, and the classes' numbers. A line that is not whole ends it: what follows
    was not finished. Until the list has been accepted, what was not to be had is asked for again."""
    accepted = False
    known, classes = dict[str, Shard](), dict[str, int]()
    path, places = folder / SHARDS, folder / PLACES
    places.touch()
    path.touch()
    held, whole = places.stat().st_size // (8 * COLUMNS), 0
    with path.open("rb") as file:
        for line in file:
            try:
                told = json.loads(line)
                if "accepted" in told:
                    accepted = True
                elif "class" in told:
                    classes[told["class"]] = len(classes)
                else:
                    shard = Shard(**told | {"skipped": tuple(map(tuple, told["skipped"]))})
                    if shard.first + shard.count > held:
                        break
                    known[shard.name] = shard
            except (ValueError, TypeError, KeyError):
                break
            whole += len(line)
    os.truncate(path, whole)
    if not accepted:
        known = {name: shard for name, shard in known.items() if not shard.fault}
    return known, classes, accepted


def accept(index: ShardIndex) -> None:
    """From now on a run may go by the index, so that it stays as it is: also what was not to be had is left out for
    good. Raises OSError."""
    if not index.accepted:
        with (index.folder / SHARDS).open("ab") as lines:
            lines.write(b'{"accepted": true}\n')


def _list_all(
    name: str, left: Sequence[str], folder: Path, files: ShardFiles, known: dict[str, Shard],
    classes: dict[str, int], say: Callable[[str], None],
) -> None:  # fmt: skip
    say(f"Listing {len(left):,} shards of {brief(name)}, once; the list is kept in {folder}")

    @contextmanager
    def begin() -> Iterator[Callable[[str], tuple[Shard, dict[str, Any]]]]:
        with closing(PlaceReader(name)) as reader:
            yield partial(_listed, reader, files)

    answers = in_threads(files.workers, left, begin)
    with (
        shown(len(left), "listing", "shards") as tell,
        closing(answers),
        (folder / SHARDS).open("ab") as lines,
        (folder / PLACES).open("r+b") as places,
    ):
        end = max((shard.first + shard.count for shard in known.values()), default=0)
        places.seek(end * 8 * COLUMNS)
        for done, (_, (shard, told)) in enumerate(answers, 1):
            shard = replace(shard, first=end)
            new = [one for one in told["classes"] if one not in classes]
            classes |= {one: len(classes) + at for at, one in enumerate(new)}
            if len(classes) > MAX_CLASSES:
                raise UserError(f"{name} has more than {MAX_CLASSES:,} classes, which are the most; group them.")
            rows = np.array(told["rows"], np.int64).reshape(-1, COLUMNS)
            numbers = np.array([*(classes[one] for one in told["classes"]), -1], np.int64)
            rows[:, 2] = numbers[rows[:, 2]]  # -1 is the last one
            places.write(rows.tobytes())
            places.flush()
            for line in [*({"class": one} for one in new), asdict(shard)]:
                lines.write(json.dumps(line).encode() + b"\n")
            lines.flush()
            known[shard.name], end = shard, end + shard.count
            tell(done)


def _listed(reader: PlaceReader, files: ShardFiles, name: str) -> tuple[Shard, dict[str, Any]]:
    """A shard, and what its listing told; of one that is not to be had, with the reason and without pictures."""
    shard = Shard(name)
    nothing: dict[str, Any] = {"rows": [], "classes": []}
    try:
        with files.found(name, lambda path: reader.parts(path, None)) as found:
            shard = Shard(name, found.size, found.stamp, found.sha256)
            told = reader.list_shard(found.path, is_parquet(name))
    except (ShardLost, Unreadable) as why:
        return replace(shard, fault=brief(str(why))), nothing
    count = len(told["rows"]) // COLUMNS
    fault = told["damage"] or ("" if count else "holds no pictures that can be read")
    skipped = tuple((brief(one), brief(reason)) for one, reason in told["skipped"])
    unlabelled = sum(number < 0 for number in told["rows"][2::COLUMNS])
    shard = replace(shard, count=count, digest=told["digest"], fault=fault, skipped=skipped)
    return replace(shard, why=told["why"], noted=told["noted"], unlabelled=unlabelled), told
