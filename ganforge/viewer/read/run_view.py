"""Everything that a run's page shows, read as it comes and kept small: the log as columns of numbers."""

import math
from array import array
from collections.abc import Mapping
from itertools import islice
from typing import Any

from ganforge.base.files import reason
from ganforge.run.folder import RunFolder
from ganforge.viewer.read.figure_history import LONGEST_NAME, FigureReader
from ganforge.viewer.read.run_health import HealthReader
from ganforge.viewer.read.run_summary import MAX_GRIDS, RunSummary, grids, summarise
from ganforge.viewer.read.tail import Tail
from ganforge.viewer.read.untrusted import first_complaints, mapping, number, read_object

MAX_COLUMNS = 64
"""Names in the log; ganforge writes about forty."""
MAX_ROWS = 100_000
"""Rows kept in memory; when there are more, every second of the older half is let go."""

LAST_ROWS = 30
"""Kept as they are, for who wants to read them."""
MOST_LOOKS = 100


class Columns:
    """The log's rows as numbers: ``nimg`` and, by name, one value a row, NaN where the row has none. has_more: were
    there more names than are kept?"""

    def __init__(self) -> None:
        self.nimg = array("q")
        self.values: dict[str, array[float]] = {}
        self.total_rows = 0
        self.has_more = False

    def add(self, row: Mapping[str, Any]) -> None:
        """One row more; what is not a finite number is left out."""
        for name, content in row.items():
            value = number(content)
            if name == "nimg" or value is None:
                continue
            column = self.values.get(name)
            if column is None:
                if len(self.values) >= MAX_COLUMNS or len(name) > LONGEST_NAME:
                    self.has_more = True
                    continue
                column = self.values[name] = array("d", [math.nan]) * len(self.nimg)
            column.append(value)
        self.nimg.append(row["nimg"])
        self.total_rows += 1
        for column in self.values.values():
            if len(column) < len(self.nimg):
                column.append(math.nan)
        if len(self.nimg) > MAX_ROWS:
            self._thin()

    def series(self, name: str, since: int = 0) -> list[tuple[int, float]]:
        """(nimg, value) of the rows from number ``since`` on; NaN where a row has none, empty for an unknown name."""
        if name not in self.values:
            return []
        return list(zip(self.nimg[since:], self.values[name][since:], strict=True))

    def newest(self, name: str) -> float | None:
        """The last row's value; None where it has none."""
        column = self.values.get(name)
        return column[-1] if column and math.isfinite(column[-1]) else None

    def _thin(self) -> None:
        half = MAX_ROWS // 2
        self.nimg = self.nimg[:half:2] + self.nimg[half:]
        self.values = {name: column[:half:2] + column[half:] for name, column in self.values.items()}


class RunView:
    """A run, its log and its figures. ``version`` rises with every change; ``generation`` when the log began anew."""

    def __init__(self, run_id: str, folder: RunFolder) -> None:
        self.folder = folder
        self.version = self.generation = 0
        self.summary: RunSummary = summarise(run_id, folder)
        self.config: dict[str, Any] = {}
        self.columns = Columns()
        self.last_rows: list[dict[str, Any]] = []
        self.figures = FigureReader(folder)
        self.health = HealthReader(folder)
        self.grids: list[int] = []
        self.complaints: list[str] = []
        self._stats = Tail(folder.stats)

    @property
    def is_points(self) -> bool:
        """Are its items points in the plane?"""
        return mapping(self.config.get("data")).get("shape") == [2]

    def look(self) -> "RunView":
        """Read what has come; returns itself."""
        before = (self.summary, tuple(self.grids), tuple(self.complaints))
        self.summary = summarise(self.summary.id, self.folder)
        complaints = [*self.summary.complaints, *_passed_over(self.folder)]
        found = grids(self.folder)
        self.grids = [nimg for nimg, _ in found[-MAX_GRIDS:]]
        if len(found) > MAX_GRIDS:
            complaints.append(f"There are {len(found):,} grids; the newest {MAX_GRIDS:,} of them are shown.")
        self.config = read_object(self.folder.config, [])
        rows, anew = self._stats.look()
        if anew:
            self.columns, self.last_rows = Columns(), []
            self.generation += 1
        for row in rows:
            self.columns.add(row)
        self.last_rows = [*self.last_rows, *map(_short, rows[-LAST_ROWS:])][-LAST_ROWS:]
        measured = self.figures.look()
        diagnosed = self.health.take(rows, self.config, anew=anew)
        complaints += self._stats.complaints() + self.health.complaints()
        if self.columns.has_more:
            name = self.folder.stats.name
            complaints.append(f"{name} has more than {MAX_COLUMNS} columns, or very long names; the rest is left out.")
        self.complaints = first_complaints(complaints + self.figures.complaints())
        now = (self.summary, tuple(self.grids), tuple(self.complaints))
        if rows or anew or measured or diagnosed or now != before:
            self.version += 1
        return self


def read_whole(folder: RunFolder) -> RunView:
    """The run with all of its log, as far as it is there now."""
    view = RunView(folder.path.resolve().name, folder)
    for _ in range(MOST_LOOKS):  # a look reads a large file in parts
        rows = view.columns.total_rows
        if view.look().columns.total_rows == rows:
            break
    return view


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without what no log of ours holds."""
    kept = ((name, value) for name, value in row.items() if len(name) <= LONGEST_NAME)
    return {name: value for name, value in islice(kept, MAX_COLUMNS) if isinstance(value, int | float)}


def _passed_over(folder: RunFolder) -> list[str]:
    """A sentence for each grid and snapshot that is no file."""
    try:
        odd = folder.no_pictures()
    except OSError as error:
        return [f"{reason(error)}."]
    return [
        f"{path.name} is left out: it is a link, which is not followed, or a folder, pipe or device." for _, path in odd
    ]
