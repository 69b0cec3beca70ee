"""What is asked of the pictures, what decoding brings to light about them, and the shape that follows from both."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.given import shown, whole_given
from ganforge.base.sizes import parse_size
from ganforge.data.prepared.fit import COLOURS, FITS, MODES, SIDES, Target, infer_size
from ganforge.data.prepared.prepared_files import FORMAT
from ganforge.data.prepared.splits import SPLITS
from ganforge.data.sources.depth import Span, parse_range
from ganforge.data.sources.left_out import Tally

PAGES = ("first", "all")
"""Of a file with several pages or frames, which ones are taken."""


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


def make_request(
    split: str, size: str | None, channels: int | None, fit: str, background: str, hold_out: str = "none",
    pages: str | None = None, range: Span | str | None = None,
) -> Request:  # fmt: skip
    """Settings as people type them. Raises UserError for what cannot be."""
    channels = None if channels is None else whole_given(channels, "channels")
    if channels not in (None, *MODES):
        raise UserError(f"channels cannot be {channels}: give 1 (grey), 3 (colour) or 4 (with transparency).")
    for name, value, known in (
        ("split", split, (*SPLITS, "held-out")),
        ("fit", fit, FITS),
        ("background", background, COLOURS),
        ("hold_out", hold_out, ("auto", "none")),
        ("pages", pages, (None, *PAGES)),
    ):
        if (value is not None and not isinstance(value, str)) or value not in known:
            raise UserError(f"{name} cannot be {shown(value)}: give {' or '.join(filter(None, known))}.")
    side = None if size is None else parse_size(size)
    span = parse_range(",".join(map(str, range)) if isinstance(range, tuple) else range)
    return Request(split, side, channels, fit, background, hold_out == "auto" and split == "train", pages, span)
