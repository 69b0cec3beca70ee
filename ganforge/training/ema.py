"""A moving average of G's weights, which makes steadier pictures than G itself."""

import torch
from torch import Tensor, nn


def ema_beta(batch_size: int, halflife_nimg: float) -> float:
    """Share of the old average that a step keeps: 0.5^(batch / half-life), Karras et al. 2020, arXiv:1912.04958; none
    of it where the half-life is 0."""
    return float(0.5 ** (batch_size / halflife_nimg)) if halflife_nimg else 0.0


@torch.no_grad()
def update_ema(G_ema: nn.Module, G: nn.Module, new_share: float | Tensor) -> None:
    """G_ema <- G_ema + new_share * (G - G_ema) for every parameter; buffers are copied. new_share: 0-d, if a tensor."""
    averages: list[Tensor] = list(G_ema.parameters())
    weights: list[Tensor] = list(G.parameters())
    if isinstance(new_share, Tensor):
        steps = torch._foreach_sub(weights, averages)
        torch._foreach_mul_(steps, new_share)
        torch._foreach_add_(averages, steps)
    else:
        torch._foreach_lerp_(averages, weights, new_share)
    for kept, new in zip(G_ema.buffers(), G.buffers(), strict=True):
        kept.copy_(new)
