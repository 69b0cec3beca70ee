"""From items to figures, with one extractor: gather features batch by batch, then compare them with the reference.

Each figure's own rule for when it can be read stands beside its definition (``no_frechet``, ``no_score``, ...); here a
figure that cannot be read gets the rule's words instead of a value.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganforge.data.dataset import Mixture
from ganforge.metrics.coverage import no_neighbourhoods, prdc
from ganforge.metrics.distances import (
    Moments,
    MomentSums,
    distinct_rows,
    frechet_distance,
    kernel_distance,
    no_frechet,
    no_kernel,
    repeated,
)
from ganforge.metrics.features import Extractor
from ganforge.metrics.modes import mixture_coverage, mode_coverage, no_modes, stacked_modes
from ganforge.metrics.protocol import MAX_KEPT, MAX_NEIGHBOURHOOD, NEIGHBOURS, Protocol
from ganforge.metrics.scores import class_histogram, classifier_score, no_classes, no_score, splits_for

CLASSES = 10
"""The classifier's: the digits."""
STACKED_MODES = 1_000
STACKS = "channel classifier"
"""The extractor that tells a class of each channel."""


@dataclass(frozen=True)
class Figure:
    """value: None where it cannot be read, and note says why. spread: a standard deviation, where the figure has one.
    better: "lower", "higher", or "near floor". floor: the same figure of as many fresh real items. note: "" where there
    is a value."""

    value: float | None
    better: str
    spread: float | None = None
    floor: float | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Figures = dict[str, Figure]
"""By name: what is measured, a slash, and with which features: `FD/classifier`."""


@dataclass(frozen=True)
class Reference:
    """The real side, as one extractor sees it.

    scale: all features are divided by it. moments: of the features of all reference items. kept: float32 [M, d], the
    first items' features. radii: float64 [K], the neighbourhoods of the first K of them. classes: float64 [C], shares.
    distinct: how many of ``kept`` differ from each other.
    """

    scale: float
    moments: Moments
    kept: Tensor
    radii: Tensor
    kernels: Tensor
    classes: Tensor | None
    distinct: int


class Tally:
    """What is gathered of one side: sums over everything, each item's class, features and class probabilities of the
    first items.

    most: the sums, and whatever else depends on the number of items, are of the first so many. bad: items whose
    features are not finite; with any, nothing is gathered any more.
    """

    def __init__(self, extractor: Extractor, scale: float = 1.0, most: int | None = None) -> None:
        self.extractor, self.scale, self.most = extractor, scale, most
        self.sums = MomentSums(extractor.dims)
        self.features: list[Tensor] = []
        self.probabilities: list[Tensor] = []
        self.classes: list[Tensor] = []
        self.count = self.bad = 0

    def add(self, items: Tensor) -> None:
        """items: uint8 [N, C, H, W], or points float32 [N, 2]."""
        features, probabilities = self.extractor.extract(items)
        features = features.cpu() / self.scale
        self.bad += int((~features.isfinite().all(dim=1)).sum())
        room = max(0, MAX_KEPT - self.count)
        first = len(features) if self.most is None else max(0, self.most - self.count)
        self.count += len(items)
        if self.bad:
            return
        if first:
            self.sums.add(features[:first])
        self.features.append(features[:room].clone())  # a view would keep all of them in memory
        if probabilities is not None and first:
            probabilities = probabilities.cpu()[:first]
            self.probabilities.append(probabilities[:room].clone())
            self.classes.append(probabilities.view(len(probabilities), -1, CLASSES).argmax(2).to(torch.uint8))

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
        if self.bad or not self.classes or self.classes[0].shape[1] > 1:
            return None
        return class_histogram(torch.cat(self.classes)[:, 0].long(), CLASSES)

    @property
    def fault(self) -> str:
        """Why no figure can be had at all; "" where nothing stands against it."""
        return f"{self.bad:,} of the {self.count:,} judged items have features that are not finite" if self.bad else ""


def compare(tally: Tally, reference: Reference, protocol: Protocol, mixture: Mixture | None = None) -> Figures:
    """The figures of what was gathered against the reference, without their floors."""
    figures = distance_figures(tally, reference, protocol) | neighbourhood_figures(tally, reference)
    if mixture is not None:
        figures |= mixture_figures(tally, mixture)
    elif reference.classes is not None:
        figures |= class_figures(tally, reference.classes)
    elif tally.extractor.name == STACKS:
        figures |= stack_figures(tally)
    return {f"{name}/{tally.extractor.name}": figure for name, figure in figures.items()}


def figure(better: str, why: str, value: Callable[[], float]) -> Figure:
    """A figure that is computed only if nothing (``why``) stands against it."""
    return Figure(None, better, note=why) if why else Figure(value(), better)


def distance_figures(tally: Tally, reference: Reference, protocol: Protocol) -> Figures:
    """Fréchet and kernel distance."""
    moments, dims = reference.moments, tally.extractor.dims
    why = tally.fault or no_frechet(dims, moments.count, tally.sums.count, reference.distinct, len(reference.kept))
    figures = {"FD": figure("lower", why, lambda: frechet_distance(moments, tally.sums.moments()))}
    if not protocol.kernel_subsets:
        return figures
    size = min(protocol.kernel_subset_size, len(tally.kept))
    if why := tally.fault or no_kernel(size, len(reference.kept), reference.distinct):
        return figures | {"KID": Figure(None, "lower", note=why)}
    kernel = kernel_distance(
        reference.kept, tally.kept, protocol.seed, protocol.kernel_subsets, size, within_real=reference.kernels
    )
    return figures | {"KID": Figure(kernel.mean, "lower", kernel.std)}


def neighbourhood_figures(tally: Tally, reference: Reference) -> Figures:
    """Precision, recall, density and coverage."""
    better = {"precision": "higher", "recall": "higher", "density": "near floor", "coverage": "higher"}
    if tally.fault:
        return {name: Figure(None, better[name], note=tally.fault) for name in better}
    fakes = tally.first[:MAX_NEIGHBOURHOOD]
    near = prdc(reference.kept[:MAX_NEIGHBOURHOOD], fakes, k=NEIGHBOURS, real_radii=reference.radii)
    sides = (reference.distinct, len(reference.kept), tally.distinct, len(tally.first))
    values = {name: float(getattr(near, name)) for name in better}
    return {
        name: figure(better[name], no_neighbourhoods(name, near, *sides), lambda value=values[name]: value)  # type: ignore[misc]
        for name in better
    }


def mixture_figures(tally: Tally, mixture: Mixture) -> Figures:
    """The modes of 2-D points, and how many of them lie well."""
    better = {"modes": "higher", "high quality": "near floor", "KL": "lower"}
    if tally.fault:
        return {name: Figure(None, better[name], note=tally.fault) for name in better}
    count = len(tally.first)
    modes, few = mixture_coverage(tally.first, mixture.centers, mixture.std), no_modes(count, len(mixture.centers))
    same = repeated("judged", tally.distinct, count)
    nothing = "no sample is of high quality, so that there is no mode to count" if modes.kl is None else ""
    return {
        "modes": figure("higher", few, lambda: modes.found),
        "high quality": figure("near floor", same, lambda: modes.high_quality),
        "KL": figure("lower", few or nothing, lambda: modes.kl or 0.0),
    }


def class_figures(tally: Tally, reals: Tensor) -> Figures:
    """What the classifier says of the items. reals: float64 [C], the classes' shares among those."""
    count, shares = len(tally.first), tally.shares()
    if shares is None:
        return {
            "score": Figure(None, "near floor", note=tally.fault),
            "class distance": Figure(None, "lower", note=tally.fault),
        }
    if why := no_score(count, tally.distinct, reals):
        score = Figure(None, "near floor", note=why)
    else:
        splits = splits_for(count, CLASSES)
        value, spread = classifier_score(torch.cat(tally.probabilities), splits)
        score = Figure(value, "near floor", spread if splits > 1 else None)
    distance = float((shares - reals).abs().sum() / 2)
    return {"score": score, "class distance": figure("lower", no_classes(count, reals), lambda: distance)}


def stack_figures(tally: Tally) -> Figures:
    """The modes of stacked digits."""
    why = tally.fault or no_modes(tally.sums.count, STACKED_MODES)
    if why:
        return {"modes": Figure(None, "higher", note=why), "KL": Figure(None, "lower", note=why)}
    stacks = mode_coverage(stacked_modes(torch.cat(tally.classes).long()), STACKED_MODES)
    return {"modes": Figure(stacks.found, "higher"), "KL": Figure(stacks.kl, "lower")}
