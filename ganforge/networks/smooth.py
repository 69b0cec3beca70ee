"""Convolutions that make no checkerboard: G's are of pictures doubled by nearest neighbours, D's are averaged.

A transposed convolution of stride 2 draws every other pixel with other weights, which shows as a checkerboard (Odena et
al. 2016, "Deconvolution and Checkerboard Artifacts", distill.pub). Here every resampling is a 3 x 3 convolution after
nearest upsampling, or before a mean over 2 x 2 pixels. Both are worked out at once, as convolutions of stride 2 whose
4 x 4 kernel is a sum of the 3 x 3 one, shifted: the same numbers for less than half of the products, as in the code of
Karras et al. 2018 (arXiv:1710.10196, "fused scale"). Levels are those of ``layers.pyramid``, for pictures of any size.
Weights start as He's (2015, arXiv:1502.01852).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, interpolate, pad

from ganforge.networks.catalog import Family
from ganforge.networks.double_backward import Conv2d, LeakyReLU, convolution
from ganforge.networks.layers import BatchNorm2d, ClassBatchNorm2d, Head, Size, level_widths, picture_shape, pyramid

RECORD = Family(
    name="smooth",
    order=8,
    meaning="3 x 3 convolutions with nearest upsampling in G and means over 2 x 2 pixels in D",
    source="docs/recipes.md, photo",
    g_sizes=("width", "base_size"),
    d_sizes=("width", "base_size"),
)


class Generator(nn.Module):
    """z [N, z_dim] (and labels [N]) -> fakes [N, *shape] in (-1, 1).

    An affine map onto a rectangle whose sides are at most ``base_size``; for each level above it batch norm, ReLU,
    nearest upsampling and a 3 x 3 convolution; then batch norm, ReLU, a 3 x 3 convolution, tanh. ``width``: channels at
    the picture's size (by default ``usual_width``), doubling per level below up to ``max_width``. Where num_classes >
    0, the label chooses the gains and shifts of every batch norm but the last (Miyato and Koyama 2018,
    arXiv:1802.05637). Batch norm needs two items or more in training, and learns what evaluation uses.
    """

    def __init__(
        self, z_dim: int, shape: Sequence[int], width: int | None = None, max_width: int = 128, base_size: int = 4,
        num_classes: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape, self.num_classes = tuple(shape), num_classes
        channels, height, side = picture_shape(shape)
        sizes = pyramid((height, side), base_size)
        width = usual_width(sizes[-1]) if width is None else width
        widths = level_widths(width, len(sizes), max_width)
        self.start = nn.Linear(z_dim, widths[0] * sizes[0][0] * sizes[0][1])
        _first_weights(self.start, gain=1.0)
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], *sizes[0]))]
        for (n_in, n_out), size in zip(pairwise(widths), sizes[1:], strict=True):
            layers += [ClassBatchNorm2d(n_in, num_classes), nn.ReLU(inplace=True), Up(n_in, n_out, size)]
        last = nn.Conv2d(width, channels, 3, padding=1)
        _first_weights(last, gain=1.0)
        self.layers = nn.Sequential(*layers, BatchNorm2d(width), nn.ReLU(inplace=True), last, nn.Tanh())

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        h = self.start(z)
        for layer in self.layers:
            h = layer(h, labels) if isinstance(layer, ClassBatchNorm2d) else layer(h)
        return h.view(-1, *self.shape)


class Discriminator(nn.Module):
    """Pictures or points [N, *shape] in [-1, 1] (and labels [N]) -> logits [N].

    A 3 x 3 convolution; then, down to sides of at most ``base_size``, a 3 x 3 convolution and a mean over 2 x 2 pixels
    per level; LeakyReLU(0.2) after each; an affine head (with projection where num_classes > 0). No norm: its slope is
    to be held by a penalty such as R1. ``width``: channels at the picture's size, doubling per level below up to
    ``max_width``.
    """

    def __init__(
        self, shape: Sequence[int], width: int | None = None, max_width: int = 128, base_size: int = 4,
        num_classes: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape = picture_shape(shape)
        channels, height, side = self.shape
        sizes = pyramid((height, side), base_size)
        width = usual_width(sizes[-1]) if width is None else width
        widths = level_widths(width, len(sizes), max_width)[::-1]
        first = Conv2d(channels, width, 3, padding=1)
        _first_weights(first)
        downs = [layer for ends in pairwise(widths) for layer in (Down(*ends), LeakyReLU(0.2))]
        self.layers = nn.Sequential(first, LeakyReLU(0.2), *downs, nn.Flatten())
        self.head = Head(widths[-1] * sizes[0][0] * sizes[0][1], num_classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.head(self.layers(images.view(-1, *self.shape)), labels)


class Up(nn.Conv2d):
    """[N, n_in, h, w] -> [N, n_out, *size], size being 2 h x 2 w, or a row or column less: nearest upsampling, then a
    3 x 3 convolution; beyond the edge are zeros."""

    def __init__(self, n_in: int, n_out: int, size: Size) -> None:
        super().__init__(n_in, n_out, 3, padding=1, bias=False)
        self.size = size
        _first_weights(self)

    def forward(self, input: Tensor) -> Tensor:
        if any(side % 2 for side in self.size):
            return super().forward(interpolate(input, self.size))
        return conv_transpose2d(input, with_shifts(self.weight).flip(2, 3).transpose(0, 1), stride=2, padding=1)


class Down(nn.Conv2d):
    """[N, n_in, h, w] -> [N, n_out, h / 2, w / 2], rounded up: a 3 x 3 convolution, then means over 2 x 2 pixels. Odd
    sides are made even by a row or column of zeros."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, 3)
        _first_weights(self)

    def forward(self, input: Tensor) -> Tensor:
        height, width = input.shape[2:]
        if height % 2 or width % 2:
            input = pad(input, (0, width % 2, 0, height % 2))
        return convolution(input, with_shifts(self.weight) / 4, self.bias, stride=(2, 2), padding=(1, 1))


def usual_width(size: Size) -> int:
    """Channels at the size of the pictures: about 1,024 over the longer side, so that a level of any size costs about
    the same: 32 for sides of 32, 16 for 64; powers of 2, from 8 to 64."""
    return min(64, max(8, 2 ** round(math.log2(1024 / max(size)))))


def with_shifts(kernel: Tensor) -> Tensor:
    """3 x 3 kernels [..., 3, 3] -> [..., 4, 4]: the sum of each at its four places, which is it convolved with 2 x 2
    ones."""
    wide = pad(kernel, (1, 1, 1, 1))
    return wide[..., 1:, 1:] + wide[..., 1:, :-1] + wide[..., :-1, 1:] + wide[..., :-1, :-1]


def _first_weights(layer: nn.Conv2d | nn.Linear, gain: float = 2**0.5) -> None:
    nn.init.normal_(layer.weight, 0.0, gain / layer.weight[0].numel() ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
