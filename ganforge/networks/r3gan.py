"""R3GAN: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern GAN Baseline", arXiv:2501.05441, section 3.

No normalisation layers, no tanh: residual blocks of 1 x 1, grouped 3 x 3 and 1 x 1 convolutions, wider inside than
outside, and fixed bilinear filters between the sizes of the pyramid (``layers.pyramid``), for pictures of any size. The
first weights are Fixup's (Zhang et al. 2019, arXiv:1901.09321): with L blocks, the last convolution of a block is zero
and the others are scaled by L^(-1/4), so that every block starts as the identity.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d

from ganforge.base.errors import UserError
from ganforge.networks.catalog import Family
from ganforge.networks.double_backward import Conv2d, LeakyReLU, convolution
from ganforge.networks.layers import (
    Head,
    Size,
    halving_padding,
    label_scores,
    level_widths,
    needed,
    picture_shape,
    pyramid,
)

RECORD = Family(
    name="r3gan",
    order=7,
    article="an",
    meaning="residual blocks without normalisation, tanh-free",
    source="Huang et al. 2024, arXiv:2501.05441, section 3",
    g_sizes=("width", "base_size", "blocks", "group_size"),
    d_sizes=("width", "base_size", "blocks", "group_size"),
    d_one_pass=False,
)

Layer = TypeVar("Layer", Conv2d, nn.Linear)

EXPANSION = 2
"""How much wider a block is inside than outside."""
CLASS_DIM = 64
"""What G is told of a class: so many learned numbers, beside z. As many as z has in the authors' code."""


class Generator(nn.Module):
    """z [N, z_dim] (and labels [N]) -> fakes [N, *shape], not bounded, since there is no tanh.

    A learned basis of sides at most ``base_size``, scaled channel by channel by a linear map of z; then ``blocks``
    residual blocks per level, and a 1 x 1 convolution. Where num_classes > 0, ``CLASS_DIM`` learned numbers for the
    label stand beside z; their mean square is 1 / num_classes at first, as in the authors' code. ``width``: channels at
    the picture's size, doubling per level below up to ``max_width``; the paper's, for stacked MNIST, has width =
    max_width = 768, 2 blocks and sides from 4. ``group_size``: channels per group of the 3 x 3 convolutions. Raises
    UserError where it does not divide the widths.
    """

    def __init__(
        self, z_dim: int, shape: Sequence[int], width: int = 16, max_width: int = 64, base_size: int = 4,
        blocks: int = 1, group_size: int = 16, num_classes: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape, self.num_classes = tuple(shape), num_classes
        channels, height, side = picture_shape(shape)
        sizes = pyramid((height, side), base_size)
        widths = level_widths(width, len(sizes), max_width)
        total = blocks * len(sizes)
        self.basis = nn.Parameter(torch.randn(widths[0], *sizes[0]))
        if num_classes:
            self.classes = nn.Parameter(torch.randn(num_classes, CLASS_DIM) * num_classes**-0.5)
        self.scales = _linear(z_dim + (CLASS_DIM if num_classes else 0), widths[0])
        layers: list[nn.Module] = [Block(widths[0], group_size, total) for _ in range(blocks)]
        for (n_in, n_out), size in zip(pairwise(widths), sizes[1:], strict=True):
            layers += [*_widths_changed(n_in, n_out), Upsampling(n_out, size)]
            layers += [Block(n_out, group_size, total) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers, _convolution(width, channels, 1))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        told = torch.cat([z, self.classes[needed(labels)]], dim=1) if self.num_classes else z
        scales = self.scales(told)
        return self.layers(self.basis * scales[:, :, None, None]).view(-1, *self.shape)


class Discriminator(nn.Module):
    """Pictures or points [N, *shape] (and labels [N]) -> logits [N]: the generator's mirror image.

    A 1 x 1 convolution, ``blocks`` residual blocks per level, then each channel's inner product with a learned picture
    of the lowest size, and a linear head; where num_classes > 0, a ``ClassHead``. Parameters as the generator's.
    """

    def __init__(
        self, shape: Sequence[int], width: int = 16, max_width: int = 64, base_size: int = 4,
        blocks: int = 1, group_size: int = 16, num_classes: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape = picture_shape(shape)
        channels, height, side = self.shape
        sizes = pyramid((height, side), base_size)
        widths = level_widths(width, len(sizes), max_width)
        total = blocks * len(sizes)
        layers: list[nn.Module] = [_convolution(channels, width, 1)]
        for (n_out, n_in), size in zip(reversed(list(pairwise(widths))), reversed(sizes[1:]), strict=True):
            layers += [Block(n_in, group_size, total) for _ in range(blocks)]
            layers += [Downsampling(n_in, size), *_widths_changed(n_in, n_out)]
        layers += [Block(widths[0], group_size, total) for _ in range(blocks)]
        basis = Conv2d(widths[0], widths[0], sizes[0], groups=widths[0], bias=False)
        self.layers = nn.Sequential(*layers, _initialised(basis), nn.Flatten())
        self.head = ClassHead(widths[0], num_classes) if num_classes else Head(widths[0], 0, _linear)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.head(self.layers(images.view(-1, *self.shape)), labels)


class ClassHead(nn.Module):
    """Features [N, F] and labels [N] -> logits [N]: a linear map of the features, then their inner product with the
    label's vector, as in the authors' code; there is no logit apart from the class. Logits start with a mean square of
    1 / num_classes for features of mean square 1."""

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.features = _linear(features, features)
        self.classes = _initialised(nn.Linear(features, num_classes, bias=False), num_classes**-0.5)

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        return label_scores(self.classes(self.features(features)), labels)


class Block(nn.Module):
    """[N, width, h, w] -> the same: x + conv1x1(LeakyReLU(grouped conv3x3(LeakyReLU(conv1x1(x))))).

    total: L, the residual blocks of the whole network. The gain keeps the variance through a LeakyReLU(0.2).
    """

    def __init__(self, width: int, group_size: int, total: int) -> None:
        super().__init__()
        inside = EXPANSION * width
        if inside % group_size:
            fault = f"R3GAN's groups of {group_size} channels do not divide a block of {EXPANSION} x {width}"
            raise UserError(f"{fault}; choose a group size that divides twice every width.")
        gain = (2 / (1 + 0.2**2)) ** 0.5 * total**-0.25
        self.layers = nn.Sequential(
            _convolution(width, inside, 1, gain, bias=True),
            LeakyReLU(0.2),
            _convolution(inside, inside, 3, gain, bias=True, groups=inside // group_size),
            LeakyReLU(0.2),
            _convolution(inside, width, 1, gain=0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Downsampling(nn.Module):
    """[N, C, *size] -> half the size, rounded up, by the bilinear filter; beyond the edge are zeros.

    The filter is [1, 3, 3, 1] / 8 each way: the [1, 2, 1] of the paper's settings, which its code convolves with [1, 1]
    so that the pixels of both sizes share their centres.
    """

    kernel: Tensor

    def __init__(self, channels: int, size: Size) -> None:
        super().__init__()
        self.padding = halving_padding(size)
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(taps, taps).repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return convolution(x, self.kernel, stride=(2, 2), padding=self.padding, groups=len(self.kernel))


class Upsampling(nn.Module):
    """[N, C, half the size, rounded up] -> [N, C, *size]: ``Downsampling``'s transpose, times 4 to keep the mean."""

    kernel: Tensor

    def __init__(self, channels: int, size: Size) -> None:
        super().__init__()
        self.padding, self.odd = halving_padding(size), (size[0] % 2, size[1] % 2)
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
        self.register_buffer("kernel", torch.outer(taps, taps).repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        groups = len(self.kernel)
        return conv_transpose2d(x, self.kernel, stride=2, padding=self.padding, output_padding=self.odd, groups=groups)


def _widths_changed(n_in: int, n_out: int) -> list[nn.Module]:
    """A 1 x 1 convolution, where the widths of two levels differ."""
    return [] if n_in == n_out else [_convolution(n_in, n_out, 1)]


def _convolution(n_in: int, n_out: int, side: int, gain: float = 1.0, *, bias: bool = False, groups: int = 1) -> Conv2d:
    layer = Conv2d(n_in, n_out, side, padding=side // 2, groups=groups, bias=bias)
    return _initialised(layer, gain)


def _linear(n_in: int, n_out: int, bias: bool = False) -> nn.Linear:
    return _initialised(nn.Linear(n_in, n_out, bias=bias))


def _initialised(layer: Layer, gain: float = 1.0) -> Layer:
    """Weights N(0, gain^2 / inputs), biases 0: He et al. 2015, arXiv:1502.01852."""
    nn.init.normal_(layer.weight, 0.0, gain / layer.weight[0].numel() ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
