"""The figures in a run folder: the records of metrics.jsonl and of the evaluation files, as far as they are whole."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ganforge.base.errors import UserError
from ganforge.base.files import read_plain, read_plain_json, reason
from ganforge.base.terminal import printable
from ganforge.metrics.catalog import FORMAT, Better
from ganforge.run.folder import RunFolder
from ganforge.run.json_lines import MAX_METRICS_BYTES, read_rows

MAX_RECORD_BYTES = 1 << 20
MAX_EVALUATIONS = 1_000
"""So many evaluations of a run are read."""
Name = Annotated[str, Field(max_length=4096), AfterValidator(printable)]
"""A name in one line, fit for a table."""
Whole = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[float, Field(ge=-1e30, le=1e30, allow_inf_nan=False)]
"""A figure: what is larger cannot be drawn."""
OLD = f"of an earlier format than {FORMAT}, and left out."
Scalar = str | int | float | bool | None


class StoredProtocol(BaseModel):
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


class StoredFigure(BaseModel):
    """A figure, and the same of fresh real items; None where it cannot be read, and note says why."""

    value: Number | None
    floor: Number | None = None
    spread: Number | None = None
    better: Better
    note: Name = ""

    def distance(self) -> float | None:
        """Smaller is better, in the figure's own unit; None where there is nothing to rank by."""
        if self.value is None or (self.better == "near floor" and self.floor is None):
            return None
        return {"lower": self.value, "higher": -self.value}.get(self.better, abs(self.value - (self.floor or 0)))


class StoredRecord(BaseModel):
    """The part of a record of figures that is compared (docs/metrics.md)."""

    format: Annotated[int, Field(strict=True, ge=FORMAT, le=FORMAT)]
    nimg: Whole
    protocol: StoredProtocol
    headline: Name | None
    figures: Annotated[dict[Name, StoredFigure], Field(max_length=1_000)]
    notes: list[str] = []
    nearest: Annotated[list[tuple[Name, Number]], Field(max_length=64)] = []

    def value(self, name: str | None) -> float | None:
        """A figure's value; None where it was not measured."""
        return self.figures[name].value if name in self.figures else None


def read_metrics(folder: RunFolder) -> tuple[list[StoredRecord], list[str]]:
    """The records that were made in training, those that were removed on resuming first, and a sentence if there is
    anything else in the files."""
    log, complaints = _read_log(folder.metrics)
    removed, more = _read_log(folder.removed)
    logged = {record.nimg for record in log}
    return [record for record in removed if record.nimg not in logged] + log, complaints + more


def _read_log(path: Path) -> tuple[list[StoredRecord], list[str]]:
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
    old = sum(_is_old(row) for row in rows)
    complaints = [f"{path}: {old} of {count} records are {OLD}"] if old else []
    if odd := count - len(records) - old:
        complaints.append(f"{path}: {odd} of {count} lines are no whole record, and left out.")
    return records, complaints


def read_evaluations(folder: RunFolder) -> tuple[list[StoredRecord], list[str]]:
    """The records that were made by evaluating, by rising nimg, and a sentence for each file that is no whole one."""
    try:
        files = folder.all_evaluations()
    except OSError as error:
        return [], [f"{reason(error)}; evaluations are left out."]
    read = {file: _read_file(file) for file in files[-MAX_EVALUATIONS:]}
    records = {file: _as_record(content) for file, content in read.items()}
    complaints = [
        f"{file} is {OLD}" if _is_old(read[file]) else f"{file} is no whole record, and left out."
        for file, record in records.items()
        if record is None
    ]
    if len(files) > len(read):
        complaints.append(
            f"{folder.path}: the first {len(files) - len(read):,} of {len(files):,} evaluations are left out."
        )
    return sorted((record for record in records.values() if record), key=lambda record: record.nimg), complaints


def _read_file(file: Path) -> object:
    try:
        return read_plain_json(file, MAX_RECORD_BYTES)
    except (OSError, ValueError):
        return None


def _as_record(content: object) -> StoredRecord | None:
    try:
        return StoredRecord.model_validate(content)
    except ValidationError:
        return None


def _is_old(content: object) -> bool:
    """Is it a record of an earlier format, whose figures have other names?"""
    number = content.get("format") if isinstance(content, dict) else None
    return type(number) is int and 0 < number < FORMAT
