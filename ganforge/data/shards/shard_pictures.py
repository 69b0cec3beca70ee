"""Pictures of shards by their places, decoded when they are asked for."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ganforge.base.errors import RunError
from ganforge.base.stopping import poll
from ganforge.data.prepared.fit import Target
from ganforge.data.shards.parquet_shard import is_parquet, row_of
from ganforge.data.shards.place_reader import Place, PlaceReader
from ganforge.data.shards.shard_files import Shard, ShardFiles, ShardLost
from ganforge.data.shards.shard_index import Rows, ShardIndex
from ganforge.data.sources.budget import brief
from ganforge.data.sources.depth import Span
from ganforge.data.sources.pixel_kinds import Unreadable

HEADER_BYTES = 512
"""Of a tar's entry, right before its content; its first 100 begin with its name."""


class ShardPictures:
    """The pictures of an index that are learned from, as places 0, 1, ..., ``count`` - 1.

    What cannot be read is noted, said and replaced: a picture by that of the next place, and each picture of a shard
    that is lost by that of as many places further on as the shard has; so a place shows the same picture every time.
    sample_digest: the fingerprint of what is looked at beside training, by which it is found again.
    """

    sample_digest = ""

    def __init__(
        self, index: ShardIndex, files: ShardFiles, target: Target, span: Span | None, left_out: Rows,
        labels: Rows | None, allowed: int, say: Callable[[str], None],
    ) -> None:  # fmt: skip
        """left_out: rows of the index that are not learned from, ascending. labels: of each class of the index, its
        number; None without classes. allowed: so many pictures may be lost or unreadable.
        say: takes lines about those, in the thread that takes batches."""
        self.index, self.files, self.target, self.span = index, files, target, span
        self.allowed, self.say = allowed, say
        self._left_out, self._labels = left_out, labels
        self._before = left_out - np.arange(len(left_out))  # the places before each row that is left out
        self.counts = index.counts - np.bincount(index.shards_at(left_out), minlength=len(index.counts))
        self.count = int(self.counts.sum())
        self._broken: dict[int, str] = {}
        self._lost: dict[int, str] = {}
        self._lock, self._news = threading.Lock(), list[str]()

    def rows(self, places: Rows) -> Rows:
        """The rows of the index that are at these places."""
        return np.asarray(places + np.searchsorted(self._before, places, side="right"), np.int64)

    def labels(self, places: Rows) -> NDArray[np.int64] | None:
        """int64 [N], or None without classes."""
        return None if self._labels is None else self._labels[self.index.places(self.rows(places))[:, 2]]

    def take(self, places: Rows, reader: PlaceReader, file: Path) -> tuple[NDArray[np.uint8], Rows]:
        """The pictures at these places, uint8 [N, C, H, W], and the places from which they were taken.

        file: to be written to and read by the reader's process and this one. For several threads, each with a reader
        and a file of its own. Raises RunError where more is lost than allowed.
        """
        pixels, found = np.empty((len(places), *self.target.shape), np.uint8), places.copy()
        todo = list(range(len(places)))
        while todo:
            poll()
            found[todo] = [self._readable(place) for place in found[todo].tolist()]
            rows = self.rows(found[todo])
            wanted = zip(todo, self.index.shards_at(rows).tolist(), self.index.places(rows).tolist(), strict=True)
            with file.with_suffix(".spool").open("wb") as spool:
                asked = dict(
                    self._asked([(at, number, *told[:2]) for at, number, told in wanted], found, reader, spool)
                )
            reports = reader.decode(list(asked.values()), self.target, str(file)) if asked else []
            read = np.fromfile(file, np.uint8, len(asked) * pixels[0].size)
            pixels[list(asked)] = read.reshape(len(asked), *self.target.shape)
            for at, report in zip(asked, reports, strict=True):
                if len(report) == 1:
                    self._note_broken(int(found[at]), str(report[0]))
                else:
                    todo.remove(at)
        return pixels, found

    def news(self) -> list[str]:
        """What was lost since this was asked last, a line each."""
        with self._lock:
            told, self._news = self._news, []
        return told

    def expect(self, numbers: Sequence[int]) -> None:
        """Pictures of these shards will be asked for soon."""
        self.files.expect([self.index.shards[number] for number in numbers])

    def _asked(
        self, wanted: Iterable[tuple[int, int, int, int]], found: Rows, reader: PlaceReader, spool: BinaryIO
    ) -> Iterator[tuple[int, Place]]:
        """(at, where the process that decodes finds the picture): in its shard, or in the spool, where that is a
        Parquet file or still to be fetched. wanted: (at, number of a shard, offset, size). What is lost is noted."""
        for number, of_shard in groupby(sorted(wanted, key=itemgetter(1, 2)), key=itemgetter(1)):
            told = list(of_shard)
            shard = self.index.shards[number]
            try:
                if number in self._lost:
                    continue
                if is_parquet(shard.name):
                    places = taken_out(self.files, shard, [offset for _, _, offset, _ in told], reader, spool.name)
                elif path := self.files.path(shard):
                    places = [(path, offset, size) for _, _, offset, size in told]
                else:
                    places = [self._spooled(shard, offset, size, spool) for _, _, offset, size in told]
            except (ShardLost, Unreadable) as why:
                self._note_lost(number, str(why))
                continue
            for (at, *_), place in zip(told, places, strict=True):
                if isinstance(place, str):
                    self._note_broken(int(found[at]), place)
                else:
                    yield at, place

    def _spooled(self, shard: Shard, offset: int, size: int, spool: BinaryIO) -> Place:
        content = self.files.read(shard, offset, size)
        begin = spool.seek(0, SEEK_END)
        spool.write(content)
        spool.flush()
        return spool.name, begin, size

    def _note_lost(self, number: int, why: str) -> None:
        with self._lock:
            is_new = number not in self._lost
            self._lost.setdefault(number, why)
        if is_new:
            shard = self.index.shards[number]
            self._tell(f"{shard.short_name} ({why}): its {self.counts[number]:,} pictures")

    def _readable(self, place: int) -> int:
        """The place from which the picture at ``place`` is taken, as far as is known."""
        for _ in range(self.count):
            number = int(self.index.shards_at(self.rows(np.array([place])))[0])
            if number in self._lost:
                place = (place + int(self.counts[number])) % self.count
            elif place in self._broken:
                place = (place + 1) % self.count
            else:
                return place
        raise RunError("No picture can be read any more.")

    def _note_broken(self, place: int, why: str) -> None:
        with self._lock:
            is_new = place not in self._broken
            self._broken.setdefault(place, why)
        if is_new:
            row = self.rows(np.array([place]))
            shard, offset = self.index.shards[int(self.index.shards_at(row)[0])], int(self.index.places(row)[0, 0])
            self._tell(f"{self._entry_name(shard, offset)} in {shard.short_name} ({brief(why)})")

    def _entry_name(self, shard: Shard, offset: int) -> str:
        """What a picture is called in its shard, as far as its header tells in the usual place."""
        if is_parquet(shard.name):
            return row_name(offset)
        try:
            return name_in(self.files.read(shard, offset - HEADER_BYTES, HEADER_BYTES))
        except ShardLost:
            return f"the picture at byte {offset:,}"

    def _tell(self, what: str) -> None:
        with self._lock:
            count = len(self._broken) + sum(int(self.counts[number]) for number in self._lost)
            self._news.append(f"Cannot be read, and replaced by others: {what}")
        if count > self.allowed:
            raise RunError(
                f"{count:,} of {self.count:,} pictures in {self.index.name} cannot be read any more, and at most "
                f"{self.allowed:,} may be left out (--max-broken): the last one is {what}; what was saved before is "
                "whole, and `ganforge resume` goes on from it when the cause is mended."
            )


def taken_out(
    files: ShardFiles, shard: Shard, places: Sequence[int], reader: PlaceReader, out: str
) -> list[Place | str]:
    """Where the pictures in these rows of a Parquet shard are now, in the file ``out``, or why one cannot be read.
    Raises ShardLost and Unreadable."""
    with files.in_part(shard, lambda path: reader.parts(path, places)) as path:
        return reader.take_out(path, places, out)


def row_name(offset: int) -> str:
    """Of a row of a Parquet shard."""
    group, row = row_of(offset)
    return f"row {row:,} of row group {group:,}"


def name_in(header: bytes) -> str:
    """Of an entry of a tar, the last part of its name."""
    return brief(header[:100].partition(b"\0")[0].decode("utf-8", "replace").rpartition("/")[2]) or "a picture"
