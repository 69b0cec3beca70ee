"""Least squares, with -1 for fakes and 1 for reals."""

from torch import Tensor

from ganforge.objectives.catalog import Objective
from ganforge.objectives.losses import Terms

RECORD = Objective(
    name="lsgan-ab",
    order=40,
    meaning="Half the squared distances of D's logits from 1 for reals and from -1 for fakes: 1 when D cannot tell; it "
    "falls to 0 as D wins.",
    source="Mao et al. 2017, arXiv:1611.04076, equation 8 (a = -1, b = 1, c = 0)",
    undecided=1.0,
    healthy=(0.1, 1.2),
    g_meaning="Half the squared logits of the fakes: 0 when D cannot tell, 0.5 when it gives them -1.",
    g_undecided=0.0,
    g_healthy=(0.0, 0.72),
    logits_meaning="D aims at 1 for reals and -1 for fakes; 0: cannot tell.",
    real_logits=(-0.5, 1.5),
    fake_logits=(-1.5, 0.5),
)


def d_loss(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """(r - 1)^2 / 2 and (f + 1)^2 / 2."""
    return {"reals": (real_logits - 1).square() / 2, "fakes": (fake_logits + 1).square() / 2}


def g_loss(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """f^2 / 2. It raises a fake's logit to 0, "cannot tell", and lowers one above that."""
    return {"fakes": fake_logits.square() / 2}
