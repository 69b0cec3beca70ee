"""What facts.json tells of prepared pictures; it may be damaged, or not be what it seems."""

import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ganforge.base.files import open_plain, read_plain
from ganforge.base.terminal import printable
from ganforge.data.prepared.prepared_files import FACTS, FORMAT, LABELS, PICTURES
from ganforge.data.sources.budget import read_json

MAX_BYTES = 64 << 20
MAX_MARKS = 1_000_000
"""Commas, colons and brackets in it: 100,000 classes and 20,000 names have a third of that."""

Text = Annotated[str, AfterValidator(printable)]
Count = Annotated[int, Field(ge=0, le=2**40)]
Level = Annotated[int, Field(ge=0, le=255)]
Side = Annotated[int, Field(ge=1, le=2**40)]
Named = Annotated[list[Text], Field(min_length=2, max_length=2)]


Number = Annotated[float, Field(allow_inf_nan=False)]
Span = Annotated[list[Number], Field(min_length=2, max_length=2)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class _Request(_Strict):
    split: Text = "train"
    size: Annotated[list[Side], Field(min_length=2, max_length=2)] | None = None
    channels: Side | None = None
    fit: Text = "crop"
    background: Text = "white"
    hold_out: bool = False
    pages: Text | None = None
    range: Text | Span | None = None


class _Seen(_Strict):
    duplicates: Count = 0
    constant: Count = 0
    near_constant: Count = 0
    minimum: Level = 0
    maximum: Level = 255
    frame: Annotated[list[Level], Field(min_length=3, max_length=3)] | None = None
    framed: Count = 0


class PreparedFacts(_Strict):
    format: int
    shape: Annotated[list[Side], Field(min_length=4, max_length=4)]
    classes: list[Text]
    class_counts: list[Count] = []
    labels_from: Text = ""
    labels_digest: Text = ""
    empty_classes: list[Text] = []
    source: Text = ""
    kind: Text = ""
    request: _Request = _Request()
    size_because: Text = ""
    num_sizes: Count = 1
    of_commonest_size: Count = 0
    enlarged: Count = 0
    seen: _Seen = _Seen()
    transparent: Count = 0
    coloured: Count = 0
    parts: dict[Text, Count] = {}
    part: Text = ""
    no_labels: Text = ""
    names_digest: Text = ""
    broken: list[Named] = []
    skipped: list[Named] = []
    left: list[Text] = []
    range: Span | None = None
    digest: Text = ""
    held_out: Count = 0
    learned_digest: Text = ""
    summary: Text = ""
    seconds: float = 0.0


def read_facts(folder: Path) -> dict[str, Any] | None:
    """The facts of what is prepared in ``folder``; None where it is absent, of another format, or not whole."""
    try:
        facts = PreparedFacts.model_validate(read_json(read_plain(folder / FACTS, MAX_BYTES), MAX_MARKS))
        with open_plain(folder / PICTURES) as pictures:
            size = pictures.seek(0, 2)
        if facts.classes:
            open_plain(folder / LABELS).close()
    except (OSError, ValueError):  # pydantic's errors are ValueErrors
        return None
    is_whole = facts.format == FORMAT and size == math.prod(facts.shape) and facts.held_out < facts.shape[0]
    return facts.model_dump() if is_whole else None
