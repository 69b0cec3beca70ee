"""Which of a source's pictures belong to a split, and their classes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganforge.base.errors import UserError
from ganforge.data.sources.entries import BESIDE, Entry, class_names
from ganforge.data.sources.open import Opened
from ganforge.data.sources.tree import SUB_FOLDERS

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Chosen:
    """Part of a source. indices: of its entries, ascending. labels: a class's name for each of them, or None.
    labels_from, no_labels: where the classes come from, or why there are none; "" where there is nothing to say.
    parts: how many pictures each part of the source holds, if it has any: train, and val or test or both. part: which
    of them this is, "" if there are none."""

    indices: Sequence[int]
    labels: Sequence[str] | None
    labels_from: str
    no_labels: str
    parts: Mapping[str, int]
    part: str = ""

    def classes(self) -> list[str]:
        """The classes' names in their order."""
        return class_names(Entry("", label) for label in self.labels or ())


def has_test_split(parts: Mapping[str, int]) -> bool:
    """Does a source with these parts hold pictures out?"""
    return bool({"val", "test"} & parts.keys())


def choose_split(source: Opened, split: str) -> Chosen:
    """The pictures of ``split``: "train", "test", or "held-out", which is the test split if there is one, else all.

    A source with parts (``sources.tree`` finds them in folders, ``sources.npz`` in the names of arrays) has both: its
    part test, or else val, is the test split. All others are a train split as a whole. Raises UserError for a split
    that a source has not.
    """
    parts = dict(Counter(entry.split for entry in source.entries if entry.split not in ("", BESIDE)))
    part = ""
    if parts:
        part = "train" if split == "train" else next((name for name in ("test", "val") if name in parts), "")
    wanted = "train" if split == "train" else "test"
    if parts and part not in parts:
        held = ", ".join(f"{name} {count:,}" for name, count in parts.items())
        raise UserError(f"{source.name} has no {wanted} pictures, only: {held}.")
    if not parts and split == "test":
        raise UserError(f"{source.name} has no test pictures: it has no folders train and test, or train and val.")
    indices = [index for index, entry in enumerate(source.entries) if entry.split == part]
    told = [source.entries[index].label for index in indices]
    labels = None if None in told else [label for label in told if label is not None]
    where = source.labels_from if labels else ""
    if part and where == SUB_FOLDERS:
        where = f"{SUB_FOLDERS} of {part}"
    return Chosen(indices, labels or None, where, "" if labels else source.no_labels, parts, part)


def describe_parts(parts: Mapping[str, int], part: str) -> str:
    """Which part of a source this is, and what becomes of the others; "" where there are none."""
    if not parts:
        return ""
    counts = ", ".join(f"{name} {parts[name]:,}" for name in ("train", "val", "test") if name in parts)
    held = next((name for name in ("test", "val") if name in parts), "nothing")
    rest = ", and val is not used" if held == "test" and "val" in parts else ""
    return f"{counts} pictures: these are of {part}; {held} is held out{rest}"
