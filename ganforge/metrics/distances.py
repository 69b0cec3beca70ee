"""How far apart two sets of features are: the Fréchet distance and the kernel distance, in float64.

Features are float [N, d], one row a picture, of one extractor on both sides.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator

FEWEST = 10
"""Fewer items, or fewer that differ from each other, say nothing of a distribution."""
KERNEL_BLOCK = 500  # rows of a kernel at a time
KERNEL_SUBSET_SIZE = 1_000
"""By convention: the authors' own code."""


def repeated(side: str, distinct: int, count: int) -> str:
    """Why a side that repeats itself cannot be compared with, "" where it can: fewer than ``FEWEST`` distinct items, or
    fewer than half. side: "real" or "judged". The reals' floor would be of copies of the reference, too."""
    if distinct >= FEWEST and (side != "real" or 2 * distinct >= count):
        return ""
    least = f"at least {FEWEST} have to" if distinct < FEWEST else "at least half have to; leave the repeated ones out"
    return f"of the {count:,} {side} items {distinct:,} differ from each other, and {least}"


def no_frechet(dims: int, reals: int, fakes: int, distinct_reals: int, compared_reals: int) -> str:
    """Why there is no Fréchet distance, "" where there is one: no more items than dimensions leave a covariance
    singular, repeated reals likewise. Repeated fakes do not matter: their covariance is what it is. distinct_reals: of
    the first ``compared_reals``, which are all that were compared with each other."""
    for side, count in (("real", reals), ("judged", fakes), ("distinct real", distinct_reals)):
        if count <= dims:
            return (
                f"it needs more items than the features have dimensions, {dims:,}, and there are {count:,} {side} ones"
            )
    return repeated("real", distinct_reals, compared_reals)


def no_kernel(size: int, reals: int, distinct_reals: int) -> str:
    """Why there is no kernel distance by subsets of this size, "" where there is one. A pair of equal reals counts like
    a picture and itself, which the estimate leaves out. Repeated fakes do not matter."""
    if size < FEWEST:
        return f"its subsets would have {size:,} items, and {FEWEST} are the least"
    return repeated("real", distinct_reals, reals)


def distinct_rows(features: Tensor) -> int:
    """How many of features [N, d] differ by more than what rounding does to features of equal pictures."""
    scale = features.square().mean().sqrt().clamp(min=1e-30)
    found: set[bytes] = set()
    for part in features.split(1_000):
        steps = (to_float64(part) / scale * 1e5).round() + 0.0  # which makes -0 a 0
        found.update(row.tobytes() for row in steps.cpu().numpy())
    return len(found)


@dataclass(frozen=True)
class Moments:
    """count: how many samples; mean: float64 [d]; cov: float64 [d, d], unbiased (divided by count - 1)."""

    count: int
    mean: Tensor
    cov: Tensor


class MomentSums:
    """The moments of features that arrive in batches; the state is one [d, d] matrix, however many arrive.

    Batches are centred on their own mean before they are multiplied, so that features far from zero lose no digits.
    Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    """

    def __init__(self, dims: int) -> None:
        self.count = 0
        self._mean = torch.zeros(dims, dtype=torch.float64)
        self._scatter = torch.zeros(dims, dims, dtype=torch.float64)

    def add(self, features: Tensor) -> None:
        """Take in features [n, d]. Raises UserError where they are not finite or of another d."""
        check_features(features, "new")
        check_same_dims(self._mean.unsqueeze(0), features, "earlier", "new")
        rows = to_float64(features)
        mean = rows.mean(dim=0)
        rows = rows - mean
        delta = mean.cpu() - self._mean
        total = self.count + len(rows)
        self._scatter += (rows.T @ rows).cpu()
        self._scatter += torch.outer(delta, delta) * (self.count * len(rows) / total)
        self._mean += delta * (len(rows) / total)
        self.count = total

    def moments(self) -> Moments:
        """The moments of all that came. Raises UserError for fewer than two samples."""
        if self.count < 2:
            raise UserError(f"A covariance needs at least 2 samples, and there are {self.count}; use more samples.")
        return Moments(self.count, self._mean.clone(), self._scatter / (self.count - 1))


def moments(features: Tensor) -> Moments:
    """The moments of features [N, d]. Raises UserError where they are not finite or fewer than two."""
    check_features(features, "given", at_least=2)
    sums = MomentSums(features.shape[1])
    sums.add(features)
    return sums.moments()


def frechet_distance(real: Moments, fake: Moments) -> float:
    """|mu_1 - mu_2|^2 + tr S_1 + tr S_2 - 2 tr (S_1 S_2)^(1/2), in squared units of the features; 0 for equal moments.

    The trace of the root is the sum of the roots of the eigenvalues of S_1^(1/2) S_2 S_1^(1/2), which is symmetric.
    Raises UserError where a side has no more samples than the features have dimensions, since its covariance is
    then singular and the figure says little but that. Source: Dowson and Landau 1982; as a measure of generators,
    Heusel et al. 2017, arXiv:1706.08500, equation 6.
    """
    check_same_dims(real.mean.unsqueeze(0), fake.mean.unsqueeze(0))
    dims = len(real.mean)
    for side, count in (("real", real.count), ("generated", fake.count)):
        if count <= dims:
            fault = f"{dims:,} dimensions and {count:,} {side} pictures"
            raise UserError(f"The Fréchet distance needs more pictures than feature dimensions, not {fault}; use more.")
    values, vectors = torch.linalg.eigh(real.cov)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    roots = torch.linalg.eigvalsh(root @ fake.cov @ root).clamp(min=0).sqrt()
    between_means = (real.mean - fake.mean).square().sum()
    return max(0.0, (between_means + real.cov.trace() + fake.cov.trace() - 2 * roots.sum()).item())


@dataclass(frozen=True)
class KernelDistance:
    """mean, std: of the estimate over the subsets; subset_size: as it was used."""

    mean: float
    std: float
    subsets: int
    subset_size: int


def kernel_distance(
    real: Tensor,
    fake: Tensor,
    seed: int,
    subsets: int = 100,
    subset_size: int = KERNEL_SUBSET_SIZE,
    within_real: Tensor | None = None,
) -> KernelDistance:
    """The unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3: near 0, also below, for equals.

    real [N, d], fake [M, d]. It is estimated on ``subsets`` pairs of subsets, drawn without replacement from
    ``seed``, of ``subset_size`` samples or as many as the smaller side has; std is the population's. Each pair
    costs three products of [size, d] with [d, size]. within_real: what ``kernels_within`` gave for the reals, with the
    size that is used here, to save one of the three. Raises UserError for features that are not finite, of unequal d,
    or fewer than two on a side. Source: Binkowski et al. 2018, arXiv:1801.01401, section 4.
    """
    check_features(real, "real", at_least=2)
    check_features(fake, "generated", at_least=2)
    check_same_dims(real, fake)
    size = min(subset_size, len(real), len(fake))
    if within_real is None:
        within_real = kernels_within(real, "real", seed, subsets, size)
    elif within_real.shape != (subsets,):
        raise UserError(f"There are {within_real.numel():,} sums for {subsets:,} subsets of reals; compute them again.")
    within_fake = kernels_within(fake, "fake", seed, subsets, size)
    reals, fakes = _left(to_float64(real)), _right(to_float64(fake))
    real_subsets, fake_subsets = (
        _subsets(len(rows), side, seed, subsets, size) for rows, side in ((real, "real"), (fake, "fake"))
    )
    buffer = reals.new_empty(KERNEL_BLOCK * size)
    between = torch.stack(
        [_kernel_sum(reals[x], fakes[y], buffer) for x, y in zip(real_subsets, fake_subsets, strict=True)]
    ).cpu()
    estimates = (within_real + within_fake) / (size * (size - 1)) - 2 * between / size**2
    return KernelDistance(estimates.mean().item(), estimates.std(correction=0).item(), subsets, size)


def kernels_within(features: Tensor, side: str, seed: int, subsets: int, size: int) -> Tensor:
    """For each of one side's subsets of features [N, d], the kernel summed over all pairs of two different samples:
    float64 [subsets], on the CPU. side: "real" or "fake", which draw different subsets."""
    rows = to_float64(features)
    left, right = _left(rows), _right(rows)
    with_itself = (left * right).sum(dim=1).pow(3)
    buffer = rows.new_empty(KERNEL_BLOCK * size)
    sums = []
    for chosen in _subsets(len(rows), side, seed, subsets, size):
        x, y = left[chosen], right[chosen]
        total = -with_itself[chosen].sum()
        for start in range(0, size, KERNEL_BLOCK):  # the kernel is symmetric: what is below its diagonal is left out
            end = min(start + KERNEL_BLOCK, size)
            total += _kernel_sum(x[start:end], y[start:end], buffer)
            total += 2 * _kernel_sum(x[start:end], y[end:], buffer)
        sums.append(total)
    return torch.stack(sums).cpu()


def _left(rows: Tensor) -> Tensor:
    """[N, d + 1]: with ``_right``, the product of two rows is x.y / d + 1."""
    return torch.cat([rows / rows.shape[1], rows.new_ones(len(rows), 1)], dim=1)


def _right(rows: Tensor) -> Tensor:
    return torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)


def _subsets(count: int, side: str, seed: int, subsets: int, size: int) -> Iterator[Tensor]:
    draws = generator(seed, f"kernel distance/{side}")
    return (torch.randperm(count, generator=draws)[:size] for _ in range(subsets))


def _kernel_sum(left: Tensor, right: Tensor, buffer: Tensor) -> Tensor:
    """The kernel summed over all pairs of rows. buffer: at least ``KERNEL_BLOCK`` times the rows on the right, since
    fresh memory would cost as much as a product."""
    total = left.new_zeros(())
    for part in left.split(KERNEL_BLOCK):
        bases = buffer[: len(part) * len(right)]
        torch.mm(part, right.T, out=bases.view(len(part), len(right)))
        total += torch.dot(bases, bases.square())
    return total


def to_float64(features: Tensor) -> Tensor:
    """Features in float64, without gradient, where they are; on the CPU if their device has no float64 (Apple's)."""
    features = features.detach()
    return (features.cpu() if features.device.type == "mps" else features).to(torch.float64)


def check_features(features: Tensor, side: str, at_least: int = 1) -> None:
    """Raise UserError unless these are finite features [N, d] with N >= ``at_least``; side: whose, for the message."""
    if features.ndim != 2 or not features.shape[1]:
        shape = list(features.shape)
        raise UserError(f"The {side} features have the shape {shape}; give one row of numbers a sample, [N, d].")
    if len(features) < at_least:
        raise UserError(f"There are {len(features):,} {side} samples, and at least {at_least:,} are needed; use more.")
    if features.is_floating_point() and not (finite := features.isfinite().all(dim=1)).all():
        bad = len(features) - int(finite.sum())
        fault = f"{bad:,} of the {len(features):,} {side} samples have features that are not finite"
        raise UserError(f"{fault}; check the pictures and the extractor.")


def check_same_dims(a: Tensor, b: Tensor, side_a: str = "real", side_b: str = "generated") -> None:
    """Raise UserError unless features a [N, d] and b [M, d] have the same d."""
    if a.shape[1] != b.shape[1]:
        fault = f"The {side_a} features have {a.shape[1]:,} dimensions and the {side_b} ones {b.shape[1]:,}"
        raise UserError(f"{fault}; take both from one extractor and pictures of one size.")
