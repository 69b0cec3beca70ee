"""Penalties: what D pays per sample for being steep, and WGAN's way to bound its slope without one.

A penalty's gradient goes through D twice, so that D must be twice differentiable almost everywhere, and a sample's
penalty is its own only if D has no batch norm. Norms are over all numbers of an item together: a sum, not a mean, so
that a weight that suits 28 x 28 pixels is too strong for 256 x 256. Every penalty works on pictures and on points.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

Critic = Callable[[Tensor, Tensor | None], Tensor]
"""D: (items [N, *shape], labels int64 [N] or None) -> logits [N]."""


def squared_gradient_norm(logits: Tensor, inputs: Tensor) -> Tensor:
    """||grad D(x)||^2 per sample, [N]; differentiable.

    logits: [N], made by D from ``inputs``, [N, *shape], which requires gradients. Through an augmentation, ``inputs``
    are the items before it.

    R1 is r1_gamma / 2 times this on reals, R2 r2_gamma / 2 times this on fakes: Mescheder et al. 2018,
    arXiv:1801.04406, equations 9 and 10. (Their code leaves out the 1/2: its gamma counts double.) R1 alone may be
    computed on every k-th step only, times k (Karras et al. 2020, arXiv:1912.04958, section 3.1); so may R2 alone.
    With R3GAN, whose D pays both, that fails to converge on Stacked MNIST and in the plane (Huang et al. 2024,
    arXiv:2501.05441, appendix E): settings that ask for it are refused.
    """
    return _gradient(logits, inputs).square().sum(1)


def gradient_penalty(D: Critic, reals: Tensor, fakes: Tensor, alpha: Tensor, labels: Tensor | None = None) -> Tensor:
    """(||grad D(x_hat)|| - 1)^2 per sample, [N], at x_hat = alpha x + (1 - alpha) G(z): Gulrajani et al. 2017,
    arXiv:1704.00028, algorithm 1, where its weight is 10.

    reals, fakes: [N, *shape], both of the classes ``labels``; no gradient flows to them. alpha: [N], uniform in [0, 1).
    To be computed on every step: D's loss alone has no bound.
    """
    share = _per_item(alpha, reals)
    return _distance_from_slope_one(D, share * reals + (1 - share) * fakes, labels)


def dragan_penalty(D: Critic, reals: Tensor, alpha: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
    """(||grad D(x_hat)|| - 1)^2 per sample, [N], at x_hat = x + alpha noise std(x) / 2: Kodali et al. 2017,
    arXiv:1705.07215, as in its authors' code, with std over all numbers of the batch; its weight there is 10.

    reals: [N, *shape]; no gradient flows to them. alpha: [N], uniform in [0, 1). noise: as reals, uniform in [0, 1).
    """
    spread = reals.std(correction=0) / 2
    return _distance_from_slope_one(D, reals + _per_item(alpha, reals) * spread * noise, labels)


@torch.no_grad()
def clip_weights(params: Iterable[Tensor], limit: float) -> None:
    """Clamp every weight to [-limit, limit], in place: Arjovsky et al. 2017, arXiv:1701.07875, where limit is 0.01.

    The paper's algorithm 1 clips after each of D's steps, its code before each: the same but for D's first and last.
    """
    for param in params:
        param.clamp_(-limit, limit)


def _distance_from_slope_one(D: Critic, items: Tensor, labels: Tensor | None) -> Tensor:
    items = items.detach().requires_grad_()
    # vector_norm, whose own gradient at 0 is 0: a square root's would be infinite, where D is flat.
    return (torch.linalg.vector_norm(_gradient(D(items, labels), items), dim=1) - 1).square()


def _gradient(logits: Tensor, inputs: Tensor) -> Tensor:
    """[N, numbers of an item]: each logit's gradient for its own item, which the sum over the batch does not mix."""
    [gradient] = torch.autograd.grad(logits.sum(), [inputs], create_graph=True)
    return gradient.flatten(1)


def _per_item(numbers: Tensor, items: Tensor) -> Tensor:
    """[N] -> [N, 1, ...], one number for each item."""
    return numbers.view(-1, *[1] * (items.dim() - 1))
