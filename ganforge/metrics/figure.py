"""A measured figure, beside its floor; and how all figures that two sides offer are measured."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from ganforge.metrics.catalog import FIGURES, Better, Needs


@dataclass(frozen=True)
class Value:
    """What a figure's file gives. value: None where it cannot be read, and note says why. spread: a standard deviation,
    where there is one."""

    value: float | None
    spread: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A measured value. floor: the same figure of as many fresh real items. The rest as in ``Value`` and the record;
    note is "" where there is a value."""

    value: float | None
    better: Better
    spread: float | None = None
    floor: float | None = None
    note: str = ""


Figures = dict[str, Figure]
"""By name: what is measured, a slash, and with which features: `FD/classifier`."""


def as_json(figures: Figures) -> dict[str, Any]:
    return {name: asdict(figure) for name, figure in figures.items()}


def figures_from_json(content: dict[str, Any]) -> Figures:
    """What ``as_json`` gave. Raises TypeError or ValueError for anything else."""
    return {name: Figure(**figure) for name, figure in dict(content).items()}


class BothSides(Protocol):
    """What is judged and what it is compared with, ready for the figures that need what it offers."""

    @property
    def features(self) -> str:
        """What the figures are taken between: an extractor's name, or `pixels`."""

    @property
    def offers(self) -> frozenset[Needs]: ...

    @property
    def fault(self) -> str:
        """Why none of them can be read; "" where nothing is wrong with the items themselves."""


def compare(sides: BothSides) -> Figures:
    """All figures that can be measured of these sides, in the catalog's order, without their floors."""
    asked = [record for record in FIGURES.values() if record.needs in sides.offers]
    values: dict[str, Value] = {}
    if sides.fault:
        values = {record.name: Value(None, note=sides.fault) for record in asked}
    else:
        for module in {record.module: record.load() for record in asked}.values():
            values |= module.measure(sides)
    return {
        f"{record.name}/{sides.features}": Figure(
            (value := values[record.name]).value, record.better, value.spread, note=value.note
        )
        for record in asked
    }


def read_unless(why: str, value: Callable[[], float]) -> Value:
    """A value that is computed only where there is no reason (``why``) against it."""
    return Value(None, note=why) if why else Value(value())


def with_floors(figures: Figures, floors: Figures) -> Figures:
    """The same figures, each with its floor; without one it has no value either."""
    found = {}
    for name, figure in figures.items():
        floor = floors[name]
        if floor.value is None and figure.value is not None:
            figure = replace(figure, value=None, spread=None, note=f"its floor cannot be read: {floor.note}")
        found[name] = replace(figure, floor=floor.value)
    return found


def notes_on(why: Mapping[str, str]) -> list[str]:
    """A sentence for each reason why figures cannot be read: `No FD and KID (random): why.` why: by the figure's name;
    "" for those that can."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for full, note in why.items():
        name, _, features = full.partition("/")
        if note:
            reasons.setdefault((features, note), []).append(name)
    return [f"No {_listed(names)} ({features}): {note}." for (features, note), names in reasons.items()]


def _listed(names: list[str]) -> str:
    """FD, precision and recall"""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
