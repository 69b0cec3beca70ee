"""What a report says of a run, taken from its files: facts, tables of figures, charts, pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from markupsafe import Markup

from ganforge.base.files import open_plain
from ganforge.judging.comparison import EVALUATED, NO_GAIN, ONCE, Comparison, Measured
from ganforge.judging.description import in_words, number
from ganforge.metrics.catalog import in_order, meaning_of
from ganforge.run.folder import RunFolder
from ganforge.run.stored_records import StoredFigure, StoredRecord
from ganforge.viewer.read.curve_meanings import Meaning, title_of
from ganforge.viewer.read.embedded_pictures import Embedded, embed, spread
from ganforge.viewer.read.formatting import duration
from ganforge.viewer.read.run_charts import charts_of
from ganforge.viewer.read.run_view import RunView
from ganforge.viewer.read.untrusted import cut, is_plain, mapping, string, whole
from ganforge.viewer.report.svg_charts import svg

STATES = {
    "running": "It was training when this was written.",
    "finished": "It has reached its full length.",
    "stopped": "It was stopped on request; ganforge resume continues it.",
    "failed": "It failed; everything saved before is intact.",
    "killed": "Its process was killed; ganforge resume continues from the last checkpoint.",
    "unknown": "Its state is not known.",
}
ENVIRONMENT = ("device_name", "device", "threads", "platform", "python", "torch", "ganforge", "git_commit")
STRIP = 6
"""Grids over time that are shown on paper, where nothing slides."""
MOST_TABLES, MOST_ROWS, MOST_NOTES = 20, 64, 20
T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """The figures of one protocol. how: of which moment they are, and why of that one. rows: (what is measured, with
    which features, the figure, what it asks)."""

    protocol: str
    how: str
    rows: Sequence[tuple[str, str, StoredFigure, str]]
    notes: Sequence[str]


def cut_off(view: RunView) -> list[str]:
    """A sentence for each log whose last line is not whole; while the run trains, that is nothing to complain of."""
    if view.summary.state == "running":
        return []
    torn = [path.name for path in (view.folder.stats, view.folder.metrics) if _ends_torn(path)]
    return [f"{name}: the last line is cut off, and left out." for name in torn]


def facts_of(view: RunView, config: Mapping[str, Any], comparison: Comparison) -> list[tuple[str, str]]:
    """The run at a glance: (what, how much). Nothing that is not known."""
    run, data = view.summary, config["data"]
    facts = [("Progress", f"{run.nimg:,} of {run.total_nimg:,} pictures")] if run.total_nimg else []
    seconds, speed = view.columns.newest("Timing/total_sec"), view.columns.newest("Timing/images_per_sec")
    if seconds is not None:
        facts.append(("Time", duration(seconds)))
    if speed is not None:
        facts.append(("Speed", f"{speed:,.0f} pictures a second"))
    if so_far := view.figures.best_so_far():
        what, _, much = so_far.summary().partition(": ")
        facts.append((what, much))
    if evaluated := _evaluated(comparison):
        facts.append(evaluated)
    shape, count = data.get("shape"), whole(data.get("count"))
    if count and isinstance(shape, list):
        what = "points" if shape == [2] else f"pictures of {' x '.join(cut(str(side), 20) for side in shape[:3])}"
        facts.append(("Data", f"{count:,} {what}"))
    where = string(mapping(config["environment"][-1]).get("device"))
    return [*facts, ("Device", where)] if where else facts


def tables(comparison: Comparison, complaints: list[str]) -> list[Table]:
    """The figures of the first run, a table for each protocol: figures of two never share one."""
    measured = comparison.runs[0].measured
    found = [measured[protocol.id] for protocol in comparison.protocols]
    return [
        Table(
            cut(in_words(one.shown.protocol.model_dump()), 1_000), moment(one),
            few(rows(one.shown), MOST_ROWS, "figures", complaints),
            [cut(note) for note in few(one.shown.notes, MOST_NOTES, "notes on figures", complaints)],
        )
        for one in few(found, MOST_TABLES, "protocols", complaints)
    ]  # fmt: skip


def few(items: Sequence[T], most: int, what: str, complaints: list[str]) -> Sequence[T]:
    """The first so many of them; a complaint says that there are more."""
    if len(items) > most:
        complaints.append(f"{len(items) - most:,} {what} beyond the first {most:,} are left out.")
    return items[:most]


def moment(measured: Measured) -> str:
    """Of which pictures the figures are."""
    how = {EVALUATED: "by ganforge evaluate", "newest": "while training, the newest", ONCE: "while training, once"}
    gained, better = measured.how.removesuffix(NO_GAIN), ", no better than the first" * measured.how.endswith(NO_GAIN)
    kind = how.get(measured.how, f"while training, the {gained} measurements{better}")
    return f"After {measured.shown.nimg:,} pictures; measured {kind}."


def rows(record: StoredRecord) -> list[tuple[str, str, StoredFigure, str]]:
    """The record's figures in their usual order."""
    names = in_order(record.figures, [*record.protocol.extractors, "pixels"])
    parts = {name: name.partition("/") for name in names}
    return [
        (cut(what, 100), cut(seen, 100), record.figures[name], meaning_of(what))
        for name, (what, _, seen) in parts.items()
    ]


def readings(view: RunView, meanings: Mapping[str, Meaning]) -> list[tuple[str, float, Meaning]]:
    """(what it is, value, meaning) of the last row of the log."""
    values = {name: view.columns.newest(name) for name in meanings}
    return [(title_of(name), value, meanings[name]) for name, value in values.items() if value is not None]


def charts(view: RunView, of_log: bool) -> list[Markup]:
    """The run's charts as inline SVG, either those of the log or those of the figures."""
    drawn = [svg(chart.drawn(view)) for chart in charts_of(view) if chart.curves[0].in_log == of_log]
    return [Markup(figure) for figure in drawn if figure]


def strip_of(frames: Sequence[Embedded]) -> list[int]:
    """Which of the frames are shown on paper: a few, evenly chosen."""
    return spread(len(frames), min(len(frames), STRIP))


def newest_nearest(folder: RunFolder, measured: Mapping[str, Measured], complaints: list[str]) -> Embedded | None:
    """The newest picture of samples beside the training pictures nearest to them; None where none was made."""
    for nimg in sorted({record.nimg for one in measured.values() for record in one.records}, reverse=True):
        if is_plain(folder.nearest(nimg)):
            return embed(folder.nearest(nimg), complaints, nimg)
    return None


def names_of_nearest(nearest: Embedded | None, measured: Mapping[str, Measured]) -> list[str]:
    """What the training pictures in that picture are called, and how far the samples are, in its order."""
    records = [record for one in measured.values() for record in one.records if nearest and record.nimg == nearest.nimg]
    named = next((record.nearest for record in records if record.nearest), [])
    return [f"{name} ({distance:.1f})" for name, distance in named]


def environment_of(entries: Sequence[object]) -> list[tuple[str, str]]:
    """What the run was computed with last: (what, which)."""
    newest = mapping(entries[-1])
    return [(name.replace("_", " "), str(newest[name])[:200]) for name in ENVIRONMENT if newest.get(name) is not None]


def _evaluated(comparison: Comparison) -> tuple[str, str] | None:
    """The headline figure of the first protocol by which the run was evaluated, with its floor."""
    for protocol in comparison.protocols:
        measured = comparison.runs[0].measured[protocol.id]
        figure = measured.shown.figures.get(measured.shown.headline or "")
        if measured.how == EVALUATED and figure is not None and figure.value is not None:
            floor = "" if figure.floor is None else f" (floor {number(figure.floor)})"
            what = cut(str(measured.shown.headline), 100)
            return "Evaluated", f"{what} {number(figure.value)} at {measured.shown.nimg:,}{floor}"
    return None


def _ends_torn(path: Any) -> bool:
    try:
        with open_plain(path) as file:
            file.seek(-1, 2)
            return bool(file.read(1) != b"\n")
    except OSError:  # there is no such file, or nothing in it
        return False
