"""DRAGAN's penalty: D's slope around reals should be 1."""

from torch import Tensor

from ganforge.base.shared_batches import deviation
from ganforge.objectives.catalog import Penalty
from ganforge.objectives.penalties import Critic, Judged, per_item, squared_distance_from_slope_one

RECORD = Penalty(
    name="dragan",
    order=40,
    meaning="The squared distance of D's slope from 1, at random places around reals.",
    source="Kodali et al. 2017, arXiv:1705.07215, and its authors' code",
    setting="dragan_weight",
    help="Weight of DRAGAN's penalty on D's slope around reals.",
    draws=("alpha", "noise"),
    needs_whole_batch=True,
)


def penalty(judged: Judged) -> Tensor:
    """``dragan_penalty`` of an update."""
    return dragan_penalty(judged.D, judged.reals, judged.draws["alpha"], judged.draws["noise"], judged.labels)


def dragan_penalty(D: Critic, reals: Tensor, alpha: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
    """(||grad D(x_hat)|| - 1)^2 per sample, [N], at x_hat = x + alpha noise std(x) / 2, as in the authors' code, with
    std over all numbers of the whole batch; its weight there is 10.

    reals: [N, *shape]; no gradient flows to them.
    alpha: [N] or [N, 1], uniform in [0, 1). noise: as reals, uniform in [0, 1).
    """
    spread = deviation(reals) / 2
    return squared_distance_from_slope_one(D, reals + per_item(alpha, reals) * spread * noise, labels)
