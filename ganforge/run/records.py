"""The figures in a run folder: the records of metrics.jsonl and of the evaluation files, as far as they are whole."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from ganforge.base.files import reason
from ganforge.run.folder import RunFolder


class Protocol(BaseModel):
    """What a record says of how it was measured; unknown keys are kept, for they may be what sets two apart."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    data: str
    split: str
    num_fakes: int
    num_reals: int
    num_floor: int
    extractors: dict[str, str]


class Figure(BaseModel):
    """A figure, and the same of fresh real items; None where it was not to be had."""

    value: FiniteFloat | None
    floor: FiniteFloat | None = None
    spread: FiniteFloat | None = None
    better: Literal["lower", "higher", "near floor"]

    def distance(self) -> float | None:
        """Smaller is better, in the figure's own unit; None where there is nothing to rank by."""
        if self.value is None or (self.better == "near floor" and self.floor is None):
            return None
        return {"lower": self.value, "higher": -self.value}.get(self.better, abs(self.value - (self.floor or 0)))


class Record(BaseModel):
    """The part of a record of figures that is compared (docs/metrics.md)."""

    format: Literal[1]
    nimg: Annotated[int, Field(ge=0, lt=2**63)]
    protocol: Protocol
    headline: str | None
    figures: dict[str, Figure]
    notes: list[str] = []

    def value(self, name: str | None) -> float | None:
        """A figure's value; None where it was not measured."""
        return self.figures[name].value if name in self.figures else None


def read_metrics(folder: RunFolder) -> tuple[list[Record], list[str]]:
    """The records that were made in training, in their order, and a sentence if there is anything else in the file."""
    if not folder.metrics.exists():
        return [], []
    try:
        count = len(folder.metrics.read_bytes().splitlines())
        rows = list(folder.metrics_rows())
    except OSError as error:
        return [], [f"{reason(error)}; its figures are left out."]
    records = [record for row in rows if (record := _as_record(row)) is not None]
    if len(records) == count:
        return records, []
    return records, [f"{folder.metrics}: {count - len(records)} of {count} lines are no whole record, and left out."]


def read_evaluations(folder: RunFolder) -> tuple[list[Record], list[str]]:
    """The records that were made by evaluating, by rising nimg, and a sentence for each file that is no whole one."""
    read = {file: _read_file(file) for file in folder.all_evaluations()}
    complaints = [f"{file} is no whole record, and left out." for file, record in read.items() if record is None]
    return sorted((record for record in read.values() if record), key=lambda record: record.nimg), complaints


def _read_file(file: Path) -> Record | None:
    try:
        return _as_record(json.loads(file.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def _as_record(content: object) -> Record | None:
    try:
        return Record.model_validate(content)
    except ValidationError:
        return None
