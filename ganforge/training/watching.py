"""Looks at each row of the log as it is written, and says at once what goes wrong."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ganforge.base.wording import as_typed
from ganforge.config import Config, make_config, with_gammas
from ganforge.diagnosis.catalog import Detector, Remedy, Trouble
from ganforge.diagnosis.command import processes_in, remedies_for
from ganforge.diagnosis.findings import Diagnosis, Finding, diagnose, take_before
from ganforge.diagnosis.telling import as_event, as_status, at_once, verdict
from ganforge.run.folder import RunFolder
from ganforge.run.mends import BACK, MOST_MENDS, mends_in

Records = list[dict[str, Any]]


class Watching:
    """A run's diagnosis while it is trained. One that goes on is looked at from its first row again, so that it finds
    what it would have found in one go.

    config: the settings to learn by from here on, with all that was mended. stops: is the run to be stopped? and why,
    in a few words."""

    def __init__(
        self, config: Config, folder: RunFolder, say: Callable[[str], None],
        go_back: Callable[[Records], int | None] = lambda records: None,
    ) -> None:  # fmt: skip
        """go_back: given the records of figures so far, goes on with the best checkpoint where that is worth while, and
        returns its nimg, else None. Raises UserError where the logs cannot be read, or findings.jsonl holds changes of
        settings that are none."""
        self.folder, self.say, self.config, self.stops = folder, say, config, ""
        self.go_back = go_back
        stored, begun = folder.read_config(), config.model_dump(mode="json")
        self.shape: list[int] = stored["data"].get("shape", [])
        self.processes = processes_in(stored)
        events = list(folder.finding_rows())
        mends, before = mends_in(events, begun), dict[str, Finding]()
        for event in events:
            take_before(before, event)
        for mend in mends:
            self.config = make_config(self.config.model_dump() | mend.after, source=folder.findings)
        self.diagnosis: Diagnosis = diagnose(begun, stored["data"], folder.rows(), folder.metrics_rows(), mends, before)
        self.last_nimg = max((row["nimg"] for row in folder.rows()), default=-1)

    @property
    def settings(self) -> dict[str, Any]:
        return self.config.model_dump(mode="json")

    def look(self, row: dict[str, Any], *, provisional: bool, figures_are_provisional: bool = False) -> None:
        """Take the row that was just written; say and log what is found, and what is over, and do what on_trouble asks
        for. provisional: a longer run would not have this row, and nothing is mended; or it would have the row, but not
        the figures that were measured with it: what these show is said, and nothing else. Raises OSError."""
        records = [one for one in self.folder.metrics_rows() if self.last_nimg < one["nimg"] <= row["nimg"]]
        late = [one for one in records if one["nimg"] == row["nimg"] and figures_are_provisional and not provisional]
        self.last_nimg = row["nimg"]
        news = self.diagnosis.look(row, records[: len(records) - len(late)])
        for finding in news:
            self._take(finding, row["nimg"], provisional=provisional)
        if late:
            told = {(one.name, one.until) for one in news}
            for finding in self.diagnosis.look_again(late):
                if (finding.name, finding.until) not in told:
                    self._say(finding)

    def _take(self, finding: Finding, nimg: int, *, provisional: bool) -> None:
        self._say(finding)
        if finding.trouble.of_length:
            return
        self.folder.append_finding(as_event(finding, nimg))
        if finding.until is None and finding.trouble.grave and not provisional:
            if self.config.on_trouble == "mend":
                self.mend(finding, nimg)
            elif self.config.on_trouble == "stop":
                self.stops = finding.trouble.title

    def _say(self, finding: Finding) -> None:
        mended = any(mend.change for mend in self.diagnosis.mends)
        self.say(at_once(finding, self.settings, self.folder.path, self.processes, mended=mended))

    def mend(self, finding: Finding, nimg: int) -> None:
        """Mend what was just found, each trouble once and at most ``MOST_MENDS`` in a run: go back to the best
        checkpoint, where it ruins weights; and take the first of its remedies that a run may take as it goes on. It is
        said, and logged, so that a run that is resumed does it again. What was seen before it went back is left alone:
        one row of ruined weights shows several troubles."""
        mends = self.diagnosis.mends
        if len(mends) >= MOST_MENDS:
            self.say(f"It is not mended: {MOST_MENDS} mends were made already.")
            return
        if earlier := [one.nimg for one in mends if one.finding == finding.name]:
            self.say(f"It is not mended: it was after {earlier[0]:,} images, and has come back.")
            return
        if any(one.back_to is not None and finding.since <= one.nimg for one in mends):
            self.say("It is not mended: it was seen before the run went back, in weights that are left behind.")
            return
        ruins = isinstance(finding.trouble, Detector) and finding.trouble.ruins
        back_to = self.go_back(self.diagnosis.history.records) if ruins else None
        does, change = [] if back_to is None else [f"{BACK}, of {back_to:,} images"], dict[str, Any]()
        remedy, changed = next(self._changes(finding.trouble), (None, self.config))
        if remedy is not None:
            change = {name: changed.model_dump(mode="json")[name] for name in remedy.change}
            does.append(f"{remedy.does} ({as_words(change)})")
        if not does:
            self.say("It is not mended: there is no remedy that a run may take as it goes on.")
            return
        event = mended(nimg, finding.name, change, back_to)
        self.folder.append_finding(event)
        self.say(f"Mended from {nimg:,} images on: {'; '.join(does)}.")
        mends.extend(mends_in([event], self.settings))
        self.config = changed

    def _changes(self, trouble: Trouble) -> Iterator[tuple[Remedy, Config]]:
        """The remedies that a run may take as it goes on, and that change anything; and the settings with each."""
        for remedy, settings in remedies_for(trouble, self.settings):
            if remedy.mends and settings is not None:
                changed = with_gammas(make_config(settings), self.shape)
                if changed != self.config:
                    yield remedy, changed

    def mended(self) -> list[dict[str, Any]]:
        """What was mended so far, as lines of findings.jsonl: snapshots and checkpoints tell it, too."""
        return [mended(one.nimg, one.finding, one.after, one.back_to) for one in self.diagnosis.mends]

    def status(self) -> list[dict[str, Any]]:
        """What lasts, for status.json."""
        return [as_status(finding) for finding in self.diagnosis.lasting]

    def verdict(self) -> str:
        """Of a run that ends now: `, and it went wrong: ...`, or nothing."""
        return verdict(self.diagnosis.lasting)


def mended(nimg: int, finding: str, change: dict[str, Any], back_to: int | None = None) -> dict[str, Any]:
    """A line of findings.jsonl. nimg: of the row after which it was made. back_to: as ``Mend`` has it."""
    event = {"nimg": nimg, "finding": finding, "state": "mended", "change": change}
    return event if back_to is None else event | {"back_to": back_to}


def as_words(change: Mapping[str, Any]) -> str:
    """lr = 0.0001, augment = diffaugment"""
    return ", ".join(f"{name} = {as_typed(value)}" for name, value in change.items())
