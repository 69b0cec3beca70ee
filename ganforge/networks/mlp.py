"""The note's networks: fully connected, for pictures of any size and for points."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import Tensor, nn


class Generator(nn.Module):
    """z [N, z_dim] -> fakes [N, *shape] in (-1, 1): linear layers with ReLU between them, tanh at the end.

    With hidden = (1024, 1024), z_dim = 96 and shape = (1, 28, 28) it is the note's G.
    """

    def __init__(self, z_dim: int, shape: Sequence[int], hidden: Sequence[int] = (1024, 1024)) -> None:
        super().__init__()
        self.shape = tuple(shape)
        widths = [z_dim, *hidden, math.prod(shape)]
        # In place: an activation overwrites its input, which no gradient needs. The numbers are the same.
        self.layers = _linear_stack(widths, lambda: nn.ReLU(inplace=True))
        self.layers.append(nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z).view(-1, *self.shape)


class Discriminator(nn.Module):
    """Pictures or points [N, *shape] in [-1, 1] -> logits [N]: linear layers with LeakyReLU(0.2) between them.

    With hidden = (256, 256) and shape = (1, 28, 28) it is the note's D.
    """

    def __init__(self, shape: Sequence[int], hidden: Sequence[int] = (256, 256)) -> None:
        super().__init__()
        self.layers = _linear_stack([math.prod(shape), *hidden, 1], lambda: nn.LeakyReLU(0.2, inplace=True))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images.flatten(1)).squeeze(1)


def _linear_stack(widths: Sequence[int], activation: Callable[[], nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])
