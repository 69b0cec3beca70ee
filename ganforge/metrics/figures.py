"""From items to figures, with one extractor: gather features batch by batch, then compare them with the reference."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.data.dataset import Mixture
from ganforge.metrics.coverage import prdc
from ganforge.metrics.distances import Moments, MomentSums, frechet_distance, kernel_distance
from ganforge.metrics.features import Extractor
from ganforge.metrics.modes import mixture_coverage, mode_coverage, stacked_modes
from ganforge.metrics.protocol import MAX_KEPT, MAX_NEIGHBOURHOOD, NEIGHBOURS, Protocol
from ganforge.metrics.scores import class_histogram, classifier_score

CLASSES = 10
"""The classifier's: the digits."""
STACKED_MODES = 1_000


@dataclass(frozen=True)
class Figure:
    """value: None where it cannot be had, and a note says why. spread: a standard deviation, where the figure has one.
    better: "lower", "higher", or "near floor". floor: the same figure of as many fresh real items."""

    value: float | None
    better: str
    spread: float | None = None
    floor: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Figures = dict[str, Figure]
"""By name: what is measured, a slash, and with which features: `FD/classifier`."""


@dataclass(frozen=True)
class Reference:
    """The real side, as one extractor sees it.

    scale: all features are divided by it. moments: of the features of all reference items. kept: float32 [M, d], the
    first items' features. radii: float64 [K], the neighbourhoods of the first K of them. classes: float64 [C], shares.
    """

    scale: float
    moments: Moments
    kept: Tensor
    radii: Tensor
    kernels: Tensor
    classes: Tensor | None


class Tally:
    """What is gathered of one side: sums over everything, each item's class, features and class probabilities of the
    first items."""

    def __init__(self, extractor: Extractor, scale: float = 1.0) -> None:
        self.extractor, self.scale = extractor, scale
        self.sums = MomentSums(extractor.dims)
        self.features: list[Tensor] = []
        self.probabilities: list[Tensor] = []
        self.classes: list[Tensor] = []
        self.count = 0

    def add(self, items: Tensor) -> None:
        """items: uint8 [N, C, H, W], or points float32 [N, 2]."""
        features, probabilities = self.extractor.extract(items)
        features = features.cpu() / self.scale
        self.sums.add(features)
        room = max(0, MAX_KEPT - self.count)
        self.features.append(features[:room].clone())  # a view would keep all of them in memory
        if probabilities is not None:
            probabilities = probabilities.cpu()
            self.probabilities.append(probabilities[:room].clone())
            self.classes.append(probabilities.view(len(items), -1, CLASSES).argmax(2).to(torch.uint8))
        self.count += len(items)

    def kept(self) -> Tensor:
        """float32 [M, d]: the features of the first items."""
        return torch.cat(self.features)

    def shares(self) -> Tensor | None:
        """float64 [C]: the share of each class among the items; None where the extractor does not tell one class."""
        if not self.classes or self.classes[0].shape[1] > 1:
            return None
        return class_histogram(torch.cat(self.classes)[:, 0].long(), CLASSES)


def compare(
    tally: Tally, reference: Reference, protocol: Protocol, mixture: Mixture | None = None
) -> tuple[Figures, list[str]]:
    """The figures of what was gathered against the reference, and a sentence for each that cannot be had."""
    figures, notes = distance_figures(tally, reference, protocol)
    kept, shares = tally.kept(), tally.shares()
    near = prdc(reference.kept[:MAX_NEIGHBOURHOOD], kept[:MAX_NEIGHBOURHOOD], k=NEIGHBOURS, real_radii=reference.radii)
    figures["precision"] = Figure(near.precision, "higher")
    figures["recall"] = Figure(near.recall, "higher")
    figures["density"] = Figure(near.density, "near floor")
    figures["coverage"] = Figure(near.coverage, "higher")
    if mixture is not None:
        modes = mixture_coverage(kept, mixture.centers, mixture.std)
        figures["modes"] = Figure(modes.found, "higher")
        figures["high quality"] = Figure(modes.high_quality, "near floor")
        figures["KL"] = Figure(modes.kl, "lower")
        if modes.kl is None:
            notes.append("No KL: no sample is of high quality, so that there is no mode to count.")
    elif shares is not None and reference.classes is not None:
        score, spread = classifier_score(torch.cat(tally.probabilities))
        figures["score"] = Figure(score, "near floor", spread)
        figures["class distance"] = Figure(float((shares - reference.classes).abs().sum() / 2), "lower")
    elif tally.classes:
        stacks = mode_coverage(stacked_modes(torch.cat(tally.classes).long()), STACKED_MODES)
        figures["modes"] = Figure(stacks.found, "higher")
        figures["KL"] = Figure(stacks.kl, "lower")
    return {f"{name}/{tally.extractor.name}": figure for name, figure in figures.items()}, notes


def distance_figures(tally: Tally, reference: Reference, protocol: Protocol) -> tuple[Figures, list[str]]:
    """Fréchet and kernel distance; the first needs more items than dimensions."""
    figures, notes = {}, []
    try:
        figures["FD"] = Figure(frechet_distance(reference.moments, tally.sums.moments()), "lower")
    except UserError as error:
        figures["FD"] = Figure(None, "lower")
        notes.append(f"No FD/{tally.extractor.name}: {error}")
    if protocol.kernel_subsets:
        kernel = kernel_distance(
            reference.kept, tally.kept(), protocol.seed, protocol.kernel_subsets, within_real=reference.kernels
        )
        figures["KID"] = Figure(kernel.mean, "lower", kernel.std)
    return figures, notes
