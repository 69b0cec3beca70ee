"""The figures of training as they come: the headline for the list, all of them for the run's page.

They are those of metrics.jsonl, and those that a resumed run removed from it while their snapshots stayed.
Figures of different protocols never meet: what is shown is of the newest record's protocol (``metrics/trend`` does it
so, too).
"""

from bisect import insort
from dataclasses import dataclass, field
from typing import Any

from ganforge.base.charts import Point
from ganforge.metrics.trend import BestSoFar
from ganforge.run.folder import RunFolder
from ganforge.viewer.read.tail import Tail
from ganforge.viewer.read.untrusted import cut, mapping, number, string

LONGEST_NAME = 100
MAX_FIGURES, MAX_PROTOCOLS, MAX_POINTS = 64, 32, 20_000
"""Names of figures in one protocol (ganforge knows about twenty), protocols, and points of a figure that are kept."""
MOST_NOTES, LONGEST_NOTE = 20, 1_000


class Records:
    """The records that come: those that were removed first, so that the last one is the newest of the log."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._begin()

    def _begin(self) -> None:
        self.removed, self.log = Tail(self.folder.removed), Tail(self.folder.metrics)

    def look(self) -> tuple[list[dict[str, Any]], bool]:
        """As ``Tail.look`` of both files; whatever comes to those that were removed, all begins anew."""
        (taken, taken_anew), (rows, anew) = self.removed.look(), self.log.look()
        if anew or taken or taken_anew:
            self._begin()
            taken = []
            while more := self.removed.look()[0]:  # all of them, or the next look would begin anew again
                taken += more
            rows = self.log.look()[0]
            logged = {row["nimg"] for row in rows}  # of one that a kill left in both files
            return [row for row in taken if row["nimg"] not in logged] + rows, True
        return rows, False

    def complaints(self) -> list[str]:
        """A sentence for what could not be read."""
        return self.log.complaints() + self.removed.complaints()


@dataclass
class FigureSeries:
    """A figure over the training. better: which way. floor: the newest. points: those kept. first, lowest, count: of
    all records that it leads."""

    better: str
    floor: float | None = None
    points: list[Point] = field(default_factory=list)
    first: Point | None = None
    lowest: Point | None = None
    count: int = 0

    def lead(self, point: Point) -> None:
        """Take in a record's point whose headline this figure is."""
        self.first = min(self.first or point, point)
        self.lowest = min(self.lowest or point, point, key=lambda pair: (pair[1], pair[0]))
        self.count += 1


class FigureReader:
    """All figures of training by protocol; the newest protocol and headline, and what the newest record says of
    figures that cannot be read. has_more: was anything left out?"""

    def __init__(self, folder: RunFolder, keeps_points: bool = True) -> None:
        """keeps_points: False where only ``best_so_far`` is asked for."""
        self.records, self.keeps_points = Records(folder), keeps_points
        self._begin()

    def _begin(self) -> None:
        self.protocols: dict[str, dict[str, FigureSeries]] = {}
        self.protocol = self.headline = ""  # the newest record's
        self.notes: list[str] = []
        self.has_more = False
        self._leading = ("", "")  # protocol and headline of the newest record that has a value of it

    def look(self) -> bool:
        """Read what has come; True if there was anything."""
        rows, anew = self.records.look()
        if anew:
            self._begin()
        for row in rows:
            self._take(row)
        return bool(rows) or anew

    def figures(self) -> dict[str, FigureSeries]:
        """name -> figure, of the newest record's protocol."""
        return self.protocols.get(self.protocol, {})

    def best_so_far(self) -> BestSoFar | None:
        """How the headline figure of the newest record that has one is doing, as ``metrics.trend.best_so_far``."""
        protocol, name = self._leading
        figure = self.protocols.get(protocol, {}).get(name)
        if figure is None or figure.first is None or figure.lowest is None:
            return None
        return BestSoFar(name, figure.lowest, figure.first, figure.floor, figure.count)

    def complaints(self) -> list[str]:
        """A sentence for what could not be read, and one for what is too much to be shown."""
        kept = f"{MAX_FIGURES} figures of {MAX_PROTOCOLS} protocols, with {MAX_POINTS:,} points each"
        more = [f"{self.records.log.path.name} holds more than {kept}; the rest is left out."] if self.has_more else []
        return self.records.complaints() + more

    def _take(self, row: dict[str, Any]) -> None:
        protocol = string(mapping(row.get("protocol")).get("id"))
        if not protocol:
            return
        self.protocol, self.headline = protocol, string(row.get("headline"))[:LONGEST_NAME]
        notes = row.get("notes")
        self.notes = [cut(string(note), LONGEST_NOTE) for note in notes[:MOST_NOTES]] if isinstance(notes, list) else []
        known = self.protocols.setdefault(protocol, {})
        for name, content in mapping(row.get("figures")).items():
            self._add(known, name[:LONGEST_NAME], row["nimg"], mapping(content))
        if len(self.protocols) > MAX_PROTOCOLS:
            del self.protocols[next(iter(self.protocols))]
            self.has_more = True

    def _add(self, known: dict[str, FigureSeries], name: str, nimg: int, content: dict[str, Any]) -> None:
        if name not in known and len(known) >= MAX_FIGURES:
            self.has_more = True
            return
        figure = known.setdefault(name, FigureSeries(string(content.get("better"))))
        if (value := number(content.get("value"))) is None:
            return
        figure.floor = number(content.get("floor"))
        if name == self.headline:
            figure.lead((nimg, value))
            self._leading = (self.protocol, name)
        if self.keeps_points:
            insort(figure.points, (nimg, value))
        if len(figure.points) > MAX_POINTS:
            del figure.points[0]
            self.has_more = True
