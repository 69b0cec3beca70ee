"""Losses: logits [N] in, named per-sample terms [N] out. The update takes each term's mean and adds the means.

r stands for a real item's logit and f for a fake's. Both losses are made small, so that a sign that a paper writes in
front of something made large is turned. D tells reals from fakes by higher logits in every objective.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus

Terms = dict[str, Tensor]
"""Per-sample losses [N] by name; the names appear in the log and in messages."""


class GLoss(Protocol):
    """(fake_logits [N], real_logits [N] where they are needed) -> terms of G's loss."""

    def __call__(self, fake_logits: Tensor, real_logits: Tensor | None = None, /) -> Terms: ...


@dataclass(frozen=True)
class Objective:
    """A pair of losses.

    d_loss: (real_logits [N], fake_logits [N]) -> terms of D's loss.
    g_loss: (fake_logits [N], real_logits [N] or None) -> terms of G's loss; only fake_logits carry G's gradient.
    border: the logit at which D cannot tell; None where single logits have none, only real and fake against each other.
    needs_real_logits: whether G's loss is made of D's opinion of reals, too; without them it raises ValueError.
    meaning: one sentence for people on how to read D's loss.
    """

    d_loss: Callable[[Tensor, Tensor], Terms]
    g_loss: GLoss
    border: float | None = 0.0
    needs_real_logits: bool = False
    meaning: str = ""


def bce(logits: Tensor, target: float) -> Tensor:
    """Binary cross-entropy of logits [N] against one constant target, per sample, in nats."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")


def non_saturating_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """-log sigmoid(D(x)) and -log(1 - sigmoid(D(G(z)))): Goodfellow et al. 2014, arXiv:1406.2661, equation 1."""
    return {"reals": bce(real_logits, 1.0), "fakes": bce(fake_logits, 0.0)}


def non_saturating_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """-log sigmoid(D(G(z))), whose gradient does not vanish while D wins: the same paper, end of section 3."""
    return {"fakes": bce(fake_logits, 1.0)}


def minimax_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """log(1 - sigmoid(D(G(z)))), D's loss with its sign turned, 0 or less: the same paper, equation 1.

    Its gradient, -sigmoid(f), vanishes while D wins: it saturates.
    """
    return {"fakes": -bce(fake_logits, 0.0)}


def lsgan_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """(r - 1)^2 / 2 and f^2 / 2: Mao et al. 2017, arXiv:1611.04076, equation 9 (a = 0, b = 1)."""
    return {"reals": (real_logits - 1).square() / 2, "fakes": fake_logits.square() / 2}


def lsgan_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """(f - 1)^2 / 2: the same equation (c = 1)."""
    return {"fakes": (fake_logits - 1).square() / 2}


def lsgan_ab_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """(r - 1)^2 / 2 and (f + 1)^2 / 2: Mao et al. 2017, equation 8 (a = -1, b = 1)."""
    return {"reals": (real_logits - 1).square() / 2, "fakes": (fake_logits + 1).square() / 2}


def lsgan_ab_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """f^2 / 2: the same equation (c = 0). It raises a fake's logit to 0, "cannot tell", and lowers one above that."""
    return {"fakes": fake_logits.square() / 2}


def wgan_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """-r and f, of any sign: Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1. D's slope must be bounded by other
    means: ``clip_weights`` or ``gradient_penalty``."""
    return {"reals": -real_logits, "fakes": fake_logits}


def wgan_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """-f, of any sign: the same algorithm; the hinge's G, too (Miyato et al. 2018, arXiv:1802.05957, equation 17)."""
    return {"fakes": -fake_logits}


def hinge_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """max(0, 1 - r) and max(0, 1 + f): Miyato et al. 2018, arXiv:1802.05957, equation 16 with its sign turned."""
    return {"reals": relu(1 - real_logits), "fakes": relu(1 + fake_logits)}


def relativistic_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """-log sigmoid(r - f), each real paired with one fake: Jolicoeur-Martineau 2019, arXiv:1807.00734, RSGAN.

    The loss of R3GAN, too: Huang et al. 2024, arXiv:2501.05441. Raises ValueError where a sample has no partner.
    """
    return {"pairs": _pair_loss(real_logits, fake_logits)}


def relativistic_g(fake_logits: Tensor, real_logits: Tensor | None = None) -> Terms:
    """-log sigmoid(f - r), the same with the players exchanged: it does not saturate. Raises ValueError likewise."""
    if real_logits is None:
        raise ValueError("G's relativistic loss needs D's logits of reals beside those of fakes")
    return {"pairs": _pair_loss(fake_logits, real_logits)}


def _pair_loss(better: Tensor, worse: Tensor) -> Tensor:
    if better.shape != worse.shape:
        raise ValueError(f"{len(better)} logits cannot be paired with {len(worse)}")
    return softplus(worse - better)


UNDECIDED = "D's loss is {:.4g} when D cannot tell reals from fakes, and falls to 0 as D wins."
NON_SATURATING = Objective(non_saturating_d, non_saturating_g, meaning=UNDECIDED.format(2 * math.log(2)))
OBJECTIVES = {
    "minimax": Objective(non_saturating_d, minimax_g, meaning=NON_SATURATING.meaning),
    "non-saturating": NON_SATURATING,
    "lsgan": Objective(lsgan_d, lsgan_g, border=0.5, meaning=UNDECIDED.format(0.25)),
    "lsgan-ab": Objective(lsgan_ab_d, lsgan_ab_g, meaning=UNDECIDED.format(1)),
    "wgan": Objective(
        wgan_d,
        wgan_g,
        border=None,
        meaning="D's loss without penalties estimates minus the distance between reals and fakes, up to a factor: "
        "0 when D sees none; negative is not a bug.",
    ),
    "hinge": Objective(hinge_d, wgan_g, meaning=UNDECIDED.format(2)),
    "relativistic": Objective(
        relativistic_d, relativistic_g, border=None, needs_real_logits=True, meaning=UNDECIDED.format(math.log(2))
    ),
}
"""name -> objective."""
