"""What was mended in a run as it went: by which settings it learned from then on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ganforge.base.wording import as_typed

BACK = "back to the best checkpoint"
MOST_MENDS = 3
"""In a run, over all that it goes on; and each trouble once."""


@dataclass(frozen=True)
class Mend:
    """nimg: of the row after which it was made. finding: the trouble's name. change: (before, after) by setting.
    back_to: nimg of the checkpoint whose weights the run went on with; None where it kept its own."""

    nimg: int
    finding: str
    change: Mapping[str, tuple[Any, Any]]
    back_to: int | None = None

    @property
    def after(self) -> dict[str, Any]:
        """The settings that it changed, with their new values."""
        return {name: after for name, (_, after) in self.change.items()}

    @property
    def what(self) -> str:
        """back to the best checkpoint, of 32,000 images, r1_gamma 0.0 -> 0.784"""
        back = [] if self.back_to is None else [f"{BACK}, of {self.back_to:,} images"]
        told = {name: ["unset" if one is None else as_typed(one) for one in two] for name, two in self.change.items()}
        return ", ".join([*back, *(f"{as_typed(name)} {before} -> {after}" for name, (before, after) in told.items())])

    @property
    def text(self) -> str:
        """From 64,000 images on, since mode-collapse was found: r1_gamma 0.0 -> 0.784"""
        return f"From {self.nimg:,} images on, since {as_typed(self.finding)} was found: {self.what}"


def mends_in(events: Iterable[Mapping[str, Any]], settings: Mapping[str, Any]) -> list[Mend]:
    """Those among the lines of findings.jsonl, or of a snapshot's facts, oldest first. settings: that the run began
    with."""
    found: list[Mend] = []
    for event in events:
        nimg, change = event.get("nimg"), event.get("change")
        if event.get("state") == "mended" and type(nimg) is int and isinstance(change, dict):
            now = with_mends(settings, found)
            pairs = {str(name): (now.get(name), value) for name, value in change.items()}
            back_to = event.get("back_to")
            there = type(back_to) is int and 0 <= back_to < nimg
            found.append(Mend(nimg, str(event.get("finding")), pairs, back_to if there else None))
    return found


def with_mends(settings: Mapping[str, Any], mends: Iterable[Mend]) -> dict[str, Any]:
    """The settings that a run has after them."""
    now = dict(settings)
    for mend in mends:
        now |= mend.after
    return now
