"""WGAN-GP's penalty: D's slope between reals and fakes should be 1."""

from torch import Tensor

from ganforge.objectives.catalog import Penalty
from ganforge.objectives.penalties import Critic, Judged, per_item, squared_distance_from_slope_one

RECORD = Penalty(
    name="gp",
    order=30,
    meaning="The squared distance of D's slope from 1, at random places between reals and fakes.",
    source="Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1",
    setting="gp_weight",
    help="Weight of WGAN-GP's penalty on D's slope between reals and fakes.",
    draws=("alpha",),
)


def penalty(judged: Judged) -> Tensor:
    """``gradient_penalty`` of an update."""
    return gradient_penalty(judged.D, judged.reals, judged.fakes, judged.draws["alpha"], judged.labels)


def gradient_penalty(D: Critic, reals: Tensor, fakes: Tensor, alpha: Tensor, labels: Tensor | None = None) -> Tensor:
    """(||grad D(x_hat)|| - 1)^2 per sample, [N], at x_hat = alpha x + (1 - alpha) G(z); in the paper its weight is 10.

    reals, fakes: [N, *shape], both of the classes ``labels``; no gradient flows to them.
    alpha: [N] or [N, 1], uniform in [0, 1).
    To be computed on every step: D's loss alone has no bound.
    """
    share = per_item(alpha, reals)
    return squared_distance_from_slope_one(D, share * reals + (1 - share) * fakes, labels)
