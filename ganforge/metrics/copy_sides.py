"""Both sides of the figures of copying: judged pictures beside the training pictures, in pixels or in features."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ganforge.metrics.catalog import Needs
from ganforge.metrics.figure import Figures
from ganforge.metrics.nearest import Neighbours, Sketch, nearest
from ganforge.metrics.vectors import distinct_pictures, distinct_rows


@dataclass(frozen=True)
class Space:
    """Where distances are taken.

    name: "pixels", or an extractor's. embed: pictures uint8 [N, C, H, W] -> [N, D]. train: [M, D], all training
    pictures. sketch: of those, to search them by. held_out: float64 [H], the distance of each held-out picture to its
    nearest training picture. near: two fakes nearer than this count as near duplicates: half the median distance of
    held-out pictures to their nearest others. floors: the figures of the held-out pictures.
    """

    name: str
    embed: Callable[[Tensor], Tensor]
    train: Tensor
    sketch: Sketch | None
    held_out: Tensor
    near: float
    floors: Figures = field(default_factory=dict)


@dataclass(frozen=True)
class CopySides:
    """The judged pictures, [N, D] in a space. are_held_out: are they the held-out pictures themselves, for the
    floors?"""

    space: Space
    vectors: Tensor
    are_held_out: bool = False

    @property
    def features(self) -> str:
        return self.space.name

    @property
    def offers(self) -> frozenset[Needs]:
        return frozenset({"held-out pictures", "pixels"} if self.space.name == "pixels" else {"held-out pictures"})

    @property
    def fault(self) -> str:
        return ""

    @cached_property
    def neighbours(self) -> Neighbours:
        """Of each judged picture, the nearest training picture."""
        return nearest(self.vectors, self.space.train, sketch=self.space.sketch)

    @cached_property
    def distinct(self) -> int:
        """How many of the judged pictures differ from each other."""
        exact = self.vectors.dtype == torch.uint8
        return distinct_pictures(self.vectors) if exact else distinct_rows(self.vectors)

    @cached_property
    def distances(self) -> tuple[Tensor, Tensor]:
        """float64 [N], float64 [H]: to the nearest training pictures, of the judged and of the held-out ones. Where
        these are the same, of their halves."""
        if not self.are_held_out:
            return self.neighbours.distances, self.space.held_out
        half = len(self.space.held_out) // 2
        return self.space.held_out[:half], self.space.held_out[half:]
