"""The logs in a run folder: stats.jsonl, metrics.jsonl, and the records that a resumed run has taken out of it."""

from collections.abc import Iterator
from typing import Any

from ganforge.base.files import sync
from ganforge.run.json_lines import MAX_LOG_BYTES, MAX_METRICS_BYTES, append_row, cut_rows, read_rows, write_rows
from ganforge.run.paths import RunPaths


class RunLogs(RunPaths):
    """What is written to the logs, and read from them."""

    def append_row(self, row: dict[str, Any]) -> None:
        """Add one line to stats.jsonl. Raises OSError, with the file's name, where that is impossible."""
        append_row(self.stats, row)

    def append_metrics(self, record: dict[str, Any]) -> None:
        """Add one line to metrics.jsonl, in place of what was removed of the same snapshot; raises as ``append_row``
        does."""
        append_row(self.metrics, record)
        taken = list(self.removed_rows())
        if any(row["nimg"] == record["nimg"] for row in taken):
            write_rows(self.removed, [row for row in taken if row["nimg"] != record["nimg"]])

    def append_finding(self, event: dict[str, Any]) -> None:
        """Add one line to findings.jsonl; raises as ``append_row`` does."""
        append_row(self.findings, event)

    def write_findings(self, events: list[dict[str, Any]]) -> None:
        """Make these the lines of findings.jsonl. Raises OSError; nothing is changed then."""
        write_rows(self.findings, events)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of stats.jsonl; a line that was cut off by a kill is left out. Raises UserError where it is no log
        of ganforge's."""
        return read_rows(self.stats, MAX_LOG_BYTES)

    def metrics_rows(self) -> Iterator[dict[str, Any]]:
        """The records of metrics.jsonl, likewise."""
        return read_rows(self.metrics, MAX_METRICS_BYTES)

    def finding_rows(self) -> Iterator[dict[str, Any]]:
        """The lines of findings.jsonl, likewise."""
        return read_rows(self.findings, MAX_METRICS_BYTES)

    def removed_rows(self) -> Iterator[dict[str, Any]]:
        """The records that ``cut_after`` took out of metrics.jsonl, of snapshots that were there then; likewise."""
        return read_rows(self.removed, MAX_METRICS_BYTES)

    def judged_rows(self) -> Iterator[dict[str, Any]]:
        """A record for each snapshot that was judged: those that were removed, then those of metrics.jsonl."""
        if taken := list(self.removed_rows()):
            logged = {row["nimg"] for row in self.metrics_rows()}
            yield from (row for row in taken if row["nimg"] not in logged)
        yield from self.metrics_rows()

    def sync_logs(self) -> None:
        """Bring the logs to the disk. Raises OSError."""
        for path in (self.stats, self.metrics, self.findings):
            if path.exists():
                sync(path)

    def cut_after(self, nimg: int, measured_nimg: int) -> None:
        """Take away the rows, findings and grids made after ``nimg`` images, and the figures after ``measured_nimg``: a
        run that goes on from there makes them anew, or, where it is longer now, others. The figures of snapshots, which
        stay, go to removed.jsonl: the best snapshot is the best of all that were judged."""
        there = {at for at, _ in self.all_snapshots()}
        taken = {row["nimg"]: row for row in self.judged_rows() if row["nimg"] in there}
        kept = {row["nimg"] for row in self.metrics_rows() if row["nimg"] <= measured_nimg}
        if self.removed.exists() or taken.keys() - kept:
            write_rows(self.removed, [row for at, row in sorted(taken.items()) if at not in kept])
        cut_rows(self.stats, MAX_LOG_BYTES, nimg)
        cut_rows(self.metrics, MAX_METRICS_BYTES, measured_nimg)
        cut_rows(self.findings, MAX_METRICS_BYTES, max(nimg, 0))  # what was found before the first step stays
        for at, path in self.all_fakes():
            if at > nimg:
                path.unlink()
