"""z: what G makes pictures from."""

import torch
from torch import Generator, Tensor


def draw_z(kind: str, count: int, z_dim: int, generator: Generator) -> Tensor:
    """z [count, z_dim] on the CPU. kind: uniform, over (-1, 1) in each dimension, or normal, N(0, 1)."""
    if kind == "uniform":
        return torch.rand(count, z_dim, generator=generator).mul_(2).sub_(1)
    return torch.randn(count, z_dim, generator=generator)
