"""The usual losses, the note's: as minimax for D, while G's do not vanish where D wins."""

from torch import Tensor

from ganforge.objectives.catalog import LIKE_A_CROSS_ENTROPY, LN_2, LOG_ODDS, RIGHT_95, VERY_SURE, Objective
from ganforge.objectives.losses import Terms, bce

RECORD = Objective(
    name="non-saturating",
    order=20,
    meaning="The cross-entropy of D's answers on reals and fakes, in nats: 1.386 when D cannot tell reals from fakes; "
    "it falls towards 0 as D wins.",
    source="Goodfellow et al. 2014, arXiv:1406.2661, equation 1 and the end of section 3",
    undecided=2 * LN_2,
    healthy=(2 * RIGHT_95, 2.1 * LN_2),
    g_meaning=f"-ln of the probability that D assigns to the fakes being real, in nats. {LIKE_A_CROSS_ENTROPY}",
    g_undecided=LN_2,
    g_healthy=(LN_2 / 1.5, VERY_SURE),
    logits_meaning=LOG_ODDS,
    real_logits=(-0.5, VERY_SURE),
    fake_logits=(-VERY_SURE, 0.5),
)


def d_loss(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """-log sigmoid(D(x)) and -log(1 - sigmoid(D(G(z)))): equation 1."""
    return {"reals": bce(real_logits, 1.0), "fakes": bce(fake_logits, 0.0)}


def g_loss(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """-log sigmoid(D(G(z))), whose gradient does not vanish while D wins: the end of section 3."""
    return {"fakes": bce(fake_logits, 1.0)}
