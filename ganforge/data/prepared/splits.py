"""Which of a source's pictures belong to a split, and their classes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import brief
from ganforge.data.sources.entries import folder_labels
from ganforge.data.sources.open import Entry, Opened, class_names

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Chosen:
    """Part of a source. indices: of its entries, ascending. labels: a class's name for each of them, or None.
    labels_from: where the classes come from, "" without. has_splits: does the source hold a train and a test split?
    told: the splits with their numbers of pictures, where the source tells them itself."""

    indices: Sequence[int]
    labels: Sequence[str] | None
    labels_from: str
    has_splits: bool
    told: str = ""

    def classes(self) -> list[str]:
        """The classes' names in their order."""
        return class_names(Entry("", label) for label in self.labels or ())


def _told_split(source: Opened, split: str) -> Chosen:
    """Of a source that tells each picture's split itself."""
    there = Counter(entry.split for entry in source.entries)
    wanted = "train" if split == "train" else "test"
    if wanted not in there and split != "held-out":
        raise UserError(f"{source.name} has no {wanted} pictures, only: {describe_splits(there)}.")
    indices = [at for at, entry in enumerate(source.entries) if wanted not in there or entry.split == wanted]
    labels = [source.entries[at].label or "" for at in indices] if source.labels_from else None
    both = {"train", "test"} <= there.keys()
    return Chosen(indices, labels, source.labels_from if labels else "", both, describe_splits(there))


def describe_splits(counts: Mapping[str, int]) -> str:
    """train (4,708), val (524) and so on."""
    return ", ".join(f"{brief(split)} ({count:,})" for split, count in counts.items())


def choose_split(source: Opened, split: str) -> Chosen:
    """The pictures of ``split``: "train", "test", or "held-out", which is the test split if there is one, else all.

    A source whose pictures lie in folders train and test (whatever else stands beside them) has both splits, and the
    folders inside are its classes, if there are two at least. All others are a train split as a whole. Raises UserError
    for the test split of one without.
    """
    entries = source.entries
    if any(entry.split for entry in entries):
        return _told_split(source, split)
    if source.labels_from == "sub-folders" and set(SPLITS) <= {entry.label for entry in entries}:
        split = "train" if split == "train" else "test"
        indices = [index for index, entry in enumerate(entries) if entry.label == split]
        labels = folder_labels([entries[index].name for index in indices])
        return Chosen(indices, labels, f"sub-folders of {split}" if labels else "", has_splits=True)
    if split == "test":
        raise UserError(f"{source.name} has no test pictures: it has no folders train and test.")
    labelled = bool(source.labels_from) and all(entry.label is not None for entry in entries)
    labels = [entry.label or "" for entry in entries] if labelled else None
    return Chosen(range(len(entries)), labels, source.labels_from if labelled else "", has_splits=False)
