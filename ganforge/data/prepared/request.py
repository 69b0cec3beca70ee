"""What is asked of the pictures, what decoding brings to light about them, and the shape that follows from both."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import NoneType
from typing import Any, get_args

from ganforge.base.errors import UserError
from ganforge.base.given import shown, whole_given
from ganforge.base.sizes import parse_size, size_given
from ganforge.base.wording import as_typed, suggestion
from ganforge.data.prepared.fit import SIDES, Target, infer_size
from ganforge.data.prepared.prepared_files import FORMAT
from ganforge.data.prepared.splits import SPLITS
from ganforge.data.settings import PREPARED_BY, PreparationSettings
from ganforge.data.sources.depth import Span, parse_range
from ganforge.data.sources.left_out import Tally
from ganforge.data.sources.paged import MODES


@dataclass(frozen=True)
class Request:
    """What is asked for; None: it follows from the pictures. size: (height, width). hold_out: set some of a train split
    aside, where the source has no test split. pages: "first" or "all"; None: the first ones, unless that would leave
    most out. range: (low, high), what becomes black and white, or "auto"."""

    split: str = "train"
    size: tuple[int, int] | None = None
    channels: int | None = None
    fit: str = "crop"
    background: str = "white"
    hold_out: bool = False
    pages: str | None = None
    range: Span | str | None = None

    def key(self, fingerprint: str) -> str:
        text = json.dumps([FORMAT, fingerprint, asdict(self)])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def alike(self) -> list["Request"]:
        """Other requests that may have come to the same pictures, since what one asks for follows from them in the
        other: their size and channels, or the channels alone."""
        sizes, channels = dict.fromkeys((self.size, None)), dict.fromkeys((self.channels, None, 1, 3))
        found = [replace(self, size=size, channels=count) for size in sizes for count in channels]
        return [request for request in found if request != self]

    def fits(self, facts: Mapping[str, Any]) -> bool:
        """Have those come to the same, by the facts of what they made?"""
        _, channels, height, width = facts["shape"]
        wanted = self.channels or (3 if facts["coloured"] else 1)
        return self.size in (None, (height, width)) and channels == wanted


@dataclass
class Findings:
    """What decoding brought to light. kept: rows of the file that hold a picture. broken: [name, reason]. span: what
    became black and white, if that was not left to the files; span_from: where it comes from, for people."""

    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    transparent: int = 0
    coloured: int = 0
    kept: list[int] = field(default_factory=list)
    broken: list[list[str]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    span: Span | None = None
    span_from: str = ""


def settle(request: Request, found: Findings) -> Target:
    """The shape that follows from what was asked for and what was found."""
    height, width = request.size or (infer_size(found.sizes)[0] if found.sizes else (SIDES[0], SIDES[0]))
    channels = request.channels or (3 if found.coloured else 1)
    return Target(channels, height, width, request.fit, request.background)


def preparation_given(values: Mapping[str, Any]) -> PreparationSettings:
    """Settings by their names, from Python: a size may also be 64 or (64, 96), and a range (low, high). Raises
    UserError for what cannot be."""
    given = dict(values)
    for name, value in values.items():
        if name not in PREPARED_BY:
            text = f"There is no setting {as_typed(name)!r} of pictures{suggestion(name, PREPARED_BY)}"
            raise UserError(text if text.endswith("?") else f"{text}.")
        known = _choices(PreparationSettings.model_fields[name].annotation)
        if name != "range" and any(known):
            _refuse_unknown(name, value, known)
    for name in ("channels", "max_broken"):
        given[name] = None if given.get(name) is None else whole_given(given[name], name)
    if given["channels"] not in (None, *MODES):
        raise UserError(f"channels cannot be {given['channels']}: give 1 (grey), 3 (colour) or 4 (with transparency).")
    if not 0 <= (given["max_broken"] or 0) < 2**63:
        raise UserError(f"max_broken is {given['max_broken']}; give 0 or more, below 2^63.")
    if given.get("size") is not None:
        given["size"] = size_given(given["size"])
        parse_size(given["size"])
    if isinstance(span := given.get("range"), tuple):
        given["range"] = ",".join(map(str, span))
    parse_range(given.get("range"))
    return PreparationSettings(**given)


def make_request(split: str, settings: PreparationSettings) -> Request:
    """What is asked of a split's pictures. Raises UserError for another split, and for a range that cannot be."""
    _refuse_unknown("split", split, (*SPLITS, "held-out"))
    size = None if settings.size is None else parse_size(settings.size)
    return Request(
        split, size, settings.channels, settings.fit, settings.background,
        settings.hold_out == "auto" and split == "train", settings.pages, parse_range(settings.range),
    )  # fmt: skip


def _refuse_unknown(name: str, value: object, known: Sequence[str | None]) -> None:
    if (value is not None and not isinstance(value, str)) or value not in known:
        raise UserError(f"{name} cannot be {shown(value)}: give {' or '.join(filter(None, known))}.")


def _choices(annotation: Any) -> list[str | None]:
    """The words that a setting of this type may be, and None where it may be that, too."""
    found: list[str | None] = []
    for one in get_args(annotation):
        found += [one] if isinstance(one, str) else [None] if one is NoneType else _choices(one)
    return found
