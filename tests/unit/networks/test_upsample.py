"""networks/upsample: upsampling, convolution and pooling, in the order of the note."""

import torch
from torch import nn

from ganforge.networks.upsample import Generator


def test_sizes_level_by_level() -> None:
    """7 to 14 to 28 to 56 by upsampling, and back to 28 by pooling."""
    G = Generator(4, (1, 28, 28), width=2)
    x, sizes = G.start(torch.randn(2, 4)), []
    for layer in G.layers:
        x = layer(x)
        if not isinstance(layer, nn.BatchNorm2d | nn.ReLU | nn.Tanh):
            sizes.append((type(layer).__name__, x.shape[1], x.shape[2]))
    assert sizes == [
        ("Unflatten", 16, 7),
        ("Upsample", 16, 14), ("Conv2d", 8, 14),
        ("Upsample", 8, 28), ("Conv2d", 4, 28),
        ("Upsample", 4, 56), ("Conv2d", 2, 56),
        ("AvgPool2d", 2, 28), ("Conv2d", 1, 28),
    ]  # fmt: skip


def test_odd_sides_are_reached_exactly() -> None:
    G = Generator(4, (3, 33, 50), width=2, max_width=4)
    x = G.start(torch.randn(2, 4))
    sizes = []
    for layer in G.layers:
        x = layer(x)
        if isinstance(layer, nn.Unflatten | nn.Upsample | nn.AvgPool2d):
            sizes.append(tuple(x.shape[2:]))
    assert sizes == [(5, 7), (9, 13), (17, 25), (33, 50), (66, 100), (33, 50)]
