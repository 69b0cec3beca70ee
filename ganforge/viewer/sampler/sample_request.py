"""What the page asks the sample worker for, and what it gets."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Way = Literal["seeds", "walk", "near"]


@dataclass(frozen=True)
class SampleRequest:
    """What to render.

    source: a run folder (its newest snapshot, or its ``best``), or a snapshot file.
    seeds: as people type them.
    way, frames, loop, count, spread, classes, truncation: as in ``sampling.selection.Selection``.
    row: only that item of them all.
    form: `items`, a PNG of each, pixel for pixel, of points one of all (in a walk: each); `grid`, one PNG as `ganforge
    sample` writes it; `webp` or `gif`, an animation of all; `nearest`, a PNG of each of the training pictures that are
    nearest to the first item.
    data: a place, besides those of this machine, where the training pictures may be; it comes from who started the
    page, never from a run.
    """

    source: Path
    seeds: str
    best: bool = False
    way: Way = "seeds"
    frames: int = 30
    loop: bool = False
    count: int = 64
    spread: float = 0.3
    classes: tuple[int, ...] | None = None
    truncation: float = 1.0
    row: int | None = None
    form: Literal["items", "grid", "webp", "gif", "nearest"] = "items"
    data: str | None = None


@dataclass(frozen=True)
class ModelSummary:
    """nimg, shape of an item, noise's kind, num_classes (0 where it is told none), and their names, if any."""

    nimg: int
    shape: tuple[int, ...]
    noise: str
    num_classes: int
    class_names: tuple[str, ...] = ()

    @property
    def is_points(self) -> bool:
        return len(self.shape) == 1


@dataclass(frozen=True)
class RenderedSamples:
    """files: the pictures' bytes. captions: what each shows, for people. seeds: the numbers that the request's text
    meant. labels: the class of each item, or empty. note: on what they are of, for people."""

    model: ModelSummary
    files: list[bytes]
    captions: list[str]
    seeds: list[int]
    labels: list[int]
    note: str = ""
