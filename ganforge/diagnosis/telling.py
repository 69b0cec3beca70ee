"""Findings in words: for the terminal, for status.json and for findings.jsonl."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganforge.diagnosis.command import what_to_do
from ganforge.diagnosis.findings import Finding

SURE = {"certain": "", "likely": " (likely)", "possible": " (possibly)"}
MOST_IN_VERDICT = 3


def at_once(
    finding: Finding, settings: Mapping[str, Any], run: str | Path, processes: int = 1, *, mended: bool = False
) -> str:
    """One line, when it is found or over. The arguments are those of ``what_to_do``.

    `Trouble since 64,000 images: G makes few kinds of pictures (likely): ... Try: ...`
    """
    trouble, seen = finding.trouble, finding.seen
    if finding.until is not None:
        return f"Over since {finding.until:,} images: {trouble.title}."
    when = f" since {finding.since:,} images" if finding.since else ""
    kind = "Trouble" if trouble.grave else "Note"
    remedies = what_to_do(trouble, settings, run, processes, mended=mended)
    does, typed = remedies[0] if remedies else ("", "")
    advice = f" Try: {does}{f': `{typed}`' if typed else ''}." if does else ""
    return f"{kind}{when}: {trouble.title}{SURE[seen.sure]}: {seen.text}.{advice}"


def verdict(lasting: Sequence[Finding]) -> str:
    """The end of a sentence on a run's end: empty where nothing grave lasts, else what went wrong."""
    grave = [finding for finding in lasting if finding.trouble.grave]
    if not grave:
        return ""
    when = [f"since {one.since:,} images" if one.found else "seen before training" for one in grave]
    named = "; ".join(
        f"{one.trouble.title} ({at})" for one, at in list(zip(grave, when, strict=True))[:MOST_IN_VERDICT]
    )
    more = f"; and {len(grave) - MOST_IN_VERDICT} more" if len(grave) > MOST_IN_VERDICT else ""
    return f", and it went wrong: {named}{more}"


def as_event(finding: Finding, nimg: int) -> dict[str, Any]:
    """A line of findings.jsonl, the same wherever the run is and however long. nimg: of the row with which it was
    found, or over."""
    event = {"nimg": nimg, "finding": finding.name, "state": "found" if finding.until is None else "over"}
    return event | as_status(finding)


def as_status(finding: Finding) -> dict[str, Any]:
    """What status.json tells of it."""
    trouble, seen = finding.trouble, finding.seen
    told = {"finding": finding.name, "title": trouble.title, "grave": trouble.grave, "since": finding.since}
    until = {} if finding.until is None else {"until": finding.until}
    return told | until | {"seen": seen.text, "sure": seen.sure}
