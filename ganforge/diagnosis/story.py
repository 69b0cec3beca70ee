"""What happened in a run, in about a dozen sentences in order, from its log alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ganforge.diagnosis.findings import Finding
from ganforge.diagnosis.history import as_number
from ganforge.run.mends import Mend

MOST_FINDINGS = 5
"""That are told; how many more there are is said."""
UNSURE, SURE = 0.65, 0.95
"""Of ``Logits/separation``: below, D can hardly tell; above, it nearly always can."""
STEPS = (
    ("Health/spread", 0.3, 1, "The fakes begin to differ from each other"),
    ("Health/overlap", 0.3, 1, "First shapes: the fakes share {:.0%} of the reals' kinds"),
    ("Health/overlap", 0.6, 1, "Most kinds come: the fakes share {:.0%} of the reals'"),
    ("Health/missing", 0.1, -1, "Hardly a kind of real is missing any more"),
)
"""(column, value, 1 where it rises there or -1 where it falls, what that means), told when it first comes to it."""


class Moment(NamedTuple):
    """Something that happened. grid: nimg of the grid of fakes that is nearest to it; None without any, and where it is
    that of the moment before."""

    nimg: int
    text: str
    grid: int | None = None


def story(
    rows: Sequence[Mapping[str, Any]],
    findings: Sequence[Finding],
    grids: Sequence[int],
    best: tuple[int, str] | None = None,
    ending: str = "",
    mends: Sequence[Mend] = (),
) -> list[Moment]:
    """rows: of stats.jsonl, oldest first. grids: nimg of those that there are. best: when the best figure was measured,
    and what to say of it. ending: a sentence on how the run ended. mends: made as it went. Without a row there is
    nothing to tell but how it ended."""
    moments = []
    if rows:
        moments = [*_first(rows[0]), *_steps(rows), *_closest(rows), *_found(findings)]
        moments += [Moment(one.nimg, f"Mended: {one.what}.") for one in mends]
        moments += [Moment(best[0], f"{best[1]}.")] if best else []
        moments.sort(key=lambda moment: moment.nimg)
        moments += _last(rows[-1])
    last = rows[-1]["nimg"] if rows else 0
    moments += [Moment(last, ending)] if ending else []
    nearest = [min(grids, key=lambda grid: (abs(grid - moment.nimg), grid), default=None) for moment in moments]
    return [
        moment._replace(grid=grid if grid != before else None)
        for moment, grid, before in zip(moments, nearest, [None, *nearest], strict=False)
    ]


def _first(row: Mapping[str, Any]) -> Iterator[Moment]:
    if told := _game(row):
        yield Moment(row["nimg"], f"The first report: {told}.")


def _last(row: Mapping[str, Any]) -> Iterator[Moment]:
    parts = [_game(row)]
    if (spread := as_number(row.get("Health/spread"))) is not None:
        parts.append(f"fakes differ from each other {spread:.2g} times as much as reals do")
    if (overlap := as_number(row.get("Health/overlap"))) is not None:
        parts.append(f"they share {overlap:.0%} of the reals' kinds")
    if told := "; ".join(filter(None, parts)):
        yield Moment(row["nimg"], f"The last report: {told}.")


def _game(row: Mapping[str, Any]) -> str:
    """How D does."""
    share = as_number(row.get("Logits/separation"))
    if share is None:
        reals, fakes = (as_number(row.get(f"Accuracy/{side}")) for side in ("real", "fake"))
        if reals is None or fakes is None:
            return ""
        return f"D is right about {reals:.0%} of reals and {fakes:.0%} of fakes"
    if share < UNSURE:
        return f"D can hardly tell fakes from reals ({share:.0%} of pairs; 50% is guessing)"
    return f"D tells fakes from reals {'nearly always' if share > SURE else 'mostly'} ({share:.0%} of pairs)"


def _steps(rows: Sequence[Mapping[str, Any]]) -> Iterator[Moment]:
    """What came for the first time after the first report."""
    for column, value, way, text in STEPS:
        series = [(row["nimg"], number) for row in rows if (number := as_number(row.get(column))) is not None]
        there = [(nimg, number) for nimg, number in series if (number - value) * way >= 0]
        if there and there[0] != series[0]:
            yield Moment(there[0][0], f"{text.format(there[0][1])}.")


def _closest(rows: Sequence[Mapping[str, Any]]) -> Iterator[Moment]:
    """When the game was most even, if it ever was."""
    series = [(number, row["nimg"]) for row in rows if (number := as_number(row.get("Logits/separation"))) is not None]
    if series and min(series)[0] < SURE and min(series)[1] not in (series[0][1], series[-1][1]):
        yield Moment(min(series)[1], f"The game is at its most even: D is right in {min(series)[0]:.0%} of pairs.")


def _found(findings: Sequence[Finding]) -> Iterator[Moment]:
    grave_first = sorted(findings, key=lambda one: (not one.trouble.grave, one.since))
    for one in grave_first[:MOST_FINDINGS]:
        kind = "Trouble begins" if one.trouble.grave else "To be noted"
        yield Moment(one.since, f"{kind}: {one.trouble.title}{'' if one.until is not None else ', and it lasts'}.")
        if one.until is not None:
            yield Moment(one.until, f"That is over: {one.trouble.title}.")
    if (more := len(findings) - MOST_FINDINGS) > 0:
        yield Moment(grave_first[MOST_FINDINGS].since, f"And {more} more findings; `ganforge diagnose` tells them.")
