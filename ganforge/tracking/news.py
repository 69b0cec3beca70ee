"""What a run's folder holds that a tracker has not been told: rows, figures and grids, in the order of the run."""

import math
from pathlib import Path
from typing import Any, NamedTuple

from ganforge.base.files import open_plain
from ganforge.run.folder import RunFolder
from ganforge.run.json_lines import as_row
from ganforge.tracking.taken import KINDS


class Entry(NamedTuple):
    """A row, a record of figures, or the path of a grid."""

    nimg: int
    kind: str
    content: Any


class News:
    """The run's log, followed as it grows. It lies on the disk, so that a slow tracker costs no memory, and nothing
    has to be dropped."""

    def __init__(self, folder: RunFolder, upto: dict[str, int]) -> None:
        """upto: of each kind, the nimg of the newest that the tracker has."""
        self.folder, self.upto = folder, dict(upto)
        self.waiting: list[Entry] = []
        self.offsets = {folder.stats: 0, folder.metrics: 0}
        self.newest_row = -1

    def look(self, *, ended: bool) -> list[Entry]:
        """All that waits, oldest first; what was sent has to be taken off the list. Raises OSError.

        A grid is drawn before its row is written, and a record of figures after it, but before the next row. What is
        newer than the newest row waits for that, so that no tracker is sent something older than what it has; once the
        run has ended, nothing waits.
        """
        rows = self._appended("rows", self.folder.stats)  # first: then all that is older than these is there, too
        self.newest_row = max([self.newest_row, *(row.nimg for row in rows)])
        found = rows + self._appended("figures", self.folder.metrics)
        found += [Entry(nimg, "grids", path) for nimg, path in self.folder.all_fakes() if nimg > self.upto["grids"]]
        self.upto |= {kind: max([self.upto[kind], *(e.nimg for e in found if e.kind == kind)]) for kind in KINDS}
        self.waiting = sorted([*self.waiting, *found], key=lambda entry: (entry.nimg, KINDS.index(entry.kind)))
        return [entry for entry in self.waiting if ended or entry.nimg <= self.newest_row]

    def _appended(self, kind: str, path: Path) -> list[Entry]:
        """The rows that were appended since the last look; of a line that is being written, nothing yet."""
        try:
            with open_plain(path) as file:
                file.seek(self.offsets[path])
                text = file.read()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self.offsets[path] += len(whole)
        rows = [row for line in whole.splitlines() if (row := as_row(line)) is not None]
        return [Entry(row["nimg"], kind, row) for row in rows if row["nimg"] > self.upto[kind]]


def numbers_of(entry: Entry) -> dict[str, float]:
    """The numbers of a row, or of a record of figures with their floors, by name."""
    if entry.kind == "rows":
        named = {"Progress/step" if name == "step" else name: value for name, value in entry.content.items()}
        del named["nimg"]
    else:
        figures = entry.content.get("figures")
        known = {n: f for n, f in figures.items() if isinstance(f, dict)} if isinstance(figures, dict) else {}
        named = {f"Figures/{name}": figure.get("value") for name, figure in known.items()}
        named |= {f"Floors/{name}": figure.get("floor") for name, figure in known.items()}
    return {
        name: float(value)
        for name, value in named.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
