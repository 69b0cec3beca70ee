"""Losses: logits [N] in, named per-sample terms [N] out. The update takes each term's mean and adds the means."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

Terms = dict[str, Tensor]
"""Per-sample losses [N] by name; the names appear in the log and in messages."""


@dataclass(frozen=True)
class Objective:
    """A pair of losses.

    d_loss: (real_logits [N], fake_logits [N]) -> terms of D's loss.
    g_loss: (fake_logits [N]) -> terms of G's loss.
    """

    d_loss: Callable[[Tensor, Tensor], Terms]
    g_loss: Callable[[Tensor], Terms]


def bce(logits: Tensor, target: float) -> Tensor:
    """Binary cross-entropy of logits [N] against one constant target, per sample, in nats."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")


def non_saturating_d(real_logits: Tensor, fake_logits: Tensor) -> Terms:
    """-log sigmoid(D(x)) and -log(1 - sigmoid(D(G(z)))): Goodfellow et al. 2014, arXiv:1406.2661, equation 1."""
    return {"reals": bce(real_logits, 1.0), "fakes": bce(fake_logits, 0.0)}


def non_saturating_g(fake_logits: Tensor) -> Terms:
    """-log sigmoid(D(G(z))), whose gradient does not vanish while D wins: the same paper, end of section 3."""
    return {"fakes": bce(fake_logits, 1.0)}


NON_SATURATING = Objective(non_saturating_d, non_saturating_g)
