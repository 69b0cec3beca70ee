"""Runs beside each other: their figures, which are compared within one protocol only, and the settings that differ."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.base.curves import Panel, save_curves
from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.tables import Column, table
from ganforge.base.terminal import printable
from ganforge.metrics.figure import notes_on
from ganforge.metrics.trend import best_of, is_gain
from ganforge.run.folder import RunFolder
from ganforge.run.stored_records import StoredFigure, StoredProtocol, StoredRecord, read_evaluations, read_metrics

NONE = "-"
BEST = "*"
NO_GAIN = ", no gain"
"""No measurement is really better than the first."""
EVALUATED = "evaluated"
ONCE = "only one"
NOTHING_TO_DRAW = "no run has a headline figure, such as FD or KID, which is what is drawn over the images seen."
MAX_SETTINGS = 1_000
Plain = str | int | float | None


@dataclass(frozen=True)
class Measured:
    """One run by one protocol. shown: the record to compare; how: why that one. records: all, by rising nimg."""

    shown: StoredRecord
    how: str
    records: Sequence[StoredRecord]


@dataclass(frozen=True)
class Run:
    """settings: as in config.json. measured: by the protocol's id."""

    path: Path
    settings: dict[str, Any]
    measured: dict[str, Measured]


@dataclass(frozen=True)
class Comparison:
    """runs: in the order given. protocols: those most runs share first. complaints: sentences on files left out."""

    runs: list[Run]
    protocols: list[StoredProtocol]
    complaints: list[str]


def compare(paths: Iterable[Path]) -> Comparison:
    """Read the runs' settings and figures: metrics.jsonl and the evaluation files, nothing else.

    Of a run's measurements by one protocol the newest evaluation is shown, or, where there is none, the record of
    metrics.jsonl with the best headline figure. Raises UserError for what is no run folder; figures that cannot be read
    are left out, and ``complaints`` says so.
    """
    complaints: list[str] = []
    runs = [_read_run(path, complaints) for path in dict.fromkeys(paths)]
    protocols = {id: measured.shown.protocol for run in runs for id, measured in run.measured.items()}

    def order(protocol: StoredProtocol) -> tuple[int, int, str]:
        return -sum(protocol.id in run.measured for run in runs), -protocol.num_fakes, protocol.id

    return Comparison(runs, sorted(protocols.values(), key=order), complaints)


def render(comparison: Comparison, width: int = 100) -> str:
    """The comparison as text: a table for each protocol, its meaning, and the settings that differ.

    width: characters that a line should not exceed. No line break at the end.
    """
    parts = [_figures_table(comparison.runs, protocol, width) for protocol in comparison.protocols]
    if comparison.protocols:
        parts.append(
            f"{BEST} best in its column. Below a figure's name: its features, and what is better.\n"
            "floor: fresh real items, judged as if they were generated, which is what a perfect generator would reach."
        )
        parts.append("\n".join(_meaning(protocol) for protocol in comparison.protocols))
    parts.append("\n".join(map(printable, remarks(comparison))))
    if len(comparison.runs) > 1:
        parts.append(_settings_table(comparison.runs, width))
    return "\n\n".join(part for part in parts if part)


def save_plot(comparison: Comparison, path: Path) -> bool:
    """Write the headline figures over nimg, a panel for each protocol, as a PNG; False, and no file, where there are
    none. Raises UserError where the file cannot be written."""
    panels = [panel for protocol in comparison.protocols if (panel := _panel(comparison.runs, protocol)).curves]
    if not panels:
        return False
    try:
        save_curves(panels, path)
    except OSError as error:
        raise UserError(f"The plot cannot be written: {reason(error)}; choose another place with --out.") from None
    return True


def different_settings(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The settings in which the runs differ: name -> one value a run, ``NONE`` where a run has no such setting."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    values = {name: [run.settings.get(name, NONE) for run in runs] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


def _read_run(path: Path, complaints: list[str]) -> Run:
    folder = RunFolder(path)
    settings = folder.read_config()["settings"]
    if len(settings) > MAX_SETTINGS:
        raise UserError(f"{folder.config} holds {len(settings):,} settings, far more than there are; put back a copy.")
    settings = {name: _plain(value) for name, value in settings.items()}
    in_training, sentences = read_metrics(folder)
    evaluated, more_sentences = read_evaluations(folder)
    complaints += sentences + more_sentences
    by_id: dict[str, tuple[list[StoredRecord], list[StoredRecord]]] = {}
    for place, records in enumerate((in_training, evaluated)):
        for record in records:
            by_id.setdefault(record.protocol.id, ([], []))[place].append(record)
    return Run(path, settings, {id: _measured(*both) for id, both in by_id.items()})


def _plain(value: Any) -> Any:
    """A setting's value, or a word for what can be none: it is compared with others, and shown."""
    values = value if isinstance(value, list) else [value]
    return value if all(isinstance(one, Plain) for one in values) else "(no setting)"


def _measured(in_training: list[StoredRecord], evaluated: list[StoredRecord]) -> Measured:
    """From the records of one run by one protocol, at least one."""
    by_nimg = {record.nimg: record for record in [*in_training, *evaluated]}
    records = [by_nimg[nimg] for nimg in sorted(by_nimg)]
    if evaluated:
        return Measured(evaluated[-1], EVALUATED, records)
    name = headline_of(in_training)
    values = sorted((record.nimg, value) for record in in_training if (value := record.value(name)) is not None)
    best = best_of(values)
    if best is None or name is None:
        return Measured(records[-1], "newest", records)
    if len(values) == 1:
        return Measured(by_nimg[best[0]], ONCE, records)
    gained = is_gain(best[1], values[0][1], by_nimg[best[0]].figures[name].floor)
    how = f"best of {len(values)}" if gained else f"lowest of {len(values)}{NO_GAIN}"
    return Measured(by_nimg[best[0]], how, records)


def headline_of(records: Iterable[StoredRecord]) -> str | None:
    """The figure that leads in records of one protocol: the newest one that any of them names."""
    return next((record.headline for record in reversed(list(records)) if record.headline is not None), None)


def leading(measured: Iterable[Measured]) -> str | None:
    """The headline figure of one protocol, whichever of the runs has it; None where none does."""
    return next((name for one in measured if (name := headline_of(one.records)) is not None), None)


def _panel(runs: Iterable[Run], protocol: StoredProtocol) -> Panel:
    """The headline figure of the runs that have one; perhaps of none."""
    measured = {printable(str(run.path)): run.measured[protocol.id] for run in runs if protocol.id in run.measured}
    name = leading(measured.values())
    curves, floors = {}, set()
    for run, m in measured.items():
        floors |= {record.figures[name].floor for record in m.records if name in record.figures}
        if points := [(record.nimg, value) for record in m.records if (value := record.value(name)) is not None]:
            curves[run] = points
    title = f"{name}, protocol {protocol.id}\n{_sides(protocol)}"
    return Panel(title, curves, sorted(floor for floor in floors if floor is not None))


def _figures_table(runs: Sequence[Run], protocol: StoredProtocol, width: int) -> str:
    """A row a run, and one for the floor; a column a figure."""
    names = [*(str(run.path) for run in runs), "floor"]
    return table(f"Protocol {protocol.id}", names, figure_columns(runs, protocol), width)


def figure_columns(runs: Sequence[Run], protocol: StoredProtocol) -> list[Column]:
    """nimg, the reason for that one, and the figures by one protocol: in each a cell a run, then one for the floor.

    A figure's header has three lines: what is measured, with which features, what is better. ``BEST`` follows the best
    value of a column, ``NONE`` stands where there is none.
    """
    measured = [run.measured.get(protocol.id) for run in runs]
    records = [m.shown if m else None for m in measured]
    figures = {name: figure for record in records if record for name, figure in record.figures.items()}
    columns = [
        Column("nimg", [f"{r.nimg:,}" if r else NONE for r in records] + [""]),
        Column("chosen", [m.how if m else "not measured" for m in measured] + [""]),
    ]
    for name, figure in figures.items():
        what, _, features = name.partition("/")
        found = [record.figures.get(name) if record else None for record in records]
        floor = next((f.floor for f in found if f and f.floor is not None), None)
        cells = [*_marked(found), NONE if floor is None else f"{floor:.4g} "]
        columns.append(Column(f"{what}\n{features}\n{figure.better}", cells))
    return columns


def _marked(figures: Sequence[StoredFigure | None]) -> list[str]:
    """The figures' texts; where there are several to choose from, and they differ, the best has a mark."""
    distances = [None if figure is None else figure.distance() for figure in figures]
    known = [distance for distance in distances if distance is not None]
    best = min(known) if len(set(known)) > 1 else None
    return [
        _text(figure) + (BEST if best is not None and distance == best else " ")
        for figure, distance in zip(figures, distances, strict=True)
    ]


def _text(figure: StoredFigure | None) -> str:
    if figure is None or figure.value is None:
        return NONE
    return f"{figure.value:.4g}" + ("" if figure.spread is None else f" ± {figure.spread:.2g}")


def _meaning(protocol: StoredProtocol) -> str:
    features = ", ".join(f"{name} ({hash})" for name, hash in protocol.extractors.items())
    floor = f"{protocol.num_floor:,} other real items"
    return f"Protocol {protocol.id}: {_sides(protocol)};\n  floor: {floor}; features: {features}."


def _sides(protocol: StoredProtocol) -> str:
    real = f"{protocol.num_reals:,} of {protocol.data} ({protocol.split} split)"
    return f"{protocol.num_fakes:,} generated items against {real}"


def remarks(comparison: Comparison) -> list[str]:
    """Sentences on what could not be read, what was not measured, and why figures do not compare."""
    lines = list(comparison.complaints)
    measured = [run for run in comparison.runs if run.measured]
    lines += [
        f"{run.path}: no figures yet: ganforge evaluate {shlex.quote(str(run.path))}"
        for run in comparison.runs
        if not run.measured
    ]
    shared = [p for p in comparison.protocols if all(p.id in run.measured for run in measured)]
    if len(measured) > 1 and not shared:
        lines.append("The runs share no protocol, so no figure compares all of them.")
        names = sorted({protocol.data for protocol in comparison.protocols})
        if len(names) == 1:
            lines.append("To make them comparable:")
            data = shlex.quote(names[0])
            lines += [f"  ganforge evaluate {shlex.quote(str(run.path))} --against {data}" for run in measured]
        else:
            lines.append(f"They were judged against different data ({', '.join(names)}): such figures never compare.")
    lines += unread(comparison)
    leaders = {protocol.id: _leader(comparison, protocol) for protocol in comparison.protocols}
    if len(set(leaders.values())) > 1:
        told = ", ".join(f"{id} by {name or 'no figure'}" for id, name in leaders.items())
        lines.append(f"What decides is not the same ({told}): no figure ranks one protocol's runs against another's.")
    if len(comparison.protocols) > 1:
        facts = [protocol.model_dump(exclude={"id"}) for protocol in comparison.protocols]
        names = [name for name in facts[0] if any(fact.get(name) != facts[0][name] for fact in facts)]
        lines.append(f"The protocols differ in: {', '.join(names)}.")
    return lines


def unread(comparison: Comparison) -> list[str]:
    """Why the figures that are shown as dashes cannot be read, a sentence for each run and reason."""
    return [
        f"{run.path}, protocol {protocol.id}: {note}"
        for protocol in comparison.protocols
        for run in comparison.runs
        if protocol.id in run.measured
        for note in notes_on({name: each.note for name, each in run.measured[protocol.id].shown.figures.items()})
    ]


def _leader(comparison: Comparison, protocol: StoredProtocol) -> str | None:
    return leading(run.measured[protocol.id] for run in comparison.runs if protocol.id in run.measured)


def _settings_table(runs: Sequence[Run], width: int) -> str:
    different = different_settings(runs)
    if not different:
        return "All settings are the same."
    columns = [Column(name, [as_text(value) for value in values]) for name, values in different.items()]
    return table("Settings that differ", [str(run.path) for run in runs], columns, width)


def as_text(value: Any) -> str:
    """A setting's value as one types it on the command line."""
    if isinstance(value, list):
        return ",".join(map(as_text, value))
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)
