"""A finding in full, as plain values: for the terminal, the page and the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ganforge.diagnosis.command import what_to_do
from ganforge.diagnosis.findings import Finding
from ganforge.diagnosis.telling import SURE

DOCS = "docs/troubleshooting.md"
Kind = Literal["trouble", "note"]


@dataclass(frozen=True)
class Told:
    """kind: trouble, or a note where it is not grave. since, found, until: as ``Finding`` has them. meaning: for
    anybody; objective: the run's; here: what it means with that one, or empty. do: (what it does, what to type, or
    empty), the best first. read: where there is more, in the docs."""

    name: str
    kind: Kind
    title: str
    since: int
    found: int
    until: int | None
    sure: str
    seen: str
    meaning: str
    objective: str
    here: str
    do: tuple[tuple[str, str], ...]
    read: str

    @property
    def lasts(self) -> bool:
        return self.until is None

    @property
    def when(self) -> str:
        """since 8,064 images; from 8,064 to 64,000 images; before training."""
        if not self.lasts:
            return f"from {self.since:,} to {self.until:,} images"
        return f"since {self.since:,} images" if self.found else "before training"

    @property
    def evidence(self) -> str:
        """What was seen, and how sure."""
        return f"{self.seen}{SURE.get(self.sure, '')}"


def told(
    finding: Finding, settings: Mapping[str, Any], run: str | Path, processes: int = 1, *, mended: bool = False
) -> Told:
    """run, processes: the run's path, and how many train it, for commands. mended: as ``what_to_do`` has it."""
    trouble, objective = finding.trouble, str(settings.get("objective"))
    here = trouble.for_objective.get(objective, "")
    return Told(
        name=trouble.name, kind="trouble" if trouble.grave else "note", title=trouble.title, since=finding.since,
        found=finding.found, until=finding.until, sure=finding.seen.sure, seen=finding.seen.text,
        meaning=trouble.meaning, objective=objective if here else "", here=here,
        do=tuple(what_to_do(trouble, settings, run, processes, mended=mended)), read=f"{DOCS}#{trouble.name}",
    )  # fmt: skip
