"""Which figures there are, what each says and needs, and which features they are taken between; no PyTorch here.

A figure, or a family of figures that one computation gives, is one file of this package: its record on top, below it
when it can be read, its definition, and ``measure``. An extractor of features likewise, with ``network``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ganforge.base.records import Record, read_records
from ganforge.base.sizes import is_point

FORMAT = 2
"""Of a stored record of figures: raised when names or keys in it change."""
Better = Literal["lower", "higher", "near floor"]
"""How a value is read; ``near floor``: a distance from the floor on either side is bad."""
Needs = Literal[
    "features", "kernel subsets", "class probabilities", "asked classes", "known modes", "a mixture",
    "held-out pictures", "pixels",
]  # fmt: skip
"""What a figure is computed from.

features: of both sides, by any extractor. kernel subsets: likewise, where the protocol has any. class probabilities:
an extractor's that tells one class of each item. asked classes: likewise, of the data's
classes, where each item was made for one of them. known modes: those of a mixture or of stacked digits. a mixture: its
centres. held-out pictures: beside the training pictures, in pixels and in the first extractor's features. pixels: the
same, in pixels alone.
"""


@dataclass(frozen=True, kw_only=True)
class FigureRecord(Record):
    """A figure. Its file has ``measure(sides) -> dict[str, Value]``, which gives the values of all figures of the file
    that ``sides`` (a ``Sides`` or a ``CopySides``, by what the figure needs) offers.

    meaning: what it says and how to read it; docs, page and report have this text. range: of values, as people write
    it. blind_to: what it cannot see. leads: may it decide which snapshot is best? The first that can be read does;
    such a figure is a distance, lower for better pictures.
    is_share: does it share an axis from about 0 to about 1 with others?
    """

    better: Better
    needs: Needs
    range: str
    blind_to: str = ""
    leads: bool = False
    is_share: bool = False


@dataclass(frozen=True, kw_only=True)
class ExtractorRecord(Record):
    """A way to turn items into features. Its file has ``network(channels, weights)``.

    takes: what it can look at, in words. channels, side: of the pictures that it takes, None where any will do; of
    points both are empty or 0. rank: of several, the lowest decides which snapshot is best. is_scaled: False where
    features have no scale of their own, and are divided by their root mean square over the reference. is_stacked: does
    it tell a class of each channel? is_learned: from the real items? Its file then has ``learned(dataset, cache_dir)``
    instead, and those that it learned from (``protocol.eye_rows``) are not judged by.
    """

    takes: str
    rank: int
    channels: tuple[int, ...] | None = None
    side: int | None = None
    is_scaled: bool = True
    is_stacked: bool = False
    is_learned: bool = False

    def can_take(self, shape: Sequence[int]) -> bool:
        """Items of this shape, (C, H, W) or (2,)?"""
        if self.channels == ():
            return is_point(shape)
        return (
            len(shape) == 3
            and (self.channels is None or shape[0] in self.channels)
            and (self.side is None or tuple(shape[1:]) == (self.side, self.side))
        )


FIGURES = read_records("ganforge.metrics", FigureRecord)
"""By name, in the order of every table."""
EXTRACTORS = read_records("ganforge.metrics", ExtractorRecord)


def is_learned(name: str) -> bool:
    """Is this extractor learned from the real items?"""
    return name in EXTRACTORS and EXTRACTORS[name].is_learned


HEADLINES = tuple(
    f"{figure.name}/{extractor.name}"
    for figure in FIGURES.values()
    if figure.leads
    for extractor in sorted(EXTRACTORS.values(), key=lambda extractor: extractor.rank)
)
"""The first of these whose floor can be read decides which snapshot is best."""


@cache
def definitions() -> str:
    """A digest of the figures' files: what other definitions gave is not taken from a cache."""
    import hashlib  # not for whoever only asks for help

    files = sorted({record.module.rpartition(".")[2] for record in FIGURES.values()})
    sources = [Path(__file__).with_name(f"{name}.py").read_bytes() for name in files]
    return hashlib.sha256(b"".join(sources)).hexdigest()


def in_order(names: Iterable[str], features: Sequence[str]) -> list[str]:
    """Names such as `FD/classifier` in the order of tables: by their features, as given, then by the catalog; what is
    not known, from another version perhaps, comes last."""
    figures = [*FIGURES]

    def place(name: str) -> tuple[int, int, str]:
        what, _, seen = name.partition("/")
        return _index(features, seen), _index(figures, what), name

    return sorted(names, key=place)


def meaning_of(name: str) -> str:
    """What a figure says, `FD` or `FD/classifier`; empty for one that is not known."""
    record = FIGURES.get(name.partition("/")[0])
    return record.meaning if record is not None else ""


def _index(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)
