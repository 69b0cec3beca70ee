"""What a step is given beside the networks: the items that it looks at, and what is to be learned from them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import NamedTuple

from torch import Tensor

from ganforge.objectives.losses import LossPair
from ganforge.objectives.penalties import WeighedPenalty


@dataclass(frozen=True)
class Batch:
    """What one update of one network looks at.

    reals: float [N, *shape] in [-1, 1]. z: [N, z_dim]. labels: int64 [N], of the reals and of the fakes, or None.
    draws: uniform numbers in [0, 1), a row for each item, by what they are for: "reals", "fakes" and "G" for the
    augmentation of each; and what penalties need.
    penalty_scale: what the penalties that may be lazy are multiplied by in this update; 0: they are not computed.
    """

    reals: Tensor
    z: Tensor
    labels: Tensor | None = None
    draws: Mapping[str, Tensor] = field(default_factory=dict)
    penalty_scale: float = 1.0

    def split(self, parts: int) -> Iterator["Batch"]:
        """Equal parts, for the accumulation of gradients; one part is the batch itself."""
        if parts == 1:
            yield self
            return
        size = len(self.reals) // parts
        for first in range(0, size * parts, size):
            yield self.each(itemgetter(slice(first, first + size)))

    def each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """With every tensor changed."""
        labels = None if self.labels is None else change(self.labels)
        draws = {name: change(numbers) for name, numbers in self.draws.items()}
        return replace(self, reals=change(self.reals), z=change(self.z), labels=labels, draws=draws)

    def tensors(self) -> list[Tensor]:
        """All of them, in an order of their own."""
        labels = [] if self.labels is None else [self.labels]
        return [self.reals, self.z, *labels, *(self.draws[name] for name in sorted(self.draws))]


@dataclass(frozen=True)
class StepOptions:
    """What D and G learn from in a step, and how.

    penalties: added to D's loss. clip: D's weights are kept within +-clip.
    augment: (images, draws) -> images, for all that D judges; penalties that show D items of their own, as they are.
    shared_noise: G learns from the fakes that D's last update was about.
    accumulate: gradients are summed over so many parts of a batch, which then need not fit into memory together.
    one_pass: D judges reals and fakes in one batch, in its own update: the same numbers up to rounding, if it judges
    each item by itself.
    """

    losses: LossPair
    penalties: Sequence[WeighedPenalty] = ()
    clip: float | None = None
    augment: Callable[[Tensor, Tensor], Tensor] | None = None
    shared_noise: bool = True
    accumulate: int = 1
    one_pass: bool = False

    def augmented(self, images: Tensor, batch: Batch, purpose: str) -> Tensor:
        """What D gets to see of the images; purpose: of the batch's draws."""
        return images if self.augment is None else self.augment(images, batch.draws[purpose])

    def penalties_of(self, batch: Batch) -> list[WeighedPenalty]:
        """Those that D pays in the update of this batch, at their weights in it."""
        scale = batch.penalty_scale
        paid = [p for p in self.penalties if isinstance(p.weight, Tensor) or p.weight]
        paid = [p for p in paid if scale or not p.record.may_be_lazy]
        return [replace(p, weight=p.weight * scale) if p.record.may_be_lazy else p for p in paid]


class Following(NamedTuple):
    """What follows from an update, and how fast.

    boundary: of D's decision, as ``sign_mean`` takes it. images: that D saw in the step. new_share: of G's new weights
    in their average.
    """

    boundary: float | None
    images: float | Tensor
    new_share: float | Tensor
