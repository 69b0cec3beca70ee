"""D's decision map: how real it finds each place in the plane."""

import torch
from torch import Tensor, nn

from ganforge.base.plots import LIMIT

SIDE = 64
"""Places along each side of the map."""


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
    was_training = D.training
    D.eval()
    try:
        logits = D(points).float().cpu().view(SIDE, SIDE)
    finally:
        D.train(was_training)
    low, high = logits.min(), logits.max()
    return (logits - low) / (high - low) if high > low else torch.full_like(logits, 0.5)
