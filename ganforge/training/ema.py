"""A moving average of G's weights, which makes steadier pictures than G itself."""

import torch
from torch import nn


def ema_beta(batch_size: int, halflife_nimg: float) -> float:
    """Share of the old average that a step keeps: 0.5^(batch / half-life), Karras et al. 2020, arXiv:1912.04958."""
    return float(0.5 ** (batch_size / halflife_nimg))


@torch.no_grad()
def update_ema(G_ema: nn.Module, G: nn.Module, beta: float) -> None:
    """G_ema <- beta * G_ema + (1 - beta) * G for every parameter; buffers are copied."""
    averages: list[torch.Tensor] = list(G_ema.parameters())
    weights: list[torch.Tensor] = list(G.parameters())
    torch._foreach_lerp_(averages, weights, 1.0 - beta)
    for kept, new in zip(G_ema.buffers(), G.buffers(), strict=True):
        kept.copy_(new)
