"""What a series of records says: the best one, whether it is better than the first, and whether going on still pays.

A figure is lower for better pictures, and its floor is what fresh real ones reach: a gain is one of its height above
the floor, so that what goes up and down around the floor gains nothing.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

PATIENCE = 5
"""So many measurements without a real gain are a plateau."""
GAIN = 0.05
"""A real gain: the best figure so far, lowered by this share of its height above the floor."""
FAR = 1.5
"""Far worse: so many times as high above the floor."""


@dataclass(frozen=True)
class BestSoFar:
    """How far a run has come. best, first: (nimg, value) of the headline figure ``name``; count: of measurements."""

    name: str
    best: tuple[int, float]
    first: tuple[int, float]
    floor: float | None
    count: int

    @property
    def gained(self) -> bool:
        """Is the best really better than the first?"""
        return is_gain(self.best[1], self.first[1], self.floor)

    def summary(self) -> str:
        """Best so far: KID/random 0.031 at 40,000 (floor 0.002, first 0.09)"""
        floor = "" if self.floor is None else f"floor {short(self.floor)}"
        first = f"{self.name} {short(self.first[1])} at {self.first[0]:,}"
        if self.count == 1:
            return f"First measurement: {first}" + (f" ({floor})" if floor else "")
        if self.gained:
            beside = ", ".join(filter(None, [floor, f"first {short(self.first[1])}"]))
            return f"Best so far: {self.name} {short(self.best[1])} at {self.best[0]:,} ({beside})"
        beside = "; ".join(filter(None, [floor, f"lowest {short(self.best[1])} at {self.best[0]:,}"]))
        if self.floor is not None and self.first[1] <= self.floor:
            return f"At its floor from the first measurement on: {first} ({beside})"
        return f"No better than at the first measurement: {first} ({beside})"


def best_so_far(rows: Iterable[dict[str, Any]]) -> BestSoFar | None:
    """Of the records that share the newest one's protocol and headline; None where there is none."""
    usable = _usable(rows)
    if not usable:
        return None
    values, name = sorted((row["nimg"], _value(row) or 0.0) for row in usable), usable[-1]["headline"]
    best = best_of(values)
    assert best is not None
    return BestSoFar(name, best, values[0], _floor(usable[-1]), len(values))


def series(rows: Iterable[dict[str, Any]]) -> list[tuple[int, float]]:
    """(nimg, headline figure) of the records that share the newest one's protocol; empty where there is none."""
    return [(row["nimg"], row["figures"][row["headline"]]["value"]) for row in _usable(rows)]


def best_of(values: list[tuple[int, float]]) -> tuple[int, float] | None:
    """The lowest value, the earliest of equal ones, with its nimg."""
    return min(values, key=lambda pair: (pair[1], pair[0]), default=None)


def bests(rows: Iterable[dict[str, Any]]) -> set[int]:
    """The nimg of the best record by each protocol and headline that there is."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for row in rows:
        if (value := _value(row)) is not None:
            found.setdefault((row["protocol"]["id"], row["headline"]), []).append((row["nimg"], value))
    return {best[0] for values in found.values() if (best := best_of(values)) is not None}


def is_gain(value: float, best: float, floor: float | None) -> bool:
    """Is a value lower than the best one, by a share of ``GAIN`` of what that is above the floor (0 without one)?"""
    above = best - (floor or 0.0)
    return above > 0 and value < best - GAIN * above


def is_far_worse(value: float, best: float, floor: float | None) -> bool:
    """Is a value more than ``FAR`` times as high above the floor (0 without one) as the best one? What lies within
    twice the floor counts as at twice the floor, where figures are mostly chance."""
    floor = floor or 0.0
    return value - floor > FAR * max(best - floor, abs(floor))


def plateau_since(
    values: list[tuple[int, float]], floor: float | None = None, others: Iterable[tuple[int, float]] = ()
) -> int | None:
    """The nimg since when nothing was gained: the last measurement that lowered the best one by a real gain, if
    ``PATIENCE`` or more have come since; else None. others: measurements beside the regular ones, which may be gains
    and do not count as having come since."""
    best, since, come = float("inf"), 0, 0
    for nimg, value, counts in sorted([(*pair, 1) for pair in values] + [(*pair, 0) for pair in others]):
        if best == float("inf") or is_gain(value, best, floor):
            best, since, come = value, nimg, 0
        else:
            come += counts
    return since if come >= PATIENCE else None


def short(value: float) -> str:
    """A figure for a line of text."""
    return f"{value:.3g}"


def _usable(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    usable = [row for row in rows if _value(row) is not None]
    return [
        row
        for row in usable
        if row["protocol"]["id"] == usable[-1]["protocol"]["id"] and row["headline"] == usable[-1]["headline"]
    ]


def _value(row: dict[str, Any]) -> float | None:
    try:
        value, id = row["figures"][row["headline"]]["value"], row["protocol"]["id"]
        is_figure = isinstance(value, int | float) and -sys.float_info.max <= value <= sys.float_info.max
        return value if is_figure and id and isinstance(id, str) and isinstance(row["headline"], str) else None
    except (LookupError, TypeError):
        return None


def _floor(row: dict[str, Any]) -> float | None:
    """Of a record that has a value."""
    floor = row["figures"][row["headline"]].get("floor")
    is_figure = isinstance(floor, int | float) and -sys.float_info.max <= floor <= sys.float_info.max
    return floor if is_figure else None
