"""Tar files of pictures, read in place by the pictures' offsets; WebDataset's shards among them."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import brief
from ganforge.data.sources.entries import BESIDE, Entry, digest_of_files, make_entries
from ganforge.data.sources.labels import as_classes, read_tables
from ganforge.data.sources.tar_listing import TarListing, key_of, part_of
from ganforge.data.sources.tree import beside, find_splits, read_tree, refuse_missing, tables_for


class TarSource:
    """See ``Source``. Holds the pictures' places, and opens one shard at a time.

    WebDataset's convention: KEY.jpg goes with KEY.cls, a class, or KEY.json with a "label", "labels" or "class" in it.
    Source: github.com/webdataset/webdataset. Where no picture has such a file, the folders inside are the classes, or a
    file of labels tells them, as in any tree of files.
    """

    kind = "tar"

    def __init__(self, name: str, paths: list[Path]) -> None:
        self.name, self._paths = name, paths
        self._open: tuple[int, IO[bytes]] | None = None
        self._listing = TarListing(name, paths)
        self.skipped, self._places = self._listing.skipped, self._listing.places
        if not self._places:
            why = f" ({self.skipped[0][0]}: {self.skipped[0][1]})" if self.skipped else ""
            raise UserError(f"{name} holds no pictures that can be read{why}; check the file.")
        if self._listing.notes:
            self._label_by_notes()
        else:
            self._label_by_tree()

    def _names(self) -> list[str]:
        several = len(self._paths) > 1
        return [f"{self._paths[shard].name}/{path}" if several else path for shard, path, _, _ in self._places]

    def _label_by_notes(self) -> None:
        """Classes from what lies beside the pictures. Raises UserError where some have none."""
        inside = [path for _, path, _, _ in self._places]
        if used := tables_for(inside, self._listing.tables)[0]:
            raise UserError(
                f"{self.name} tells classes in {brief(used[0])}, and beside its pictures (.cls or .json); keep one."
            )
        splits, names = find_splits(self.name, inside, decided=True), self._names()
        self.skipped += beside([name for name, split in zip(names, splits, strict=True) if split == BESIDE])
        lost = self._listing.notes.keys() - {(shard, key_of(path)) for shard, path, _, _ in self._places}
        self.skipped += [
            (brief(key.removeprefix("/")), "tells a class, and there is no picture beside it")
            for _, key in sorted(lost)
        ]
        self.labels_from = ".cls or .json beside each picture"
        values = self._listing.values()
        labels, self.no_labels = as_classes(values, "what lies beside the pictures", lambda at: brief(names[at]))
        if not self.no_labels:
            pictures = [pair for pair in zip(names, splits, strict=True) if pair[1] != BESIDE]
            refuse_missing(self.name, pictures, dict(zip(names, labels, strict=True)), self.labels_from)
        self.entries: Sequence[Entry] = make_entries(names, labels or None, splits)

    def _label_by_tree(self) -> None:
        inside = [path for _, path, _, _ in self._places]
        used, unused = tables_for(inside, self._listing.tables)
        if used and len(self._paths) > 1:
            raise UserError(
                f"{self.name} holds {brief(used[0])} in one of several shards; put a .cls beside each picture."
            )
        self.skipped += unused
        tables = read_tables(used, self._listing.tables.__getitem__, lambda path: f"{path} in {self.name}")
        tree = read_tree(self.name, inside, tables, self.skipped)
        told = [(entry.label, entry.split) for entry in tree.entries]
        self.entries = make_entries(self._names(), [label for label, _ in told], [split for _, split in told])
        self.labels_from, self.no_labels = tree.labels_from, tree.no_labels

    def fingerprint(self) -> str:
        return digest_of_files(self._paths)

    def read(self, index: int) -> bytes:
        shard, _, offset, size = self._places[index]
        return part_of(lambda: self._file(shard), offset, size)

    def _file(self, shard: int) -> IO[bytes]:
        """The one read last stays open."""
        if self._open is None or self._open[0] != shard:
            self.close()
            self._open = (shard, self._paths[shard].open("rb"))
        return self._open[1]

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
