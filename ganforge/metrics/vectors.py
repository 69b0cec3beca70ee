"""Features as rows of numbers: in float64, checked, and how many of them differ from each other.

Features are float [N, d], one row an item, of one extractor on both sides of a comparison.
"""

from collections.abc import Iterator

from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.runtime import widened

FEWEST = 10
"""Fewer items, or fewer that differ from each other, tell nothing about a distribution."""


def repeated(side: str, distinct: int, count: int) -> str:
    """Why a side that repeats itself cannot be compared with, "" where it can: fewer than ``FEWEST`` distinct items, or
    fewer than half. side: "real" or "judged". The reals' floor would be of copies of the reference, too."""
    if distinct >= FEWEST and (side != "real" or 2 * distinct >= count):
        return ""
    least = f"at least {FEWEST} have to" if distinct < FEWEST else "at least half have to; leave the repeated ones out"
    return f"of the {count:,} {side} items {distinct:,} differ from each other, and {least}"


def distinct_rows(features: Tensor) -> int:
    """How many of features [N, d] differ by more than what rounding does to features of equal pictures."""
    scale = features.square().mean().sqrt().clamp(min=1e-30)
    found: set[bytes] = set()
    for part in features.split(1_000):
        steps = (to_float64(part) / scale * 1e5).round() + 0.0  # which makes -0 a 0
        found.update(row.tobytes() for row in steps.cpu().numpy())
    return len(found)


def distinct_pictures(pictures: Tensor) -> int:
    """How many of the pictures, uint8 [N, ...], differ from each other."""
    return len(set(contents(pictures)))


def contents(pictures: Tensor) -> Iterator[bytes]:
    """Each picture's bytes."""
    return (picture.tobytes() for picture in pictures.cpu().numpy())


def to_float64(features: Tensor) -> Tensor:
    """Features in float64, without gradient, where they are; on the CPU if their device has no float64 (Apple's)."""
    return widened(features.detach())


def check_features(features: Tensor, side: str, at_least: int = 1) -> None:
    """Raise UserError unless these are finite features [N, d] with N >= ``at_least``; side: whose, for the message."""
    if features.ndim != 2 or not features.shape[1]:
        shape = list(features.shape)
        raise UserError(f"The {side} features have the shape {shape}; give one row of numbers a sample, [N, d].")
    if len(features) < at_least:
        raise UserError(f"There are {len(features):,} {side} samples, and at least {at_least:,} are needed; use more.")
    if features.is_floating_point() and not (finite := features.isfinite().all(dim=1)).all():
        bad = len(features) - int(finite.sum())
        fault = f"{bad:,} of the {len(features):,} {side} samples have features that are not finite"
        raise UserError(f"{fault}; check the pictures and the extractor.")


def check_same_dims(a: Tensor, b: Tensor, side_a: str = "real", side_b: str = "generated") -> None:
    """Raise UserError unless features a [N, d] and b [M, d] have the same d."""
    if a.shape[1] != b.shape[1]:
        fault = f"The {side_a} features have {a.shape[1]:,} dimensions and the {side_b} ones {b.shape[1]:,}"
        raise UserError(f"{fault}; take both from one extractor and pictures of one size.")
