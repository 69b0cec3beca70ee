"""FD: how far apart two sets of features are in mean and covariance."""

import torch

from ganforge.base.errors import UserError
from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.figure import Value, read_unless
from ganforge.metrics.moments import Moments
from ganforge.metrics.sides import Sides
from ganforge.metrics.vectors import check_same_dims, repeated

RECORD = FigureRecord(
    name="FD",
    order=10,
    meaning="Fréchet distance: how far apart the features' means and covariances are, in squared units of them.",
    source="Dowson and Landau 1982; Heusel et al. 2017, arXiv:1706.08500, eq. 6",
    better="lower",
    needs="features",
    range="0 up",
    blind_to="anything beyond mean and covariance; copies. It falls as N grows, even for perfect pictures: compare "
    "equal N only",
    leads=True,
)


def measure(sides: Sides) -> dict[str, Value]:
    judged, reference = sides.judged, sides.reference
    why = no_frechet(
        judged.extractor.dims, reference.moments.count, judged.sums.count, reference.distinct, len(reference.kept)
    )
    return {"FD": read_unless(why, lambda: frechet_distance(reference.moments, judged.sums.moments()))}


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
