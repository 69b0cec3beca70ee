"""`ganforge diagnose`: what goes wrong in a run, and what to do about it."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import printable, tell
from ganforge.base.wording import listed
from ganforge.cli.options import Parser

if TYPE_CHECKING:
    from ganforge.diagnosis.told import Told
    from ganforge.viewer.read.run_view import RunView

SUMMARY = "what goes wrong in a run, and what to do about it"
WENT_WRONG = 3
"""The exit status where anything grave lasts, or the run failed."""
GOES_ON = ("running", "stopped", "killed")


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="the run folder, also while it trains, or of long ago")
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.epilog = (
        "exit status: 0 nothing grave is found that lasts; 3 something is, or the run failed;\n"
        "2 there is no run. Words of advice, and what is over, are told and change nothing of that."
    )


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.run.folder import RunFolder
    from ganforge.viewer.read.run_view import read_whole

    folder = RunFolder(given.run)
    folder.read_config()  # refuses what is no run
    view = read_whole(folder)
    tell(json.dumps(as_object(view), indent=2) if given.json else as_text(view))
    return WENT_WRONG if view.health.went_wrong or view.summary.state == "failed" else 0


def as_text(view: "RunView") -> str:
    """The verdict in the first line, then the run, each finding in full, and what could not be looked at."""
    run, health = view.summary, view.health
    found = health.told()
    where = f"{run.state} at {run.nimg:,} of {run.total_nimg:,} images"
    lines = [
        verdict(view),
        f"{view.folder.path}: {run.recipe} on {run.data}, {where}; rows in the log: {health.rows:,}",
    ]
    for one in found:
        lines += ["", *paragraph(one)]
    lines += ["", *(f"Mended. {mend.text}." for mend in health.mends)] if health.mends else []
    if blind := health.blind():
        lines += [
            "",
            f"Nobody could look for {listed([one.name for one in blind], 'and')}: the log lacks what they need.",
        ]
    lines += ["", *view.complaints] if view.complaints else []
    return "\n".join(line if line.isprintable() else printable(line) for line in lines)


def verdict(view: "RunView") -> str:
    """In one sentence."""
    run, health = view.summary, view.health
    grave = [f"{one.title} ({one.when})" for one in health.told() if one.lasts and one.kind == "trouble"]
    wrong = f"It {'goes' if run.state in GOES_ON else 'went'} wrong: {'; '.join(grave)}." if grave else ""
    if run.state == "failed":
        reason = run.reason.rstrip(".") or "no reason was recorded"
        return f"The run failed: {reason}.{f' {wrong}' if wrong else ''}"
    if wrong:
        return wrong
    if not health.rows:
        return "Nothing can be said yet: the log has no row."
    many = " that this log lets be looked for" if health.blind() else ""
    return f"Healthy: nothing grave{many} is found that lasts."


def paragraph(one: "Told") -> list[str]:
    """A finding in full, in lines."""
    kind = {"trouble": "Trouble", "note": "Note"}[one.kind] if one.lasts else "Over"
    lines = [f"{kind} {one.when}: {one.title} [{one.name}]", f"  Seen:  {one.evidence}", f"  Means: {one.meaning}"]
    lines += [f"  With {one.objective}: {one.here}"] if one.here else []
    for index, (does, typed) in enumerate(one.do):
        lines.append(f"  {'Do:   ' if not index else 'Or:   '} {does}")
        lines += [f"         {typed}"] if typed else []
    return [*lines, f"  Read:  {one.read}"]


def as_object(view: "RunView") -> dict[str, Any]:
    """The same for programs."""
    health = view.health
    return {
        "verdict": verdict(view),
        "state": view.summary.state,
        "nimg": view.summary.nimg,
        "went_wrong": health.went_wrong,
        "rows": health.rows,
        "findings": [asdict(one) for one in health.told()],
        "mended": [asdict(mend) for mend in health.mends],
        "not_looked_for": [one.name for one in health.blind()],
        "complaints": view.complaints,
    }
