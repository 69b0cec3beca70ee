"""Settings' plain values in, networks out; their first weights follow from the seed alone."""

from collections.abc import Sequence

import torch
from torch import nn

from ganforge.base.seeding import derive
from ganforge.networks import mlp


def build_generator(z_dim: int, shape: Sequence[int], hidden: Sequence[int], seed: int) -> nn.Module:
    """G for z [N, z_dim] and items of ``shape``, on the CPU, with PyTorch's default initialisation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "G"))
        return mlp.Generator(z_dim, shape, hidden)


def build_discriminator(shape: Sequence[int], hidden: Sequence[int], seed: int) -> nn.Module:
    """D for items of ``shape``, likewise."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "D"))
        return mlp.Discriminator(shape, hidden)
