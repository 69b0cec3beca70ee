"""Looks at each row of the log as it is written, and says at once what goes wrong."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ganforge.base.wording import as_typed
from ganforge.config import Config, make_config, with_gammas
from ganforge.diagnosis.command import remedied
from ganforge.diagnosis.findings import Diagnosis, Finding, diagnose
from ganforge.diagnosis.telling import as_event, as_status, at_once, verdict
from ganforge.run.folder import RunFolder

MOST_MENDS = 3


class Watching:
    """A run's diagnosis while it is trained. One that goes on is looked at from its first row again, so that it finds
    what it would have found in one go.

    config: the settings to learn by from here on, with all that was mended. stops: is the run to be stopped? and why,
    in a few words."""

    def __init__(self, config: Config, folder: RunFolder, say: Callable[[str], None]) -> None:
        """Raises UserError where the logs cannot be read."""
        self.folder, self.say = folder, say
        self.config, self.stops = as_mended(config, folder), ""
        data, begun = folder.read_config()["data"], config.model_dump(mode="json")
        self.shape: list[int] = data.get("shape", [])
        self.diagnosis: Diagnosis = diagnose(begun, data, folder.rows(), folder.metrics_rows())
        self.last_nimg = max((row["nimg"] for row in folder.rows()), default=-1)

    @property
    def settings(self) -> dict[str, Any]:
        return self.config.model_dump(mode="json")

    def look(self, row: dict[str, Any], *, provisional: bool) -> None:
        """Take the row that was just written; say and log what is found, and what is over, and do what on_trouble asks
        for. provisional: a longer run would not have this row, and nothing is mended. Raises OSError."""
        records = [one for one in self.folder.metrics_rows() if self.last_nimg < one["nimg"] <= row["nimg"]]
        self.last_nimg = row["nimg"]
        for finding in self.diagnosis.look(row, records):
            self.folder.append_finding(as_event(finding, row["nimg"], self.settings, self.folder.path))
            self.say(at_once(finding, self.settings, self.folder.path))
            if finding.until is None and finding.trouble.grave and not provisional:
                if self.config.on_trouble == "mend":
                    self.mend(finding, row["nimg"])
                elif self.config.on_trouble == "stop":
                    self.stops = finding.trouble.title

    def mend(self, finding: Finding, nimg: int) -> None:
        """Mend what was just found by the first of its remedies that a run may take as it goes on, at most
        ``MOST_MENDS`` times in a run. It is said, and logged, so that a run that is resumed does it again."""
        if len(list(mends(self.folder))) >= MOST_MENDS:
            self.say(f"It is not mended: {MOST_MENDS} mends were made already.")
            return
        for remedy in finding.trouble.remedies:
            if not remedy.mends or (settings := remedied(remedy, self.settings)) is None:
                continue
            changed = with_gammas(make_config(settings), self.shape)
            if changed == self.config or (
                changed.augment != "none" and len(self.shape) != 3
            ):  # points are not augmented
                continue
            change = {name: changed.model_dump(mode="json")[name] for name in remedy.change}
            event = {"nimg": nimg, "finding": finding.name, "state": "mended", "change": change}
            self.folder.append_finding(event)
            self.say(f"Mended from {nimg:,} images on: {remedy.does} ({as_words(change)}).")
            self.config = changed
            return
        self.say("It is not mended: there is no remedy that a run may take as it goes on.")

    def status(self) -> list[dict[str, Any]]:
        """What lasts, for status.json."""
        return [as_status(finding) for finding in self.diagnosis.lasting]

    def verdict(self) -> str:
        """Of a run that ends now: `, and it went wrong: ...`, or nothing."""
        return verdict(self.diagnosis.lasting)


def mends(folder: RunFolder) -> Iterator[Mapping[str, Any]]:
    """The changes of settings that have been made in a run as it went, oldest first."""
    for event in folder.finding_rows():
        if event.get("state") == "mended" and isinstance(event.get("change"), dict):
            yield event["change"]


def as_mended(config: Config, folder: RunFolder) -> Config:
    """The settings that a run goes on with, after all that was mended in it. Raises UserError where findings.jsonl
    holds changes that are none."""
    for change in mends(folder):
        config = make_config(config.model_dump() | dict(change), source=folder.findings)
    return config


def as_words(change: Mapping[str, Any]) -> str:
    """lr = 0.0001, augment = diffaugment"""
    return ", ".join(f"{name} = {as_typed(value)}" for name, value in change.items())
