"""What picture files hold beside what is taken of them: of one file, and of all of a set, in sentences."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import brief
from ganforge.data.sources.depth import Span, brief_number, span_text

FEW_LEVELS = 0.25
"""A 16-bit picture whose highest value is below this share of 65,535 keeps fewer than 64 of the 256 grey levels."""
DEEPEST = 65535
CHOICE = "; --range auto, or --range LOW,HIGH, takes others"
MOST_BEYOND = 0.99
"""A window into medical pictures may clip most numbers, as it is meant to; no range that is meant clips more."""


@dataclass(frozen=True)
class LeftOut:
    """Of one picture. pages: of its file, that are not taken. second: does its JPEG file hold another picture, such as
    a preview or a map of depth? bands, of: so many of so many numbers in a pixel are not taken. deep: what its numbers
    are, where they are not 8 bits each, and low and high: the least and greatest that occur; by_range: was a range
    used? Then beyond: how many of its ``values`` numbers are clipped, and nan: how many are none. larger: (width,
    height) that it has in its file, where it was made smaller while it was decoded."""

    pages: int = 0
    second: bool = False
    bands: int = 0
    of: int = 0
    deep: str = ""
    low: float = 0.0
    high: float = 0.0
    by_range: bool = False
    values: int = 0
    beyond: int = 0
    nan: int = 0
    larger: tuple[int, int] | None = None

    def told(self) -> dict[str, Any] | None:
        """For JSON: what is not usual; None where all is."""
        known = {one.name: one.default for one in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != known[name]} or None


@dataclass
class Some:
    """So many pictures, so many things of them, and one for an example."""

    pictures: int = 0
    things: int = 0
    example: str = ""

    def note(self, name: str, things: int, more: str = "") -> None:
        self.pictures, self.things = self.pictures + 1, self.things + things
        self.example = self.example or brief(name) + more


@dataclass
class Tally:
    """Of a whole set. pictures: all that are taken."""

    pictures: int = 0
    pages: Some = field(default_factory=Some)
    second: Some = field(default_factory=Some)
    bands: Some = field(default_factory=Some)
    larger: Some = field(default_factory=Some)
    nan: Some = field(default_factory=Some)
    deep: dict[str, Some] = field(default_factory=dict)
    low: float = float("inf")
    high: float = float("-inf")
    values: int = 0
    beyond: int = 0

    def note(self, name: str, told: Mapping[str, Any] | None) -> None:
        """One more picture that is taken. told: as ``LeftOut.told`` gives it."""
        self.pictures += 1
        if told is None:
            return
        rest = LeftOut(**told)
        if rest.pages:
            self.pages.note(name, rest.pages, f", which holds {rest.pages + 1:,}")
        if rest.second:
            self.second.note(name, 1)
        if rest.bands:
            self.bands.note(name, rest.bands, f" ({rest.of - rest.bands} of {rest.of} are taken)")
        if rest.larger is not None:
            self.larger.note(name, 1, " ({:,} x {:,})".format(*rest.larger))
        if rest.nan:
            self.nan.note(name, rest.nan)
        if rest.deep:
            self.deep.setdefault(rest.deep, Some()).note(name, 1)
            self.low, self.high = min(self.low, rest.low), max(self.high, rest.high)
        self.values, self.beyond = self.values + rest.values, self.beyond + rest.beyond

    @property
    def num_deep(self) -> int:
        return sum(one.pictures for one in self.deep.values())

    def lines(self, span: Span | None, span_from: str = "") -> list[str]:
        """What is to be said, a sentence each. span: the range that was used; span_from: where it comes from."""
        found = []
        if self.pages.pictures:
            found.append(
                f"Left out: {_many(self.pages.things, 'page or frame')} of {_files(self.pages)}, of which the first is "
                f"taken, such as {self.pages.example}; --pages all takes every one as a picture"
            )
        if self.second.pictures:
            found.append(
                f"Left out: a second picture (a preview, a view, a map of depth or light) in {_files(self.second)}, "
                f"such as {self.second.example}"
            )
        if self.bands.pictures:
            found.append(
                f"Left out: {_many(self.bands.things, 'band')} of {_pictures(self.bands)}, such as {self.bands.example}"
                "; save those that you want as pictures of their own"
            )
        if self.larger.pictures:
            found.append(
                f"Made smaller while they are decoded, since they have more pixels than are held at a time: "
                f"{_pictures(self.larger)}, such as {self.larger.example}"
            )
        return found + self._range(span, span_from)

    def _range(self, span: Span | None, span_from: str) -> list[str]:
        kinds = ", ".join(f"{one.pictures:,} hold {kind}" for kind, one in sorted(self.deep.items()))
        values = f"{brief_number(self.low)} to {brief_number(self.high)}" if self.deep else ""
        if span is None:
            black = f"0 becomes black and 65,535 white{CHOICE}"
            return [f"Of {self.pictures:,} pictures {kinds} ({values}): {black}"] if self.deep else []
        where = f", {span_from}" if span_from else ""
        low, high = map(brief_number, span)
        lines = [f"Range: {low} becomes black and {high} white{where}; {self._share()} of the values lie beyond"]
        if self.deep:
            lines.append(f"Of {self.pictures:,} pictures {kinds} ({values}); all are taken by that range")
        if self.nan.pictures:
            lines.append(
                f"Taken as black: {_many(self.nan.things, 'value')} that {'is' if self.nan.things == 1 else 'are'} no "
                f"number (NaN) in {_pictures(self.nan)}, such as {self.nan.example}"
            )
        return lines

    def _share(self) -> str:
        share = 100 * self.beyond / max(1, self.values)
        return "none" if not self.beyond else "less than 0.01 %" if share < 0.01 else f"{share:.3g} %"

    def refusals(self, pages: str | None, span: Span | None) -> list[str]:
        """Why this set is not learned from as it is, a sentence each, with what to do. pages: as it was asked for."""
        found = []
        if pages is None and self.pages.things > self.pictures:
            found.append(
                f"{self.pages.things:,} of {self.pages.things + self.pictures:,} pages or frames would be left out, "
                f"since the first one of a file is taken, such as of {self.pages.example}; take all of them with "
                "--pages all, or only the first ones with --pages first."
            )
        if span is None and 2 * self.num_deep > self.pictures and self.high < FEW_LEVELS * DEEPEST:
            levels, top = int(self.high * 255 / DEEPEST + 0.5) + 1, 2 ** max(1, int(self.high).bit_length()) - 1
            found.append(
                f"the pictures have 16 bits a channel, and no value above {self.high:,.0f}, so that {levels} of the "
                f"256 grey levels would be left; --range auto, or --range {span_text((0, top))}, spreads them over all "
                f"levels, and --range {span_text((0, DEEPEST))} leaves them so."
            )
        if span is not None and self.beyond > MOST_BEYOND * self.values:
            held = f" (they are {brief_number(self.low)} to {brief_number(self.high)})" if self.deep else ""
            found.append(
                f"{self._share()} of the numbers lie beyond the range {span_text(span)}{held}, so that hardly anything "
                "would be left of the pictures; --range auto measures one."
            )
        return found

    def refuse(self, name: str, pages: str | None, span: Span | None) -> None:
        """Raises UserError where ``refusals`` finds any."""
        if found := self.refusals(pages, span):
            raise UserError(f"{name}: {' Also, '.join(found)}")


def _many(count: int, what: str) -> str:
    """1 page or frame; 20 pages or frames."""
    return f"1 {what}" if count == 1 else f"{count:,} {what.replace(' or ', 's or ')}s"


def _files(some: Some) -> str:
    return _many(some.pictures, "file")


def _pictures(some: Some) -> str:
    return _many(some.pictures, "picture")
