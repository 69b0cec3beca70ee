"""KID: how far apart two sets of features are by a polynomial kernel, estimated on subsets of them, in float64."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.figure import Value
from ganforge.metrics.protocol import KERNEL_SUBSET_SIZE
from ganforge.metrics.sides import Sides
from ganforge.metrics.vectors import FEWEST, check_features, check_same_dims, repeated, to_float64

RECORD = FigureRecord(
    name="KID",
    order=20,
    meaning="Kernel distance with (x.y / d + 1)^3: unbiased, so that a perfect generator's is 0 on average, and can be "
    "below. The spread is over pairs of subsets; the protocol says how many, and of how many items.",
    source="Bińkowski et al. 2018, arXiv:1801.01401",
    better="lower",
    needs="kernel subsets",
    range="around 0 up",
    blind_to="differences that are small beside its spread; copies",
    leads=True,
)
BLOCK = 500  # rows of a kernel at a time


def measure(sides: Sides) -> dict[str, Value]:
    judged, reference, protocol = sides.judged, sides.reference, sides.protocol
    size = min(protocol.kernel_subset_size, len(judged.kept))
    if why := no_kernel(size, len(reference.kept), reference.distinct):
        return {"KID": Value(None, note=why)}
    kernel = kernel_distance(
        reference.kept, judged.kept, protocol.seed, protocol.kernel_subsets, size, within_real=reference.kernels
    )
    return {"KID": Value(kernel.mean, kernel.std)}


def no_kernel(size: int, reals: int, distinct_reals: int) -> str:
    """Why there is no kernel distance by subsets of this size, "" where there is one. A pair of equal reals counts like
    a picture and itself, which the estimate leaves out. Repeated fakes do not matter."""
    if size < FEWEST:
        return f"its subsets would have {size:,} items, and {FEWEST} are the least"
    return repeated("real", distinct_reals, reals)


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
    buffer = reals.new_empty(BLOCK * size)
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
    buffer = rows.new_empty(BLOCK * size)
    sums = []
    for chosen in _subsets(len(rows), side, seed, subsets, size):
        x, y = left[chosen], right[chosen]
        total = -with_itself[chosen].sum()
        for start in range(0, size, BLOCK):  # the kernel is symmetric: what is below its diagonal is left out
            end = min(start + BLOCK, size)
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
    """The kernel summed over all pairs of rows. buffer: at least ``BLOCK`` times the rows on the right, since
    fresh memory would cost as much as a product."""
    total = left.new_zeros(())
    for part in left.split(BLOCK):
        bases = buffer[: len(part) * len(right)]
        torch.mm(part, right.T, out=bases.view(len(part), len(right)))
        total += torch.dot(bases, bases.square())
    return total
