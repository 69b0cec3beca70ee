"""Each real against one fake: which of the two is more real?"""

from torch import Tensor
from torch.nn.functional import softplus

from ganforge.objectives.catalog import LIKE_A_CROSS_ENTROPY, LN_2, RIGHT_95, VERY_SURE, Objective
from ganforge.objectives.losses import Terms

RECORD = Objective(
    name="relativistic",
    order=70,
    meaning="-ln of the probability that D finds a real more real than a fake, in nats: 0.6931 when D cannot tell "
    "reals from fakes; it falls towards 0 as D wins.",
    source="Jolicoeur-Martineau 2019, arXiv:1807.00734, RSGAN; R3GAN's: Huang et al. 2024, arXiv:2501.05441",
    undecided=LN_2,
    healthy=(RIGHT_95, 1.05 * LN_2),
    g_meaning=f"-ln of the probability that D finds a fake more real than a real, in nats. {LIKE_A_CROSS_ENTROPY}",
    g_undecided=LN_2,
    g_healthy=(LN_2 / 1.5, VERY_SURE),
    boundary=None,
    needs_real_logits=True,
    needs_fresh_noise=True,
)


def d_loss(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """-log sigmoid(r - f), each real paired with one fake. Raises ValueError where a sample has no partner."""
    return {"pairs": _pair_loss(real_logits, fake_logits)}


def g_loss(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """-log sigmoid(f - r), the same with the networks exchanged: it does not saturate. Raises ValueError likewise."""
    if real_logits is None:
        raise ValueError("G's relativistic loss needs D's logits of reals beside those of fakes")
    return {"pairs": _pair_loss(fake_logits, real_logits)}


def _pair_loss(better: Tensor, worse: Tensor) -> Tensor:
    if better.shape != worse.shape:
        raise ValueError(f"{len(better)} logits cannot be paired with {len(worse)}")
    return softplus(worse - better)
