"""Residual networks with spectral normalisation in D: Miyato et al. 2018, arXiv:1802.05957, appendix B.4.

Every residual block ends on one size of the pyramid (``layers.pyramid``), for pictures of any size. Weights start from
Glorot's uniform distribution, with gain sqrt(2) in the blocks' 3 x 3 convolutions and 1 elsewhere, as in the authors'
code.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from ganforge.networks.catalog import Family
from ganforge.networks.layers import (
    BatchNorm2d,
    ClassBatchNorm2d,
    Head,
    Size,
    SpectralConv2d,
    SpectralLinear,
    level_widths,
    picture_shape,
    pyramid,
)

RECORD = Family(
    name="resnet",
    order=6,
    meaning="residual blocks, with batch norm in G and spectral normalisation in D",
    source="Miyato et al. 2018, arXiv:1802.05957, appendix B.4",
    g_sizes=("width", "base_size"),
    d_sizes=("width", "base_size"),
    d_norm="spectral",
)


class Generator(nn.Module):
    """z [N, z_dim] (and labels [N]) -> fakes [N, *shape] in (-1, 1).

    An affine map onto a rectangle whose sides are at most ``base_size``, a residual block with nearest upsampling per
    level, batch norm, ReLU, a 3 x 3 convolution, tanh. ``width``: channels at the picture's size, doubling per level
    below up to ``max_width``; the paper's, for 32 x 32, has width = max_width = 256. Where num_classes > 0, the label
    chooses the gains and shifts of every batch norm but the last (Miyato and Koyama 2018, arXiv:1802.05637). Batch norm
    needs two items or more in training, and learns what evaluation uses.
    """

    def __init__(
        self, z_dim: int, shape: Sequence[int], width: int = 16, max_width: int = 128, base_size: int = 4,
        num_classes: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape, self.num_classes = tuple(shape), num_classes
        channels, height, side = picture_shape(shape)
        sizes = pyramid((height, side), base_size)
        widths = level_widths(width, len(sizes), max_width)
        self.start = nn.Linear(z_dim, widths[0] * sizes[0][0] * sizes[0][1])
        blocks = [UpBlock(*ends, size, num_classes) for ends, size in zip(pairwise(widths), sizes[1:], strict=True)]
        last = nn.Conv2d(width, channels, 3, padding=1)
        self.layers = nn.Sequential(
            nn.Unflatten(1, (widths[0], *sizes[0])),
            *blocks,
            BatchNorm2d(width),
            nn.ReLU(inplace=True),
            last,
            nn.Tanh(),
        )
        for layer in (self.start, last):
            _first_weights(layer)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        h = self.start(z)
        for layer in self.layers:
            h = layer(h, labels) if isinstance(layer, UpBlock) else layer(h)
        return h.view(-1, *self.shape)


class Discriminator(nn.Module):
    """Pictures or points [N, *shape] in [-1, 1] (and labels [N]) -> logits [N].

    A residual block per level, each followed by 2 x 2 average pooling, down to sides of at most ``base_size``, two
    more blocks there, ReLU, a sum over the pixels, a linear head (with projection where num_classes > 0). Every weight
    is spectrally normalised, which each pass in training mode refines. ``width``: channels of the first block, doubling
    per level up to ``max_width``; the paper's, for 32 x 32, has width = max_width = 128.
    """

    def __init__(
        self, shape: Sequence[int], width: int = 16, max_width: int = 128, base_size: int = 8, num_classes: int = 0
    ) -> None:
        super().__init__()
        self.shape = picture_shape(shape)
        channels, height, side = self.shape
        levels = len(pyramid((height, side), base_size)) - 1
        widths = level_widths(width, levels, max_width)[::-1]
        down = [DownBlock(*ends) for ends in pairwise(widths)]
        same = [DownBlock(widths[-1], widths[-1], pool=False) for _ in range(2)]
        self.blocks = nn.Sequential(DownBlock(channels, widths[0], first=True), *down, *same)
        self.head = Head(widths[-1], num_classes, partial(SpectralLinear, bias=False))
        self.head.apply(_first_weights)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.head(relu(self.blocks(images.view(-1, *self.shape))).sum((2, 3)), labels)


class UpBlock(nn.Module):
    """[N, n_in, h, w] -> [N, n_out, *size]: norm, ReLU, nearest upsampling, convolution, norm, ReLU, convolution;
    beside them a 1 x 1 convolution and upsampling. The norm after the last block is the shift of all convolutions."""

    def __init__(self, n_in: int, n_out: int, size: Size, num_classes: int = 0) -> None:
        super().__init__()
        self.size = size
        self.norm1 = ClassBatchNorm2d(n_in, num_classes)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.norm2 = ClassBatchNorm2d(n_out, num_classes)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(n_in, n_out, 1, bias=False)
        _first_block_weights(self)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        h = self.conv1(interpolate(relu(self.norm1(x, labels)), self.size))
        return self.conv2(relu(self.norm2(h, labels))) + interpolate(self.shortcut(x), self.size)


class DownBlock(nn.Module):
    """[N, n_in, h, w] -> [N, n_out, h / 2, w / 2], rounded up: ReLU, convolution, ReLU, convolution, average pooling;
    beside them a 1 x 1 convolution and pooling. Between the two are n_in channels. The first block of a D has no ReLU
    in front, since it sees pixels, and n_out channels inside; pool = False keeps the size, and then needs no
    convolution in the shortcut."""

    def __init__(self, n_in: int, n_out: int, *, first: bool = False, pool: bool = True) -> None:
        super().__init__()
        self.first, self.pool = first, pool
        inside = n_out if first else n_in
        self.conv1 = SpectralConv2d(n_in, inside, 3, padding=1)
        self.conv2 = SpectralConv2d(inside, n_out, 3, padding=1)
        self.shortcut = SpectralConv2d(n_in, n_out, 1) if pool else nn.Identity()
        _first_block_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(relu(self.conv1(x if self.first else relu(x))))
        if not self.pool:
            return h + x
        # Pooling before the 1 x 1 convolution or after it: the same numbers, and before costs a quarter.
        return halved(h) + self.shortcut(halved(x))


def halved(x: Tensor) -> Tensor:
    """Means over 2 x 2 pixels; at the end of an odd side, over the pixels that there are."""
    return avg_pool2d(x, 2, ceil_mode=True)


def _first_block_weights(block: UpBlock | DownBlock) -> None:
    for layer, gain in ((block.conv1, 2**0.5), (block.conv2, 2**0.5), (block.shortcut, 1.0)):
        _first_weights(layer, gain)


def _first_weights(layer: nn.Module, gain: float = 1.0) -> None:
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight, gain)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
