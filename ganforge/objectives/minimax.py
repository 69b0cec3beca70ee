"""The game as it was first stated: G raises what D lowers."""

from torch import Tensor

from ganforge.objectives import non_saturating
from ganforge.objectives.catalog import LN_2, LOG_ODDS, RIGHT_95, VERY_SURE, Objective
from ganforge.objectives.losses import Terms, bce

RECORD = Objective(
    name="minimax",
    order=10,
    meaning="The cross-entropy of D's answers on reals and fakes, in nats: 1.386 when D cannot tell reals from fakes; "
    "it falls towards 0 as D wins.",
    source="Goodfellow et al. 2014, arXiv:1406.2661, equation 1",
    undecided=2 * LN_2,
    healthy=(2 * RIGHT_95, 2.1 * LN_2),
    g_meaning="ln of the probability that D sees a fake as fake: always 0 or less, which is not a bug. -0.693 when D "
    "cannot tell; near 0, D wins and G's gradient vanishes.",
    g_undecided=-LN_2,
    g_healthy=(-1.5 * LN_2 - 0.4, -0.01),
    g_above="D sees through nearly every fake, and with this loss G then hardly learns.",
    logits_meaning=LOG_ODDS,
    real_logits=(-0.5, VERY_SURE),
    fake_logits=(-VERY_SURE, 0.5),
)


d_loss = non_saturating.d_loss


def g_loss(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """log(1 - sigmoid(D(G(z)))), D's loss with its sign turned, 0 or less.

    Its gradient, -sigmoid(f), vanishes while D wins: it saturates.
    """
    return {"fakes": -bce(fake_logits, 0.0)}
