"""Both sides of a comparison, as one extractor sees them: what is gathered of the judged items, and the reference."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.data.dataset import Mixture
from ganforge.metrics.catalog import EXTRACTORS, Needs
from ganforge.metrics.features import Extractor
from ganforge.metrics.moments import Moments, MomentSums
from ganforge.metrics.protocol import MAX_KEPT, Protocol
from ganforge.metrics.vectors import distinct_rows

STACKED = 3
"""Channels, each with a digit of its own."""


@dataclass(frozen=True)
class Reference:
    """The real side, as one extractor sees it.

    scale: all features are divided by it. moments: of the features of all reference items. kept: float32 [M, d], the
    first items' features. radii: float64 [K], the neighbourhoods of the first K of them. kernels: float64 [S], of each
    of the kernel distance's subsets, its own sum. classes: float64 [C], shares. agreed: float64 [C], of the
    floor's items of each class, the share that the extractor takes for it; None where it does not tell the data's
    classes. distinct: how many of ``kept`` differ
    from each other.
    """

    scale: float
    moments: Moments
    kept: Tensor
    radii: Tensor
    kernels: Tensor
    classes: Tensor | None
    distinct: int
    agreed: Tensor | None = None


class Tally:
    """What is gathered of one side: sums over everything, each item's class, features and class probabilities of the
    first items.

    most: the sums, and whatever else depends on the number of items, are of the first so many. asked: int64 [N], the
    class that each of the items to come was made for, where the extractor tells the same classes. bad: items whose
    features are not finite; with any, nothing is gathered any more.
    """

    def __init__(
        self, extractor: Extractor, scale: float = 1.0, most: int | None = None, asked: Tensor | None = None
    ) -> None:
        self.extractor, self.scale, self.most, self.asked = extractor, scale, most, asked
        self.sums = MomentSums(extractor.dims)
        self.features: list[Tensor] = []
        self.probabilities: list[Tensor] = []
        self.classes: list[Tensor] = []
        self.count = self.bad = 0

    def add(self, items: Tensor) -> None:
        """items: uint8 [N, C, H, W], or points float32 [N, 2]."""
        self.take(*self.extractor.extract(items))

    def take(self, features: Tensor, probabilities: Tensor | None) -> None:
        """What the extractor has seen in items: ``Outputs``."""
        features = features.cpu() / self.scale
        self.bad += int((~features.isfinite().all(dim=1)).sum())
        room = max(0, MAX_KEPT - self.count)
        first = len(features) if self.most is None else max(0, self.most - self.count)
        self.count += len(features)
        if self.bad:
            return
        if first:
            self.sums.add(features[:first])
        self.features.append(features[:room].clone())  # a view would keep all of them in memory
        if probabilities is not None and first:
            probabilities = probabilities.cpu()[:first]
            self.probabilities.append(probabilities[:room].clone())
            channels = STACKED if self.is_stacked else 1
            self.classes.append(probabilities.view(len(probabilities), channels, -1).argmax(2).to(torch.uint8))

    @property
    def is_stacked(self) -> bool:
        """Does the extractor tell a class of each channel?"""
        return self.extractor.name in EXTRACTORS and EXTRACTORS[self.extractor.name].is_stacked

    @cached_property
    def kept(self) -> Tensor:
        """float32 [M, d]: the features of the first items; to be asked for when all have come."""
        return torch.cat(self.features) if self.features else torch.empty(0, self.extractor.dims)

    @cached_property
    def first(self) -> Tensor:
        """float32: of those, the ones that figures are taken of which depend on the number of items."""
        return self.kept[: self.most]

    @cached_property
    def distinct(self) -> int:
        """How many of ``first`` differ from each other."""
        return distinct_rows(self.first) if len(self.first) else 0

    def shares(self) -> Tensor | None:
        """float64 [C]: the share of each class among the items; None where the extractor does not tell one class."""
        if self.bad or not self.classes or self.is_stacked:
            return None
        return class_histogram(torch.cat(self.classes)[:, 0].long(), self.probabilities[0].shape[1])

    def agreed(self) -> Tensor | None:
        """float64 [C]: of the items that were made for each class, the share that the extractor takes for it, nan where
        there are none; None where none was made for one, or the extractor does not tell."""
        if self.asked is None or (shares := self.shares()) is None:
            return None
        found = torch.cat(self.classes)[:, 0].long()
        asked = self.asked[: len(found)]
        right = torch.bincount(asked[found == asked], minlength=len(shares))
        return right.double() / torch.bincount(asked, minlength=len(shares))


def class_histogram(classes: Tensor, num_classes: int) -> Tensor:
    """The share of each class: classes int64 [N] in [0, num_classes) -> float64 [num_classes], summing to 1.

    Raises UserError where there are none, or a class is out of range.
    """
    if not len(classes):
        raise UserError("There are no samples to count; generate some.")
    if classes.min() < 0 or classes.max() >= num_classes:
        found = f"{int(classes.min())} to {int(classes.max())}"
        raise UserError(
            f"The classes run from {found}, and must lie in 0 to {num_classes - 1}; use a fitting classifier."
        )
    return torch.bincount(classes, minlength=num_classes).to("cpu", torch.float64) / len(classes)


@dataclass(frozen=True)
class Sides:
    """The judged items and the reference, for the figures that are taken between features.

    mixture: where the data are one, its modes.
    """

    judged: Tally
    reference: Reference
    protocol: Protocol
    mixture: Mixture | None = None

    @property
    def features(self) -> str:
        return self.judged.extractor.name

    @property
    def offers(self) -> frozenset[Needs]:
        found: set[Needs] = {"features"}
        if self.protocol.kernel_subsets:
            found.add("kernel subsets")
        if self.mixture is not None:
            found |= {"known modes", "a mixture"}
        elif self.reference.classes is not None:
            found.add("class probabilities")
            if self.judged.asked is not None:
                found.add("asked classes")
        elif self.judged.is_stacked:
            found.add("known modes")
        return frozenset(found)

    @property
    def fault(self) -> str:
        bad, count = self.judged.bad, self.judged.count
        return f"{bad:,} of the {count:,} judged items have features that are not finite" if bad else ""

    @cached_property
    def shares(self) -> tuple[Tensor, Tensor]:
        """float64 [C] each: the classes' shares among the judged items and among the reals."""
        judged, reals = self.judged.shares(), self.reference.classes
        assert judged is not None and reals is not None, "class probabilities are offered"
        return judged, reals
