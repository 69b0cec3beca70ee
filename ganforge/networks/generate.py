"""From z to items, always in batches of one size."""

import torch
from torch import Tensor, nn

BATCH_SIZE = 64
"""Items made at a time: always so many, the last batch filled up, so that what one z becomes is the same to the bit
whichever others are asked for beside it."""


@torch.no_grad()
def generate(G: nn.Module, z: Tensor, labels: Tensor | None, device: torch.device) -> Tensor:
    """z [N, z_dim], and labels int64 [N] for a G that is told the class -> items, float [N, *shape], on the CPU.

    N is at least 1. G is in evaluation mode meanwhile: batch norms use, and leave alone, what they learned.
    """
    was_training = G.training
    G.eval()
    try:
        made = []
        for first in range(0, len(z), BATCH_SIZE):
            count = len(z[first : first + BATCH_SIZE])
            rows = [min(first + row, len(z) - 1) for row in range(BATCH_SIZE)]  # the last row again, to fill up
            told = None if labels is None else labels[rows].to(device)
            made.append(G(z[rows].to(device), told).cpu()[:count])
    finally:
        G.train(was_training)
    return torch.cat(made)
