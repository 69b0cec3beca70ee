"""Numbers of any depth in a picture, and the bytes that they become, by one range for a whole set."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganforge.base.errors import UserError
from ganforge.base.given import shown

Numbers = NDArray[Any]
Span = tuple[float, float]
"""(low, high): low becomes 0 and high 255, what lies between is scaled and rounded, what lies beyond is clipped."""
PERCENTILES = (0.1, 99.9)
"""What ``auto`` takes as low and high."""
AT_ONCE = 1 << 20
SAY = ": say what is black and what is white,"


def parse_range(text: str | None) -> Span | str | None:
    """``auto`` or ``LOW,HIGH``, as people type it. Raises UserError."""
    if text is None or (isinstance(text, str) and text == "auto"):
        return text
    try:
        low, high = map(float, text.split(","))
    except (AttributeError, TypeError, ValueError):
        low = high = math.nan
    if not (low < high and math.isfinite(low) and math.isfinite(high) and math.isfinite(high - low)):
        raise UserError(f"range cannot be {shown(text)}: give auto, or two numbers, black first, such as 0,4095.")
    return low, high


def to_bytes(numbers: Numbers, span: Span) -> tuple[NDArray[np.uint8], int, int]:
    """The numbers as uint8 by the span; how many lie beyond it, and how many are none (NaN), which become 0."""
    low, high = span
    made, beyond, nan = np.empty(numbers.shape, np.uint8), 0, 0
    for at, part in _parts(numbers):
        values = part.astype(np.float64)
        nowhere = np.isnan(values)
        values[nowhere] = low
        nan += int(nowhere.sum())
        beyond += int(((values < low) | (values > high)).sum())
        made[at : at + len(part)] = np.rint((values.clip(low, high) - low) * (255 / (high - low)))
    return made, beyond, nan


def extremes(numbers: Numbers) -> Span | None:
    """The least and the greatest number, of those that are finite; None where there is none."""
    found = []
    for _, part in _parts(numbers):
        finite = part[np.isfinite(part)] if part.dtype.kind == "f" else part
        if finite.size:
            found += [float(finite.min()), float(finite.max())]
    return (min(found), max(found)) if found else None


def some(numbers: Numbers, most: int) -> list[float]:
    """Up to so many of the numbers, evenly spaced; those that are finite."""
    flat = numbers.reshape(-1)
    taken = flat[:: -(-flat.size // most)].astype(np.float64)
    return [float(number) for number in taken[np.isfinite(taken)]]


def _parts(numbers: Numbers) -> Iterator[tuple[int, Numbers]]:
    """Some lines at a time: copies of a whole picture in float64 would take eight times as much as it has bytes."""
    lines = max(1, AT_ONCE // max(1, numbers[0].size))
    for at in range(0, len(numbers), lines):
        yield at, numbers[at : at + lines]


def brief_number(number: float) -> str:
    """4,095; -0.37215"""
    return f"{int(number):,}" if number == int(number) and abs(number) < 1e15 else f"{number:.5g}"


def span_text(span: Span) -> str:
    """Nearly as it is, as ``parse_range`` reads it: -1024,3071."""
    return ",".join(str(int(number)) if number == int(number) else f"{number:.6g}" for number in span)


def needs_range(kind: str, numbers: Numbers) -> str:
    """Why numbers without a meaning in 8 bits are not read, and what to do, in a few plain words."""
    found = extremes(numbers)
    if found is None:
        return f"holds {kind}, none of them finite"
    usual = next((span for span in ((0.0, 1.0), (-1.0, 1.0)) if span[0] <= found[0] and found[1] <= span[1]), found)
    given = span_text(usual) if usual[0] < usual[1] else "LOW,HIGH"
    held = " to ".join(map(brief_number, found))
    return f"holds {kind}, {held}{SAY} --range {given} or --range auto"
