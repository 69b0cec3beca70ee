"""Curves over nimg as every medium takes them: a PNG (``base/curves``), the page, and the report (viewer/)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Point = tuple[int, float]
"""(nimg, value)"""
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#808080")
"""Okabe and Ito, "Color Universal Design", 2008, but for two: for colour-blind eyes, on white and on near-black."""
DASHES = ("solid", "dashed", "dotted")
"""What tells curves apart when the colours are used up."""
LARGEST = 1e100
"""Values beyond it, and on a logarithmic axis those below its inverse, have no place: no axis can label them all."""
STEEP = 20


@dataclass(frozen=True)
class Chart:
    """One pair of axes.

    series: name -> points by rising nimg; values that are not finite are gaps. bands: (low, high), shaded as healthy.
    floors: name -> value of a dashed line, in its series' colour where it has a series' name. log: the values' axis is
    logarithmic, and what is 0 or less is a gap. moments: (nimg, name) of what is marked over all curves.
    """

    title: str
    series: Mapping[str, Sequence[Point]]
    bands: Sequence[tuple[float, float]] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    log: bool = False
    moments: Sequence[tuple[int, str]] = ()


def is_steep(values: Sequence[float]) -> bool:
    """Do the values, at least one, call for a logarithmic axis? All are above 0, the largest ``STEEP`` times the
    smallest."""
    return min(values) > 0 and max(values) > STEEP * min(values)


def has_place(value: float, log: bool) -> bool:
    """Can the value be drawn on its axis?"""
    return abs(value) < LARGEST and (value > 1 / LARGEST or not log)


def thin(points: Sequence[Point], most: int) -> list[Point]:
    """At most ``most`` of the points, at least 4: the first and the last, and of each stretch of neighbours the lowest
    and the highest, so that no peak is lost. A stretch without a finite value stays a gap."""
    if most < 4:
        raise ValueError(f"most is {most}; both ends, a lowest and a highest point are 4")
    if len(points) <= most:
        return list(points)
    kept, stretches = {0, len(points) - 1}, most // 2 - 1
    for number in range(stretches):
        start, end = (at * len(points) // stretches for at in (number, number + 1))
        values = [value for _, value in points[start:end]]
        known = [value for value in values if math.isfinite(value)] or values[:1]
        kept |= {start + values.index(min(known)), start + values.index(max(known))}
    return [points[at] for at in sorted(kept)]
