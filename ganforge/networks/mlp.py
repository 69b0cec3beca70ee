"""The note's networks: fully connected, for pictures of any size and for points."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ganforge.networks.catalog import Family
from ganforge.networks.layers import label_scores, with_labels

RECORD = Family(
    name="mlp",
    order=1,
    article="an",
    meaning="fully connected layers",
    source="a tutorial note on GANs in PyTorch (docs/sources.md)",
    g_sizes=("hidden",),
    d_sizes=("hidden",),
)


class Generator(nn.Module):
    """z [N, z_dim] (and labels [N]) -> fakes [N, *shape] in (-1, 1): linear layers with ReLU between them, tanh at the
    end.

    With hidden = (1024, 1024), z_dim = 96 and shape = (1, 28, 28) it is the note's G. Where num_classes > 0, the label
    enters as a one-hot code beside z.
    """

    def __init__(
        self, z_dim: int, shape: Sequence[int], hidden: Sequence[int] = (1024, 1024), num_classes: int = 0
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.num_classes = num_classes
        widths = [z_dim + num_classes, *hidden, math.prod(shape)]
        # In place: an activation overwrites its input, which no gradient needs. The numbers are the same.
        self.layers = _linear_stack(widths, lambda: nn.ReLU(inplace=True))
        self.layers.append(nn.Tanh())

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(with_labels(z, labels, self.num_classes)).view(-1, *self.shape)


class Discriminator(nn.Module):
    """Pictures or points [N, *shape] in [-1, 1] (and labels [N]) -> logits [N]: linear layers with LeakyReLU(0.2)
    between them.

    With hidden = (256, 256) and shape = (1, 28, 28) it is the note's D. Where num_classes > 0, the last layer's input
    also meets a learned vector for the label (projection, Miyato and Koyama 2018, arXiv:1802.05637).
    """

    def __init__(self, shape: Sequence[int], hidden: Sequence[int] = (256, 256), num_classes: int = 0) -> None:
        super().__init__()
        widths = [math.prod(shape), *hidden]
        self.layers = _linear_stack([*widths, 1], lambda: nn.LeakyReLU(0.2, inplace=True))
        self.classes = nn.Linear(widths[-1], num_classes, bias=False) if num_classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.classes is None:
            return self.layers(images.flatten(1)).squeeze(1)
        features = self.layers[:-1](images.flatten(1))
        return self.layers[-1:](features).squeeze(1) + label_scores(self.classes(features), labels)


class Linear(nn.Linear):
    """Affine map of items [N, in_features] -> [N, out_features] or, transposed, [in_features, N] -> [out_features, N]:
    the same numbers up to rounding. With several threads a CPU shares out a product's columns among them, and the
    second way round there are more of those.
    """

    transposed = False

    def forward(self, input: Tensor) -> Tensor:
        if self.transposed:
            return torch.addmm(self.bias.unsqueeze(1), self.weight, input)
        return super().forward(input)


class Stack(nn.Sequential):
    """Layers one after the other, [N, features] -> [N, features]; none, or the first of them a ``Linear``: between its
    ends it works transposed where that does."""

    def forward(self, input: Tensor) -> Tensor:
        transposed = len(self) > 0 and self[0].transposed
        return super().forward(input.t()).t() if transposed else super().forward(input)


def _linear_stack(widths: Sequence[int], activation: Callable[[], nn.Module]) -> Stack:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [Linear(n_in, n_out), activation()]
    return Stack(*layers[:-1])
