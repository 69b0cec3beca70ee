"""Runs beside each other: their figures, which are compared within one protocol only, and the settings that differ."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.base.charts import Chart, is_steep
from ganforge.base.errors import UserError
from ganforge.metrics.trend import best_of, is_gain
from ganforge.run.folder import RunFolder
from ganforge.run.stored_records import StoredProtocol, StoredRecord, read_evaluations, read_metrics

NO_GAIN = ", no gain"
"""No measurement is really better than the first."""
EVALUATED = "evaluated"
ONCE = "only one"
ABSENT = "-"
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


def different_settings(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The settings in which the runs differ: name -> one value a run, ``ABSENT`` where a run has no such setting."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    values = {name: [run.settings.get(name, ABSENT) for run in runs] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


def headline_of(records: Iterable[StoredRecord]) -> str | None:
    """The figure that leads in records of one protocol: the newest one that any of them names."""
    return next((record.headline for record in reversed(list(records)) if record.headline is not None), None)


def leading(measured: Iterable[Measured]) -> str | None:
    """The headline figure of one protocol, whichever of the runs has it; None where none does."""
    return next((name for one in measured if (name := headline_of(one.records)) is not None), None)


def headline_chart(comparison: Comparison, protocol: StoredProtocol, names: Sequence[str]) -> Chart | None:
    """The headline figure of the runs by one protocol over nimg, and its floor; None where no run has one.

    names: of the runs, which have a curve each.
    """
    runs = {name: run for name, run in zip(names, comparison.runs, strict=True) if protocol.id in run.measured}
    measured = {name: run.measured[protocol.id] for name, run in runs.items()}
    headline = leading(measured.values())
    series, floor = {}, None
    for name, one in measured.items():
        if points := [(record.nimg, value) for record in one.records if (value := record.value(headline)) is not None]:
            series[name] = points
        found = [record.figures[headline].floor for record in one.records if headline in record.figures]
        floor = next((value for value in [floor, *found] if value is not None), None)
    if not series:
        return None
    floors = {} if floor is None else {"floor: fresh reals": floor}
    values = [value for points in series.values() for _, value in points] + list(floors.values())
    return Chart(f"{headline}, protocol {protocol.id}", series, floors=floors, log=is_steep(values))


def sides_of(protocol: StoredProtocol) -> str:
    """What was judged against what, in words."""
    real = f"{protocol.num_reals:,} of {protocol.data} ({protocol.split} split)"
    return f"{protocol.num_fakes:,} generated items against {real}"


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
