"""What goes wrong in a run, looked for in its log as that comes; whatever its files hold, nothing here raises."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ganforge.base.stopping import poll
from ganforge.diagnosis.catalog import DETECTORS, Detector
from ganforge.diagnosis.command import processes_in
from ganforge.diagnosis.findings import Diagnosis, Finding, take_before
from ganforge.diagnosis.told import Told, told
from ganforge.run.folder import RunFolder
from ganforge.run.mends import Mend, mends_in, with_mends
from ganforge.viewer.read.figure_history import LONGEST_NAME
from ganforge.viewer.read.tail import Tail
from ganforge.viewer.read.untrusted import cut, mapping, number, string

ALWAYS = "Logits/separation"
"""A column of every row since there are signs of health."""
MOST_ROWS, MOST_KEPT = 20_000, 2_000
"""Rows of a log that are looked at, and those of them that detectors can look back on; beyond that, every second of
the older half is let go."""
MOST_COLUMNS, MOST_SHARES, MOST_RECORDS = 200, 1_000, 2_000
MOST_FINDINGS = 100
"""That are shown of one run."""


class HealthReader:
    """The findings of one run: those of its log, which is looked at anew, and those from before training, which it
    tells itself.

    settings: as config.json has them, that the run began with. processes: that trained it together. mends: what was
    mended in it, by its own word. findings: in the order in which they were found. rows: how many were looked at.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._begin({})

    def _begin(self, config: Mapping[str, Any]) -> None:
        self.settings, self.processes = dict(mapping(config.get("settings"))), processes_in(config)
        self.diagnosis = Diagnosis(self.settings, mapping(config.get("data")))
        self.rows = self.left_out = 0
        self.refused: dict[str, int] = {}
        self.columns: set[str] = set()
        self._metrics, self._events = Tail(self.folder.metrics), Tail(self.folder.findings)
        self._waiting: list[dict[str, Any]] = []

    def take(self, rows: Iterable[Mapping[str, Any]], config: Mapping[str, Any], *, anew: bool) -> bool:
        """The rows that have come, and what config.json holds. anew: are they all that there are? Returns whether
        anything may be another than before."""
        before = (self.rows, tuple(self.findings), tuple(self.mends))
        if anew or not self.rows:
            self._begin(config)
        self._waiting = [*self._waiting, *map(_record, self._metrics.look()[0])][-MOST_RECORDS:]
        events, again = self._events.look()
        if again:
            self.diagnosis.before, self.diagnosis.mends = {}, []
        for event in events:
            self._take_event(event)
        self._look_again()
        for row in rows:
            poll()
            self._look(_row(row))
        return before != (self.rows, tuple(self.findings), tuple(self.mends))

    @property
    def mends(self) -> list[Mend]:
        """The oldest first."""
        return self.diagnosis.mends

    @property
    def findings(self) -> list[Finding]:
        """The oldest first, ``MOST_FINDINGS`` at most."""
        return self.diagnosis.findings[:MOST_FINDINGS]

    @property
    def lasting(self) -> list[Finding]:
        """Those that are not over, the grave ones first."""
        return sorted((one for one in self.findings if one.until is None), key=lambda one: not one.trouble.grave)

    @property
    def went_wrong(self) -> bool:
        """Does anything grave last?"""
        return any(finding.trouble.grave for finding in self.lasting)

    def told(self) -> list[Told]:
        """All findings in full: those that last first, the grave ones before the others."""
        over = [finding for finding in self.findings if finding.until is not None]
        now, mended = with_mends(self.settings, self.mends), any(mend.change for mend in self.mends)
        return [
            told(finding, now, self.folder.path, self.processes, mended=mended) for finding in [*self.lasting, *over]
        ]

    def blind(self) -> list[Detector]:
        """Detectors that could not look, since the log is of a version that did not write the columns that they need.
        A column that this version leaves out, too, does not apply: classes, an average, points."""
        if not self.rows or ALWAYS in self.columns:
            return []
        return [one for one in DETECTORS.values() if not self.columns.issuperset(one.needs)]

    def complaints(self) -> list[str]:
        """A sentence for each thing that was not looked at."""
        found = [f"Of the log only the first {MOST_ROWS:,} rows are diagnosed."] if self.left_out else []
        rows = sum(self.refused.values())
        odd = ", ".join(f"{cut(why, 60)} in {count:,}" for why, count in self.refused.items())
        return found + ([f"{self.folder.stats.name}: {rows:,} rows cannot be diagnosed ({odd})."] if rows else [])

    def _look(self, row: dict[str, Any]) -> None:
        history = self.diagnosis.history
        if self.rows >= MOST_ROWS:
            self.left_out += 1
            return
        if history.rows and row["nimg"] <= history.nimg:
            self._refuse("no more images than the row before")
            return
        self.rows += 1
        self.columns |= {name for name in row if len(self.columns) < MOST_COLUMNS}
        due = self._due(row["nimg"])
        self._guarded(lambda: self.diagnosis.look(row, due))
        if len(history.rows) > MOST_KEPT:
            history.rows[:] = history.rows[: MOST_KEPT // 2 : 2] + history.rows[MOST_KEPT // 2 :]
        del history.records[:-MOST_RECORDS]

    def _look_again(self) -> None:
        """Of a run that trains, the newest row's figures come some seconds after it."""
        if self.rows and (late := self._due(self.diagnosis.history.nimg)):
            self._guarded(lambda: self.diagnosis.look_again(late))

    def _due(self, nimg: int) -> list[dict[str, Any]]:
        """The records that wait, up to this place, which do not wait any longer."""
        due = [record for record in self._waiting if record["nimg"] <= nimg]
        self._waiting = [record for record in self._waiting if record["nimg"] > nimg]
        return due

    def _guarded(self, look: Callable[[], object]) -> None:
        try:
            look()
        except Exception as error:  # numbers that no log of ours holds may be too much for a detector
            self._refuse(type(error).__name__)

    def _refuse(self, why: str) -> None:
        self.refused[why] = self.refused.get(why, 0) + 1

    def _take_event(self, event: Mapping[str, Any]) -> None:
        """What was found before training, or mended, is not to be seen in the log: of it the run's own word is
        taken."""
        if len(self.mends) < MOST_FINDINGS:
            self.mends.extend(mends_in([event], with_mends(self.settings, self.mends)))
        take_before(self.diagnosis.before, {**event, "seen": string(event.get("seen"))})


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a row, and its lists of numbers, as many as a log of ours may have."""
    kept = {name: value for name, value in list(row.items())[:MOST_COLUMNS] if len(name) <= LONGEST_NAME}
    return {name: value for name, value in kept.items() if _is_number_or_several(value)} | {"nimg": row["nimg"]}


def _is_number_or_several(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= MOST_SHARES and all(number(one) is not None for one in value)
    return number(value) is not None


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of figures as detectors may read it: every part of the type that it should have."""
    figures = {
        name: {key: value for key, value in mapping(figure).items() if number(value) is not None or key == "better"}
        for name, figure in list(mapping(record.get("figures")).items())[:MOST_COLUMNS]
        if len(name) <= LONGEST_NAME
    }
    protocol = {"id": string(mapping(record.get("protocol")).get("id"))}
    return {**record, "headline": string(record.get("headline")), "protocol": protocol, "figures": figures}
