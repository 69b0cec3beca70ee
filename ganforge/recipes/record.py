"""What a recipe tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A row of the table.

    name: as people type it. summary: one sentence. source: paper, equation or table, and in what the settings differ.
    expect: what a reader will see. measured: figures, with their number of pictures, hardware and seeds. cost: pictures
    and time. settings: all that differ from ``ganforge.config.Config``'s defaults, by name; ``burn_in_share`` stands
    for ``burn_in_nimg`` as a share of the run's length. papers: where these are not the paper's own, what to change of
    them for that, by the data it trained on. papers_differ: in what that is still not the paper's.
    """

    name: str
    summary: str
    source: str
    expect: str
    measured: str
    cost: str
    settings: Mapping[str, Any]
    papers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    papers_differ: str = ""
