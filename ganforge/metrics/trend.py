"""What a series of records says: the best one, and whether going on still pays."""

import sys
from collections.abc import Iterable
from typing import Any

PATIENCE = 5
"""So many measurements without a real gain are a plateau."""
GAIN = 0.05
"""A real gain: the best figure so far, lowered by this share."""


def series(rows: Iterable[dict[str, Any]]) -> list[tuple[int, float]]:
    """(nimg, headline figure) of the records that share the newest one's protocol; empty where there is none."""
    usable = [row for row in rows if _value(row) is not None]
    if not usable:
        return []
    last = usable[-1]
    return [
        (row["nimg"], row["figures"][row["headline"]]["value"])
        for row in usable
        if row["protocol"]["id"] == last["protocol"]["id"] and row["headline"] == last["headline"]
    ]


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


def plateau_since(values: list[tuple[int, float]], others: Iterable[tuple[int, float]] = ()) -> int | None:
    """The nimg since when nothing was gained: the last measurement that lowered the best one by ``GAIN``, if
    ``PATIENCE`` or more have come since; else None. others: measurements beside the regular ones, which may be gains
    and do not count as having come since."""
    best, since, come = float("inf"), 0, 0
    for nimg, value, counts in sorted([(*pair, 1) for pair in values] + [(*pair, 0) for pair in others]):
        if best == float("inf") or value < best * (1 - GAIN):
            best, since, come = value, nimg, 0
        else:
            come += counts
    return since if come >= PATIENCE else None


def _value(row: dict[str, Any]) -> float | None:
    try:
        value, id = row["figures"][row["headline"]]["value"], row["protocol"]["id"]
        is_figure = isinstance(value, int | float) and -sys.float_info.max <= value <= sys.float_info.max
        return value if is_figure and id and isinstance(id, str) and isinstance(row["headline"], str) else None
    except (LookupError, TypeError):
        return None
