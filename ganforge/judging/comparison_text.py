"""Runs beside each other as text: a table for each protocol, what it means, and the settings that differ."""

import shlex
from collections.abc import Sequence
from typing import Any

from ganforge.base.tables import Column, table
from ganforge.base.terminal import printable
from ganforge.judging.comparison import ABSENT, Comparison, Run, different_settings, leading, sides_of
from ganforge.metrics.catalog import in_order
from ganforge.metrics.figure import notes_on
from ganforge.run.stored_records import StoredFigure, StoredProtocol

BEST = "*"


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


def _figures_table(runs: Sequence[Run], protocol: StoredProtocol, width: int) -> str:
    """A row a run, and one for the floor; a column a figure."""
    names = [*(str(run.path) for run in runs), "floor"]
    return table(f"Protocol {protocol.id}", names, figure_columns(runs, protocol), width)


def figure_columns(runs: Sequence[Run], protocol: StoredProtocol) -> list[Column]:
    """nimg, the reason for that one, and the figures by one protocol: in each a cell a run, then one for the floor.

    A figure's header has three lines: what is measured, with which features, what is better. ``BEST`` follows the best
    value of a column, ``ABSENT`` where there is none.
    """
    measured = [run.measured.get(protocol.id) for run in runs]
    records = [m.shown if m else None for m in measured]
    figures = {name: figure for record in records if record for name, figure in record.figures.items()}
    columns = [
        Column("nimg", [f"{r.nimg:,}" if r else ABSENT for r in records] + [""]),
        Column("chosen", [m.how if m else "not measured" for m in measured] + [""]),
    ]
    for name in in_order(figures, [*protocol.extractors, "pixels"]):
        figure = figures[name]
        what, _, features = name.partition("/")
        found = [record.figures.get(name) if record else None for record in records]
        floor = next((f.floor for f in found if f and f.floor is not None), None)
        cells = [*_marked(found), ABSENT if floor is None else f"{floor:.4g} "]
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
        return ABSENT
    return f"{figure.value:.4g}" + ("" if figure.spread is None else f" ± {figure.spread:.2g}")


def _meaning(protocol: StoredProtocol) -> str:
    features = ", ".join(f"{name} ({hash})" for name, hash in protocol.extractors.items())
    floor = f"{protocol.num_floor:,} other real items"
    return f"Protocol {protocol.id}: {sides_of(protocol)};\n  floor: {floor}; features: {features}."


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
