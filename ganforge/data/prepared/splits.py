"""Which of a source's pictures belong to a split, and their classes."""

from collections.abc import Sequence
from dataclasses import dataclass

from ganforge.base.errors import UserError
from ganforge.data.sources.entries import folder_labels
from ganforge.data.sources.open import Entry, Opened, class_names

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Chosen:
    """Part of a source. indices: of its entries, ascending. labels: a class's name for each of them, or None.
    labels_from: where the classes come from, "" without. has_splits: does the source hold a train and a test split?"""

    indices: Sequence[int]
    labels: Sequence[str] | None
    labels_from: str
    has_splits: bool

    def classes(self) -> list[str]:
        """The classes' names in their order."""
        return class_names(Entry("", label) for label in self.labels or ())


def choose_split(source: Opened, split: str) -> Chosen:
    """The pictures of ``split``: "train", "test", or "held-out", which is the test split if there is one, else all.

    A source whose pictures lie in folders train and test (whatever else stands beside them) has both splits, and the
    folders inside are its classes, if there are two at least. All others are a train split as a whole. Raises UserError
    for the test split of one without.
    """
    entries = source.entries
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
