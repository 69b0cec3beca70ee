"""A run's log so far, as detectors look at it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ganforge.objectives.catalog import OBJECTIVES, Objective


class History:
    """Settings, facts of the data, rows and records up to one row of the log: values of anybody's files, so that what
    is no number is taken for missing.

    settings, data: as config.json has them. rows: of stats.jsonl, oldest first, the newest included. records: of
    metrics.jsonl, up to the newest row's nimg.
    """

    def __init__(self, settings: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        self.settings, self.data = settings, data
        self.rows: list[Mapping[str, Any]] = []
        self.records: list[Mapping[str, Any]] = []

    @property
    def nimg(self) -> int:
        """Real pictures shown to D at the newest row."""
        return int(self.rows[-1]["nimg"])

    @property
    def progress(self) -> float:
        """The share of the run that is done, from 0 to 1."""
        return min(1.0, self.nimg / max(1.0, self.number("total_nimg", 1.0)))

    @property
    def objective(self) -> Objective | None:
        """The objective's record; None where this version does not know it."""
        return OBJECTIVES.get(str(self.settings.get("objective")))

    def number(self, setting: str, default: float = 0.0) -> float:
        """A setting's value, or the default where it is no number (none, "auto")."""
        return default if (value := as_number(self.settings.get(setting))) is None else value

    def last(self, column: str) -> float | None:
        """The newest row's value; None where it has none."""
        return as_number(self.rows[-1].get(column))

    def recent(self, column: str, count: int) -> list[float]:
        """The values of the newest ``count`` rows that have one, oldest first."""
        found: list[float] = []
        for row in reversed(self.rows):
            if len(found) == count:
                break
            if (value := as_number(row.get(column))) is not None:
                found.append(value)
        return found[::-1]

    def series(self, column: str) -> list[tuple[int, float]]:
        """(nimg, value) of all rows that have one."""
        pairs = ((int(row["nimg"]), as_number(row.get(column))) for row in self.rows)
        return [(nimg, value) for nimg, value in pairs if value is not None]

    def shares(self, count: int) -> list[Sequence[float]]:
        """``Health/shares`` of the newest ``count`` rows that have them, oldest first, all of one length."""
        found: list[Sequence[float]] = []
        for row in reversed(self.rows):
            value = row.get("Health/shares")
            if isinstance(value, list) and value and all(as_number(one) is not None for one in value):
                if len(found) == count or (found and len(found[0]) != len(value)):
                    break
                found.append(value)
        return found[::-1]


def as_number(value: object) -> float | None:
    """A finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
