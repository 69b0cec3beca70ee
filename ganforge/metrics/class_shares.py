"""class TV: how often a classifier sees each class, beside how often among the reals."""

from torch import Tensor

from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.figure import Value, read_unless
from ganforge.metrics.sides import Sides

RECORD = FigureRecord(
    name="class TV",
    order=110,
    meaning="Total variation between the classes' shares and those of the reference: half the sum of the differences.",
    source="the standard definition",
    better="lower",
    needs="class probabilities",
    range="0 to 1",
    blind_to="everything but the classes",
    is_share=True,
)
PER_CLASS = 10
"""Fewer items for a class on average leave its share to chance."""


def measure(sides: Sides) -> dict[str, Value]:
    shares, reals = sides.shares
    return {"class TV": read_unless(no_classes(len(sides.judged.first), reals), lambda: class_tv(shares, reals))}


def class_tv(shares: Tensor, reals: Tensor) -> float:
    """The total variation of two distributions over classes, float64 [K] each: in [0, 1], 0 where they are equal."""
    return float((shares - reals).abs().sum() / 2)


def no_classes(count: int, shares: Tensor, needed: int = 0) -> str:
    """Why the classes of so many samples cannot be read, "" where they can. shares: float64 [K], of the reals. needed:
    so many classes are to be met, by default those that the reals have."""
    present = int((shares > 0).sum())
    if present < 2:
        return "the classifier finds a single class in the real items"
    least = PER_CLASS * (needed or present)
    return f"it needs {least:,} items, {PER_CLASS} for each class, and there are {count:,}" if count < least else ""
