"""From z to items, always in batches of one size."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ganforge.networks.precision import tf32

BATCH_SIZE = 64
"""Items made at a time: always so many, the last batch filled up, so that what one z becomes is the same to the bit
whichever others are asked for beside it. Fewer where a layer would hold more than ``MAX_LAYER`` numbers."""
MAX_LAYER = 2**26
"""Numbers in the largest layer's output for one batch: 256 MiB."""


@torch.no_grad()
def batch_size_for(outline: nn.Module, z_dim: int, num_classes: int) -> int:
    """How many items a G makes at a time, by its outline, on the meta device; 0 where even one is too many: four times
    ``MAX_LAYER`` in a layer."""
    largest = 1

    def look(layer: nn.Module, given: object, output: Tensor) -> None:
        nonlocal largest
        largest = max(largest, output.numel())

    handles = [layer.register_forward_hook(look) for layer in outline.eval().modules()]
    labels = torch.zeros(1, dtype=torch.int64, device="meta") if num_classes else None
    outline(torch.empty(1, z_dim, device="meta"), labels)
    for handle in handles:
        handle.remove()
    return min(BATCH_SIZE, max(MAX_LAYER // largest, int(largest <= 4 * MAX_LAYER)))


@torch.no_grad()
def generate(
    G: nn.Module, z: Tensor, labels: Tensor | None, device: torch.device, batch_size: int = BATCH_SIZE,
    finish: Callable[[Tensor], Tensor] = lambda items: items,
) -> Tensor:  # fmt: skip
    """z [N, z_dim], and labels int64 [N] for a G that is told the class -> items, float [N, *shape], on the CPU.

    In float32 also where G was trained in TF32. N is at least 1. G is in evaluation mode meanwhile: batch norms use,
    and leave alone, what they learned. finish: what is to be made of each batch before the next.
    """
    was_training = G.training
    G.eval()
    try:
        made = []
        for first in range(0, len(z), batch_size):
            count = len(z[first : first + batch_size])
            rows = [min(first + row, len(z) - 1) for row in range(batch_size)]  # the last row again, to fill up
            told = None if labels is None else labels[rows].to(device)
            with tf32(False):
                fakes = G(z[rows].to(device), told)
            made.append(finish(fakes.cpu()[:count]))
    finally:
        G.train(was_training)
    return torch.cat(made)
