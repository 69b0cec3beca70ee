"""Least squares, with 0 for fakes and 1 for reals."""

from torch import Tensor

from ganforge.objectives.catalog import Objective
from ganforge.objectives.losses import Terms

RECORD = Objective(
    name="lsgan",
    order=30,
    meaning="Half the squared distances of D's logits from 1 for reals and from 0 for fakes: 0.25 when D cannot tell; "
    "it falls to 0 as D wins.",
    source="Mao et al. 2017, arXiv:1611.04076, equation 9 (a = 0, b = 1, c = 1)",
    undecided=0.25,
    healthy=(0.025, 0.3),
    g_meaning="Half the squared distance of the fakes' logits from 1. 0.125 when D cannot tell; 0.5 when D gives the "
    "fakes 0.",
    g_undecided=0.125,
    g_healthy=(0.05, 0.72),
    logits_meaning="D aims at 1 for reals and 0 for fakes; 0.5: cannot tell.",
    real_logits=(0.25, 1.25),
    fake_logits=(-0.25, 0.75),
    boundary=0.5,
)


def d_loss(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """(r - 1)^2 / 2 and f^2 / 2."""
    return {"reals": (real_logits - 1).square() / 2, "fakes": fake_logits.square() / 2}


def g_loss(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """(f - 1)^2 / 2."""
    return {"fakes": (fake_logits - 1).square() / 2}
