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


def plateau_since(values: list[tuple[int, float]]) -> int | None:
    """The nimg since when nothing was gained: the last measurement that lowered the best one by ``GAIN``, if
    ``PATIENCE`` or more have come since; else None."""
    best, since, index = float("inf"), 0, 0
    for at, (nimg, value) in enumerate(values):
        if value < best * (1 - GAIN) or at == 0:
            best, since, index = value, nimg, at
    return since if len(values) - 1 - index >= PATIENCE else None


def _value(row: dict[str, Any]) -> float | None:
    try:
        value, id = row["figures"][row["headline"]]["value"], row["protocol"]["id"]
        is_figure = isinstance(value, int | float) and -sys.float_info.max <= value <= sys.float_info.max
        return value if is_figure and id and isinstance(id, str) and isinstance(row["headline"], str) else None
    except (LookupError, TypeError):
        return None
