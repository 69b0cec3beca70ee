"""Losses: logits [N] in, named per-sample terms [N] out. The update takes each term's mean and adds the means.

r stands for a real item's logit and f for a fake's. Both losses are minimised: where a paper maximises, the sign is
flipped. D tells reals from fakes by higher logits in every objective.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ganforge.objectives.catalog import OBJECTIVES

Terms = dict[str, Tensor]
"""Per-sample losses [N] by name; the names appear in the log and in messages."""


class GLoss(Protocol):
    """(fake_logits [N], real_logits [N] where they are needed) -> terms of G's loss."""

    def __call__(self, fake_logits: Tensor, real_logits: Tensor | None = None, /) -> Terms: ...


@dataclass(frozen=True)
class LossPair:
    """An objective's losses.

    d_loss: (real_logits [N], fake_logits [N]) -> terms of D's loss.
    g_loss: (fake_logits [N], real_logits [N] or None) -> terms of G's loss; only fake_logits carry G's gradient.
    needs_real_logits: whether ``g_loss`` takes ``real_logits``; without them it then raises ValueError.
    """

    d_loss: Callable[[Tensor, Tensor], Terms]
    g_loss: GLoss
    needs_real_logits: bool = False


def load_losses(objective: str) -> LossPair:
    """An objective's losses, by its name."""
    record = OBJECTIVES[objective]
    module = record.load()
    return LossPair(module.d_loss, module.g_loss, record.needs_real_logits)


def bce(logits: Tensor, target: float) -> Tensor:
    """Binary cross-entropy of logits [N] against one constant target, per sample, in nats."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target), reduction="none")
