"""A run's log so far, as detectors look at it."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from ganforge.base.schedules import cosine, linear
from ganforge.metrics.trend import best_so_far, series
from ganforge.objectives.catalog import OBJECTIVES, PENALTIES, Objective

WARM_UP, EARLY = 200, 1_000
"""Updates of G in which anything may be seen; and in which healthy runs of plain networks, too, may make one kind of
thing after the other."""

GAIN = 0.8
"""A figure that falls to this share of itself in a third of a run is still falling."""

LARGEST = 1e100


class History:
    """Settings, facts of the data, rows and records up to one row of the log: values of anybody's files, so that what
    is no number is taken for missing.

    settings, data: as config.json has them. rows: of stats.jsonl, oldest first, the newest included. records: of
    metrics.jsonl, up to the newest row's nimg.
    """

    def __init__(self, settings: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        self.settings, self.data = settings, data
        self.rows: list[Mapping[str, Any]] = []
        self.records: list[dict[str, Any]] = []

    @property
    def nimg(self) -> int:
        """Real pictures shown to D at the newest row."""
        return int(self.rows[-1]["nimg"])

    @property
    def progress(self) -> float:
        """The share of the run that is done, from 0 to 1."""
        return min(1.0, self.nimg / max(1.0, self.number("total_nimg", 1.0)))

    @property
    def steps(self) -> float:
        """Updates of G so far; 0 where the row does not tell."""
        return self.last("step") or 0.0

    @property
    def is_under_way(self) -> bool:
        """Are the first ``WARM_UP`` updates of G over, in which anything may be seen?"""
        return self.steps >= WARM_UP

    def is_settled(self, steps: int = EARLY) -> bool:
        """Is the early phase over, so many updates of G? How long the run is to be says nothing of that."""
        return self.steps >= steps

    @property
    def rate(self) -> float:
        """What the schedule leaves of the learning rates at the newest row, as a share of them."""
        end, burn_in = as_number(self.settings.get("lr_end")), self.number("burn_in_nimg")
        if end is None or burn_in < 1:
            return 1.0
        curve = linear if self.settings.get("burn_in_curve") == "linear" else cosine
        return curve(self.nimg, 1.0, end, int(burn_in))

    @property
    def objective(self) -> Objective | None:
        """The objective's record; None where this version does not know it."""
        return OBJECTIVES.get(str(self.settings.get("objective")))

    @property
    def count(self) -> float:
        """Of the items that it learns from; 0 where that is not known."""
        return as_number(self.data.get("count")) or 0.0

    @property
    def classes(self) -> float:
        """How many; 0 where there are none."""
        return as_number(self.data.get("num_classes")) or 0.0

    def penalty_share(self) -> float | None:
        """The weighted penalties beside the rest of D's loss, at the newest row; None without any."""
        row, total = self.rows[-1], self.last("Loss/D")
        terms = {name.removeprefix("Loss/D/"): self.last(name) for name in row if name.startswith("Loss/D/")}
        own = [value for name, value in terms.items() if value is not None and name not in PENALTIES]
        if total is None or not own or not terms.keys() & PENALTIES.keys():
            return None
        return max(0.0, total - math.fsum(own)) / max(1e-12, math.fsum(abs(value) for value in own))

    def gain(self) -> str:
        """How the headline figure fell over the newest third, where its best there is below ``GAIN`` of the best
        before, above the floor; else empty."""
        best, values = best_so_far(self.records), series(self.records)
        old = [value for nimg, value in values if nimg <= self.nimg * 2 / 3]
        if best is None or not old:
            return ""
        floor = best.floor or 0.0
        if best.best[1] <= floor or best.best[1] - floor > GAIN * (min(old) - floor):
            return ""
        return f"{best.name} fell from {min(old):.3g} to {best.best[1]:.3g} in the last third"

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

    def mean(self, column: str, count: int = 3) -> float | None:
        """Of the newest ``count`` values; None where there are fewer."""
        values = self.recent(column, count)
        return math.fsum(values) / count if len(values) == count else None

    def median(self, column: str, count: int) -> float | None:
        """As ``mean``."""
        values = self.recent(column, count)
        return median(values) if len(values) == count else None

    def at(self, column: str, share: float = 0.5, count: int = 3) -> float | None:
        """As ``mean``, of up to ``count`` values at or before that share of the nimg so far; None without any."""
        found: list[float] = []
        for index in range(bisect_right(self.rows, share * self.nimg, key=lambda row: row["nimg"]) - 1, -1, -1):
            if len(found) == count:
                break
            if (value := as_number(self.rows[index].get(column))) is not None:
                found.append(value)
        return math.fsum(found) / len(found) if found else None

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
    """A finite number, no larger than can be added up and squared; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return max(-LARGEST, min(LARGEST, number)) if math.isfinite(number) else None
