"""Mean and covariance of features, of any number of them, in float64."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.metrics.vectors import check_features, check_same_dims, to_float64


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
