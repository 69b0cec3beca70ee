"""The figures of training as they come: the best one for the list, all of them for the run's page.

They are those of metrics.jsonl, and those that were taken back from it while their snapshots stayed.
Figures of different protocols never meet: what is shown is of the newest record's protocol (``metrics/trend`` does it
so, too).
"""

from bisect import insort
from dataclasses import dataclass, replace
from typing import Any

from ganforge.metrics.trend import Standing
from ganforge.run.folder import RunFolder
from ganforge.viewer.plain import cut, mapping, number, words
from ganforge.viewer.tail import Tail

Point = tuple[int, float]
LONGEST_NAME = 100
MAX_FIGURES, MAX_PROTOCOLS, MAX_POINTS = 64, 32, 20_000
"""Names of figures in one protocol (ganforge knows about twenty), protocols, and points of a figure that are kept."""
MOST_NOTES, LONGEST_NOTE = 20, 1_000


class Records:
    """The records that come: those that were taken back first, so that the last one is the newest of the log."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._begin()

    def _begin(self) -> None:
        self.taken_back, self.log = Tail(self.folder.superseded), Tail(self.folder.metrics)

    def look(self) -> tuple[list[dict[str, Any]], bool]:
        """As ``Tail.look`` of both files; whatever comes to those that were taken back, all begins anew."""
        (taken, taken_anew), (rows, anew) = self.taken_back.look(), self.log.look()
        if anew or taken or taken_anew:
            self._begin()
            taken = []
            while more := self.taken_back.look()[0]:  # all of them, or the next look would begin anew again
                taken += more
            rows = self.log.look()[0]
            logged = {row["nimg"] for row in rows}  # of one that a kill left in both files
            return [row for row in taken if row["nimg"] not in logged] + rows, True
        return rows, False

    def complaints(self) -> list[str]:
        """A sentence for what could not be read."""
        return self.log.complaints() + self.taken_back.complaints()


class BestReader:
    """Remembers the best figure of each protocol, and nothing else."""

    def __init__(self, folder: RunFolder) -> None:
        self.records = Records(folder)
        self.best: Standing | None = None
        self._bests: dict[tuple[str, str], Standing] = {}

    def look(self) -> None:
        """Read what has come."""
        rows, anew = self.records.look()
        if anew:
            self._bests, self.best = {}, None
        for row in rows:
            name, protocol = words(row.get("headline")), words(mapping(row.get("protocol")).get("id"))
            shown = cut(name, LONGEST_NAME)
            figure = mapping(mapping(row.get("figures")).get(name))
            value = number(figure.get("value"))
            if value is None or not protocol:
                continue
            old = self._bests.get((protocol, name))
            if old is None and len(self._bests) >= MAX_PROTOCOLS:
                del self._bests[next(iter(self._bests))]
            point, floor = (row["nimg"], value), number(figure.get("floor"))
            old = old or Standing(shown, point, point, floor, 0)
            best, first = min(old.best, point, key=lambda pair: (pair[1], pair[0])), min(old.first, point)
            old = replace(old, best=best, first=first, floor=floor, count=old.count + 1)
            self.best = self._bests[protocol, name] = old


@dataclass
class Figure:
    """A figure over the training: its points, the newest floor, and which way is better. first, lowest: of all points,
    the ones that are no longer kept included."""

    points: list[Point]
    floor: float | None
    better: str
    first: Point | None = None
    lowest: Point | None = None


class FigureReader:
    """All figures of training by protocol; the newest protocol and headline, and what the newest record says of
    figures that cannot be read. has_more: was anything left out?"""

    def __init__(self, folder: RunFolder) -> None:
        self.records = Records(folder)
        self.protocols: dict[str, dict[str, Figure]] = {}
        self.protocol = self.headline = ""  # the newest record's
        self.notes: list[str] = []
        self.has_more = False

    def look(self) -> bool:
        """Read what has come; True if there was anything."""
        rows, anew = self.records.look()
        if anew:
            self.protocols, self.protocol, self.headline, self.has_more, self.notes = {}, "", "", False, []
        for row in rows:
            protocol = words(mapping(row.get("protocol")).get("id"))
            if not protocol:
                continue
            self.protocol, self.headline = protocol, words(row.get("headline"))[:LONGEST_NAME]
            notes = row.get("notes")
            self.notes = (
                [cut(words(note), LONGEST_NOTE) for note in notes[:MOST_NOTES]] if isinstance(notes, list) else []
            )
            known = self.protocols.setdefault(protocol, {})
            for name, content in mapping(row.get("figures")).items():
                self._add(known, name[:LONGEST_NAME], row["nimg"], mapping(content))
            if len(self.protocols) > MAX_PROTOCOLS:
                del self.protocols[next(iter(self.protocols))]
                self.has_more = True
        return bool(rows) or anew

    def figures(self) -> dict[str, Figure]:
        """name -> figure, of the newest record's protocol."""
        return self.protocols.get(self.protocol, {})

    def standing(self) -> Standing | None:
        """How the newest record's headline figure stands; None without one."""
        figure = self.figures().get(self.headline)
        if figure is None or figure.first is None or figure.lowest is None:
            return None
        return Standing(self.headline, figure.lowest, figure.first, figure.floor, len(figure.points))

    def complaints(self) -> list[str]:
        """A sentence for what could not be read, and one for what is too much to be shown."""
        kept = f"{MAX_FIGURES} figures of {MAX_PROTOCOLS} protocols, with {MAX_POINTS:,} points each"
        more = [f"{self.records.log.path.name} holds more than {kept}; the rest is left out."] if self.has_more else []
        return self.records.complaints() + more

    def _add(self, known: dict[str, Figure], name: str, nimg: int, content: dict[str, Any]) -> None:
        if name not in known and len(known) >= MAX_FIGURES:
            self.has_more = True
            return
        figure = known.setdefault(name, Figure([], None, words(content.get("better"))))
        value, floor = number(content.get("value")), number(content.get("floor"))
        if value is not None:
            insort(figure.points, (nimg, value))
            figure.first = min(figure.first or (nimg, value), (nimg, value))
            if figure.lowest is None or value < figure.lowest[1]:
                figure.lowest = (nimg, value)
        if len(figure.points) > MAX_POINTS:
            del figure.points[0]
            self.has_more = True
        if floor is not None:
            figure.floor = floor
