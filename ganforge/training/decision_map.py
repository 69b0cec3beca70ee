"""What D says of the plane: how real it finds each place, and which way it pulls the fakes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ganforge.base.plots import LIMIT
from ganforge.objectives.losses import LossPair

SIDE = 64
"""Places along each side of the map."""
NUM_PULLED, LONGEST, STRONG = 48, 0.22, 0.9
"""Fakes that have an arrow; an arrow's greatest length, in the plane's units, which this quantile of them reaches."""


@torch.no_grad()
def decision_map(D: nn.Module, device: torch.device) -> Tensor:
    """D's logits over the frame that points are drawn in, float32 [SIDE, SIDE] on the CPU, the top row first.

    They are scaled to go from 0, where D is surest of a fake, to 1, where it is surest of a real: each loss has its own
    scale of logits, so that a map tells where, not how sure. 1/2 everywhere if D gives every place the same logit.

    D: for points, without classes. It is in evaluation mode meanwhile: spectral norms use the vectors that they have
    found, and do not change them.
    """
    at = torch.linspace(-LIMIT, LIMIT, SIDE)
    y, x = torch.meshgrid(at.flip(0), at, indexing="ij")
    points = torch.stack([x, y], dim=-1).view(-1, 2).to(device)  # [SIDE * SIDE, 2]
    with _evaluated(D):
        logits = D(points).float().cpu().view(SIDE, SIDE)
    low, high = logits.min(), logits.max()
    return (logits - low) / (high - low) if high > low else torch.full_like(logits, 0.5)


def pulls(D: nn.Module, losses: LossPair, fakes: Tensor, reals: Tensor, device: torch.device) -> Tensor:
    """Where G's loss would have the first fakes go: arrows float32 [up to NUM_PULLED, 2, 2], each from a fake along
    -dloss/dfake, on the CPU.

    Their lengths are as the gradients', those beyond the quantile ``STRONG`` of them cut to ``LONGEST``. A fake whose
    gradient is 0 or not finite has none. fakes, reals: float [N, 2]; reals are for losses that set fakes beside them.
    """
    count = min(NUM_PULLED, len(fakes), len(reals))
    start, beside = fakes[:count].detach().to(device), reals[:count].to(device)
    with _evaluated(D), torch.enable_grad():
        at = start.clone().requires_grad_()
        real_logits = D(beside).detach() if losses.needs_real_logits else None
        terms = losses.g_loss(D(at), real_logits)
        (gradient,) = torch.autograd.grad(torch.stack(list(terms.values())).sum(), at)
    start, pull = start.float().cpu(), -gradient.float().cpu()
    norms = pull.norm(dim=1)
    seen = norms.isfinite() & (norms > 0)
    start, pull, norms = start[seen], pull[seen], norms[seen, None]
    strong = norms.quantile(STRONG) if len(norms) else norms.new_ones(())
    return torch.stack([start, start + LONGEST * pull / norms.clamp(min=strong)], dim=1)


@contextmanager
def _evaluated(D: nn.Module) -> Iterator[None]:
    was_training = D.training
    D.eval()
    try:
        yield
    finally:
        D.train(was_training)
