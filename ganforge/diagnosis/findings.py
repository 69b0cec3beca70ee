"""From a log to findings: every detector looks at every row, and what it sees for long enough is found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ganforge.diagnosis.catalog import CHECKS, DETECTORS, Check, Detector, Seen, Trouble
from ganforge.diagnosis.history import History, as_number
from ganforge.run.mends import Mend, with_mends


@dataclass(frozen=True)
class Finding:
    """A trouble that was found. since, found: nimg of the row at which it was first seen, and at which that had been
    long enough; both 0 of what shows before training. until: nimg of the row from which on it was not seen any more,
    once that has been long enough; None while it lasts."""

    trouble: Trouble
    seen: Seen
    since: int = 0
    found: int = 0
    until: int | None = None

    @property
    def name(self) -> str:
        return self.trouble.name


@dataclass
class _Course:
    """What a detector has seen lately: since: the nimg of the first of ``count`` rows in turn in which it did, or,
    where something is found, in which it did not. finding: what is found and lasts."""

    count: int = 0
    since: int = 0
    at: int | None = None


class Diagnosis:
    """Looks at a run row by row, as it is trained or afterwards: the same rows give the same findings.

    settings: that the run began with. mends: what was mended in it, which counts for the rows after it. before: what
    was found before training, by name, which no row shows. in_log: what the log shows, those that are over, too.
    """

    def __init__(
        self, settings: Mapping[str, Any], data: Mapping[str, Any], mends: Iterable[Mend] = (),
        before: Mapping[str, Finding] | None = None,
    ) -> None:  # fmt: skip
        self.history = History(settings, data)
        self.settings, self.mends, self.before = settings, list(mends), dict(before or {})
        self.in_log: list[Finding] = []
        self._courses = {name: _Course() for name in DETECTORS}
        self._quiet_since: int | None = None
        self._row_before: tuple[list[Finding], dict[str, _Course], int | None] = (self.in_log, self._courses, None)

    def look(self, row: Mapping[str, Any], records: Iterable[Mapping[str, Any]] = ()) -> list[Finding]:
        """Take the log's next row, and the records of figures since the one before; returns what changed with it:
        findings that are new, and those that are over."""
        self.history.rows.append(row)
        self.history.settings = with_mends(self.settings, (one for one in self.mends if one.nimg < row["nimg"]))
        self._row_before = (self.in_log, self._courses, self._quiet_since)
        return self.look_again(records)

    def look_again(self, records: Iterable[Mapping[str, Any]]) -> list[Finding]:
        """Look at the newest row anew, with records that came after it; returns as ``look``."""
        findings, courses, quiet_since = self._row_before
        self.in_log, self._courses = [*findings], {name: replace(course) for name, course in courses.items()}
        self.history.records.extend(dict(record) for record in records)
        news = [self._course(detector) for detector in DETECTORS.values()]
        quiet = self.history.is_settled() and not any(one.trouble.grave and one.until is None for one in self.in_log)
        self._quiet_since = (self.history.nimg if quiet_since is None else quiet_since) if quiet else None
        return [finding for finding in news if finding is not None]

    @property
    def findings(self) -> list[Finding]:
        """All of them, in the order in which they were found. What settings foretold is over where these were mended,
        or where the early phase is over, and nothing grave lasts."""
        return [*map(self._as_it_is_now, self.before.values()), *self.in_log]

    def _as_it_is_now(self, finding: Finding) -> Finding:
        trouble = finding.trouble
        if not isinstance(trouble, Check) or not trouble.foretells:
            return finding
        settings = {name for remedy in trouble.remedies for name in remedy.change}
        mended = next((mend.nimg for mend in self.mends if mend.change.keys() & settings), None)
        return replace(finding, until=self._quiet_since if mended is None else mended)

    @property
    def lasting(self) -> list[Finding]:
        """What was found and is not over, the grave ones first."""
        open_ones = [finding for finding in self.findings if finding.until is None]
        return sorted(open_ones, key=lambda finding: not finding.trouble.grave)

    def _course(self, detector: Detector) -> Finding | None:
        course, nimg = self._courses[detector.name], self.history.nimg
        if any(_missing(self.history.rows[-1].get(column)) for column in detector.needs):
            return None
        seen: Seen | None = detector.load().look(self.history)
        if course.at is not None and seen is not None:  # it lasts, and is told by its newest numbers
            self.in_log[course.at] = replace(self.in_log[course.at], seen=seen)
        if (seen is not None) == (course.at is not None):
            course.count = 0
            return None
        if not course.count:
            course.since = nimg
        course.count += 1
        if course.count < detector.patience:
            return None
        course.count = 0
        if course.at is not None:
            finding = replace(self.in_log[course.at], until=course.since)
            self.in_log[course.at], course.at = finding, None
            return finding
        assert seen is not None
        finding, course.at = Finding(detector, seen, course.since, nimg), len(self.in_log)
        self.in_log.append(finding)
        return finding


def _missing(value: object) -> bool:
    return as_number(value) is None and not isinstance(value, list)


def diagnose(
    settings: Mapping[str, Any],
    data: Mapping[str, Any],
    rows: Iterable[Mapping[str, Any]],
    records: Iterable[Mapping[str, Any]] = (),
    mends: Iterable[Mend] = (),
    before: Mapping[str, Finding] | None = None,
) -> Diagnosis:
    """Look at a whole log: rows of stats.jsonl with a step behind them, and records of metrics.jsonl."""
    diagnosis, waiting = (
        Diagnosis(settings, data, mends, before),
        sorted(records, key=lambda record: int(record["nimg"])),
    )
    for row in rows:
        due = [record for record in waiting if record["nimg"] <= row["nimg"]]
        waiting = waiting[len(due) :]
        diagnosis.look(row, due)
    return diagnosis


def take_before(found: dict[str, Finding], event: Mapping[str, Any]) -> None:
    """Take a line of findings.jsonl, whatever it holds, into what was found before training."""
    name, seen, sure = event.get("finding"), event.get("seen"), event.get("sure")
    if not isinstance(name, str) or name not in CHECKS:
        return
    found.pop(name, None)
    if event.get("state") == "found":
        text = seen if isinstance(seen, str) else ""
        found[name] = Finding(CHECKS[name], Seen(text, sure if sure in ("certain", "possible") else "likely"))
