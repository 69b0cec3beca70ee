"""The figures in a run folder: the records of metrics.jsonl and of the evaluation files, as far as they are whole."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ganforge.base.errors import UserError
from ganforge.base.files import read_plain, read_plain_json, reason
from ganforge.base.terminal import printable
from ganforge.run.folder import RunFolder
from ganforge.run.json_lines import MAX_METRICS_BYTES, read_rows

MAX_RECORD_BYTES = 1 << 20
MAX_EVALUATIONS = 1_000
"""So many evaluations of a run are read."""
Name = Annotated[str, Field(max_length=4096), AfterValidator(printable)]
"""A name in one line, which may stand in a table."""
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[float, Field(ge=-1e30, le=1e30, allow_inf_nan=False)]
"""A figure: what is larger cannot be drawn."""
Scalar = str | int | float | bool | None


class Protocol(BaseModel):
    """What a record says of how it was measured; unknown keys are kept, for they may be what sets two apart."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Scalar | list[Scalar] | dict[str, Scalar]]

    id: Name
    data: Name
    split: Name
    num_fakes: Whole
    num_reals: Whole
    num_floor: Whole
    extractors: dict[Name, Name]


class Figure(BaseModel):
    """A figure, and the same of fresh real items; None where it cannot be read, and note says why."""

    value: Number | None
    floor: Number | None = None
    spread: Number | None = None
    better: Literal["lower", "higher", "near floor"]
    note: Name = ""

    def distance(self) -> float | None:
        """Smaller is better, in the figure's own unit; None where there is nothing to rank by."""
        if self.value is None or (self.better == "near floor" and self.floor is None):
            return None
        return {"lower": self.value, "higher": -self.value}.get(self.better, abs(self.value - (self.floor or 0)))


class Record(BaseModel):
    """The part of a record of figures that is compared (docs/metrics.md)."""

    format: Literal[1]
    nimg: Whole
    protocol: Protocol
    headline: Name | None
    figures: Annotated[dict[Name, Figure], Field(max_length=1_000)]
    notes: list[str] = []
    nearest: Annotated[list[tuple[Name, Number]], Field(max_length=64)] = []

    def value(self, name: str | None) -> float | None:
        """A figure's value; None where it was not measured."""
        return self.figures[name].value if name in self.figures else None


def read_metrics(folder: RunFolder) -> tuple[list[Record], list[str]]:
    """The records that were made in training, those that were taken back first, and a sentence if there is anything
    else in the files."""
    log, complaints = _read_log(folder.metrics)
    taken_back, more = _read_log(folder.superseded)
    logged = {record.nimg for record in log}
    return [record for record in taken_back if record.nimg not in logged] + log, complaints + more


def _read_log(path: Path) -> tuple[list[Record], list[str]]:
    try:
        count = len(read_plain(path, MAX_METRICS_BYTES).splitlines())
        rows = list(read_rows(path, MAX_METRICS_BYTES))
    except FileNotFoundError:
        return [], []
    except UserError as error:
        return [], [f"{str(error).removesuffix('.')}; its figures are left out."]
    except OSError as error:
        return [], [f"{reason(error)}; its figures are left out."]
    records = [record for row in rows if (record := _as_record(row)) is not None]
    if len(records) == count:
        return records, []
    return records, [f"{path}: {count - len(records)} of {count} lines are no whole record, and left out."]


def read_evaluations(folder: RunFolder) -> tuple[list[Record], list[str]]:
    """The records that were made by evaluating, by rising nimg, and a sentence for each file that is no whole one."""
    try:
        files = folder.all_evaluations()
    except OSError as error:
        return [], [f"{reason(error)}; evaluations are left out."]
    read = {file: _read_file(file) for file in files[-MAX_EVALUATIONS:]}
    complaints = [f"{file} is no whole record, and left out." for file, record in read.items() if record is None]
    if len(files) > len(read):
        complaints.append(
            f"{folder.path}: the first {len(files) - len(read):,} of {len(files):,} evaluations are left out."
        )
    return sorted((record for record in read.values() if record), key=lambda record: record.nimg), complaints


def _read_file(file: Path) -> Record | None:
    try:
        return _as_record(read_plain_json(file, MAX_RECORD_BYTES))
    except (OSError, ValueError):
        return None


def _as_record(content: object) -> Record | None:
    try:
        return Record.model_validate(content)
    except ValidationError:
        return None
