"""How many of a data set's known modes the fakes reach, and how evenly: for stacked digits and 2-D mixtures."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.figure import Value, read_unless
from ganforge.metrics.sides import Sides, class_histogram
from ganforge.metrics.vectors import check_features, repeated, to_float64

RECORDS = (
    FigureRecord(
        name="modes",
        order=70,
        meaning="How many of the known modes have at least one item.",
        source="Lin et al. 2018 (PacGAN), arXiv:1712.04086; Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761",
        better="higher",
        needs="known modes",
        range="0 to 1,000 (`stacked-mnist`), 8 or 25 (`ring`, `grid`)",
        blind_to="how often each comes",
    ),
    FigureRecord(
        name="KL",
        order=80,
        meaning="KL(model, uniform) over the modes, in nats: how unequal their shares are; 0 is even.",
        source="Lin et al. 2018 (PacGAN), arXiv:1712.04086; Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761",
        better="lower",
        needs="known modes",
        range="0 to ln(modes)",
        blind_to="quality",
    ),
    FigureRecord(
        name="high quality",
        order=90,
        meaning="The share of points nearer to a mode's centre than 3 standard deviations.",
        source="Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761, section 4.1",
        better="near floor",
        needs="a mixture",
        range="0 to 1 (`ring`, `grid`)",
        blind_to="points that crowd at the centre",
        is_share=True,
    ),
)
HIGH_QUALITY_STDS = 3
STACKED_MODES = 1_000


def measure(sides: Sides) -> dict[str, Value]:
    judged, mixture = sides.judged, sides.mixture
    if mixture is None:
        if why := no_modes(judged.sums.count, STACKED_MODES):
            return {"modes": Value(None, note=why), "KL": Value(None, note=why)}
        stacks = mode_coverage(stacked_modes(torch.cat(judged.classes).long()), STACKED_MODES)
        return {"modes": Value(stacks.found), "KL": Value(stacks.kl)}
    count = len(judged.first)
    modes, few = mixture_coverage(judged.first, mixture.centers, mixture.std), no_modes(count, len(mixture.centers))
    nothing = "no sample is of high quality, so that there is no mode to count" if modes.kl is None else ""
    return {
        "modes": read_unless(few, lambda: modes.found),
        "KL": read_unless(few or nothing, lambda: modes.kl or 0.0),
        "high quality": read_unless(repeated("judged", judged.distinct, count), lambda: modes.high_quality),
    }


def no_modes(count: int, num_modes: int) -> str:
    """Why so many samples cannot tell the modes, "" where they can: they could not reach them all."""
    return f"{count:,} items cannot reach {num_modes:,} modes" if count < num_modes else ""


@dataclass(frozen=True)
class ModeCoverage:
    """found: modes with at least one sample; kl: KL(model || uniform) over the modes, in nats."""

    found: int
    kl: float


@dataclass(frozen=True)
class MixtureCoverage:
    """found, kl: as in ModeCoverage, of the samples of high quality alone; high_quality: their share of all samples.

    kl is None where no sample is of high quality.
    """

    found: int
    high_quality: float
    kl: float | None


def mode_coverage(modes: Tensor, num_modes: int) -> ModeCoverage:
    """Modes found, and how unequal they are, from each sample's mode, int64 [N] in [0, num_modes).

    The KL is the sum of p ln(p num_modes) over the modes found: 0 for equal shares, ln num_modes for one mode; a
    perfect generator's is about (num_modes - 1) / 2N. Raises UserError for no samples and for modes out of range.
    Source: Lin, Khetan, Fanti, Oh, "PacGAN", arXiv:1712.04086, section 4.2, whose authors' code takes the natural log.
    """
    shares = class_histogram(modes, num_modes)
    kl = torch.xlogy(shares, shares).sum().item() + math.log(num_modes)
    return ModeCoverage(int((shares > 0).sum()), max(0.0, kl))


def stacked_modes(classes: Tensor) -> Tensor:
    """The mode 100 r + 10 g + b of each picture of stacked digits, int64 [N], from its digits' classes, int64 [N, 3].

    Raises UserError for classes of another shape or outside 0 to 9.
    """
    if classes.ndim != 2 or classes.shape[1] != 3:
        raise UserError(f"Stacked digits have 3 classes a picture, [N, 3], not {list(classes.shape)}; give all three.")
    if ((classes < 0) | (classes > 9)).any():
        raise UserError("The classes of stacked digits are 0 to 9, and some of these are not; use a digit classifier.")
    return classes @ classes.new_tensor([100, 10, 1])


def mixture_coverage(points: Tensor, centers: Tensor, std: float) -> MixtureCoverage:
    """Modes found, and the share of samples of high quality, of points [N, 2] drawn to look like a Gaussian mixture.

    centers [K, 2]; std: of each Gaussian along an axis. A sample belongs to its nearest centre, and is of high quality
    nearer to it than 3 std, as 98.9 % of real points are; others count for no mode. Raises UserError for points that
    are not finite or not of the centres' dimensions. Source: Srivastava et al., "VEEGAN", arXiv:1705.07761,
    section 4.1; PacGAN, section 4.1, and its authors' code (MetricLogger).
    """
    check_features(points, "generated")
    if points.shape[1] != centers.shape[1]:
        fault = f"The points have {points.shape[1]} coordinates and the mixture {centers.shape[1]}"
        raise UserError(f"{fault}; use a generator of this data set.")
    points = to_float64(points)
    offsets = points.unsqueeze(1) - centers.to(points)  # [N, K, 2]
    away, modes = offsets.norm(dim=2).min(dim=1)
    good = modes[away < HIGH_QUALITY_STDS * std]
    if not len(good):
        return MixtureCoverage(0, 0.0, None)
    coverage = mode_coverage(good, len(centers))
    return MixtureCoverage(coverage.found, len(good) / len(points), coverage.kl)
