"""Looks at each row of the log as it is written, and says at once what goes wrong."""

from collections.abc import Callable
from typing import Any

from ganforge.config import Config
from ganforge.diagnosis.findings import Diagnosis, diagnose
from ganforge.diagnosis.telling import as_event, as_status, at_once, verdict
from ganforge.run.folder import RunFolder


class Watching:
    """A run's diagnosis while it is trained. One that goes on is looked at from its first row again, so that it finds
    what it would have found in one go."""

    def __init__(self, config: Config, folder: RunFolder, say: Callable[[str], None]) -> None:
        self.folder, self.say = folder, say
        self.settings = config.model_dump(mode="json")
        data = folder.read_config()["data"]
        self.diagnosis: Diagnosis = diagnose(self.settings, data, folder.rows(), folder.metrics_rows())
        self.last_nimg = max((row["nimg"] for row in folder.rows()), default=-1)

    def look(self, row: dict[str, Any]) -> None:
        """Take the row that was just written; say and log what is found, and what is over. Raises OSError."""
        records = [one for one in self.folder.metrics_rows() if self.last_nimg < one["nimg"] <= row["nimg"]]
        self.last_nimg = row["nimg"]
        for finding in self.diagnosis.look(row, records):
            self.folder.append_finding(as_event(finding, row["nimg"], self.settings, self.folder.path))
            self.say(at_once(finding, self.settings, self.folder.path))

    def status(self) -> list[dict[str, Any]]:
        """What lasts, for status.json."""
        return [as_status(finding) for finding in self.diagnosis.lasting]

    def verdict(self) -> str:
        """Of a run that ends now: `, and it went wrong: ...`, or nothing."""
        return verdict(self.diagnosis.lasting)
