"""Penalties: what D pays per sample for being steep, and WGAN's way to bound its slope without one.

A penalty's gradient goes through D twice, so that D must be twice differentiable almost everywhere, and a sample's
penalty is its own only if D has no batch norm. Norms are over all numbers of an item together: a sum, not a mean, so
that a weight that suits 28 x 28 pixels is too strong for 256 x 256. Every penalty works on pictures and on points.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.base.gradients import differentiated_twice
from ganforge.objectives.catalog import PENALTIES, Penalty

Critic = Callable[[Tensor, Tensor | None], Tensor]
"""D: (items [N, *shape], labels int64 [N] or None) -> logits [N]."""


@dataclass(frozen=True)
class Judged:
    """What D saw in an update, and what it answered: all that a penalty can be made of.

    reals, fakes: [N, *shape], both of the classes ``labels``, before any augmentation.
    real_logits, fake_logits: [N], D's answers to them, augmented where that is on.
    draws: uniform numbers in [0, 1), as the penalties' records ask for: "alpha" [N, 1], "noise" [N, *shape].
    """

    D: Critic
    reals: Tensor
    fakes: Tensor
    labels: Tensor | None
    real_logits: Tensor
    fake_logits: Tensor
    draws: Mapping[str, Tensor]


@dataclass(frozen=True)
class WeighedPenalty:
    """A penalty that D pays: ``weight`` times ``function``, [N]. weight: 0-d, if a tensor."""

    record: Penalty
    weight: float | Tensor
    function: Callable[[Judged], Tensor]


def load_penalties(weights: Mapping[str, float]) -> tuple[WeighedPenalty, ...]:
    """Those of the penalties that weigh anything. weights: by the penalties' names."""
    paid = [(PENALTIES[name], weight) for name, weight in weights.items() if weight]
    return tuple(WeighedPenalty(record, weight, record.load().penalty) for record, weight in paid)


def squared_gradient_norm(logits: Tensor, inputs: Tensor) -> Tensor:
    """||grad D(x)||^2 per sample, [N]; differentiable.

    logits: [N], made by D from ``inputs``, [N, *shape], which requires gradients. Through an augmentation, ``inputs``
    are the items before it.
    """
    return _gradient(logits, inputs).square().sum(1)


def squared_distance_from_slope_one(D: Critic, items: Tensor, labels: Tensor | None) -> Tensor:
    """(||grad D(x)|| - 1)^2 per sample, [N]; no gradient flows to ``items``."""
    items = items.detach().requires_grad_()
    # vector_norm, whose own gradient at 0 is 0: a square root's would be infinite, where D is flat.
    with differentiated_twice():
        logits = D(items, labels)
    return (torch.linalg.vector_norm(_gradient(logits, items), dim=1) - 1).square()


def per_item(numbers: Tensor, items: Tensor) -> Tensor:
    """[N] or [N, 1] -> [N, 1, ...], one number for each item."""
    return numbers.view(-1, *[1] * (items.dim() - 1))


@torch.no_grad()
def clip_weights(params: Iterable[Tensor], limit: float) -> None:
    """Clamp every weight to [-limit, limit], in place: Arjovsky et al. 2017, arXiv:1701.07875, where limit is 0.01.

    The paper's algorithm 1 clips after each of D's steps, its code before each: the same but for D's first and last.
    """
    for param in params:
        param.clamp_(-limit, limit)


def _gradient(logits: Tensor, inputs: Tensor) -> Tensor:
    """[N, numbers of an item]: each logit's gradient for its own item, which the sum over the batch does not mix."""
    [gradient] = torch.autograd.grad(logits.sum(), [inputs], create_graph=True)
    return gradient.flatten(1)
