"""DCGAN: Radford et al. 2016, arXiv:1511.06434. Strided and transposed convolutions, for pictures of any size.

Between two levels of the pyramid (``layers.pyramid``) lies one 4 x 4 convolution of stride 2, whose padding reaches odd
sides exactly. Weights start from N(0, 0.02^2), batch norm's scales from N(1, 0.02^2).
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from ganforge.networks.catalog import Family
from ganforge.networks.double_backward import Conv2d, LeakyReLU
from ganforge.networks.layers import (
    BatchNorm2d,
    Head,
    Size,
    SpectralConv2d,
    SpectralLinear,
    halving_padding,
    level_widths,
    picture_shape,
    pyramid,
    with_labels,
)

RECORD = Family(
    name="dcgan",
    order=4,
    meaning="strided and transposed convolutions",
    source="Radford et al. 2016, arXiv:1511.06434",
    g_sizes=("width", "base_size", "norm"),
    d_sizes=("width", "base_size", "norm"),
    d_norm="batch",
)

Norm = Literal["batch", "layer", "spectral", "unnormalised"]


class Generator(nn.Module):
    """z [N, z_dim] (and labels [N]) -> fakes [N, *shape] in (-1, 1).

    An affine map, rearranged into a rectangle whose sides are at most ``base_size``; then transposed convolutions,
    each twice as large; batch norm and ReLU before each of them, tanh at the end. ``width``: channels at half the
    picture's size, doubling per level below up to ``max_width``. ``norm``:

    - "batch" is the paper's. As in the authors' code, batch norms have the only shifts. It needs two items or more in
      training, and learns what evaluation uses.
    - "unnormalised", as Gulrajani et al. 2017 (arXiv:1704.00028) have it on MNIST: every layer has a shift, and first
      weights are He's, for ReLU.
    """

    def __init__(
        self, z_dim: int, shape: Sequence[int], width: int = 32, max_width: int = 256, base_size: int = 7,
        norm: Literal["batch", "unnormalised"] = "batch", num_classes: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape, self.num_classes = tuple(shape), num_classes
        channels, height, side = picture_shape(shape)
        sizes = pyramid((height, side), base_size)
        widths = [*level_widths(width, len(sizes) - 1, max_width), channels]
        bare = norm == "unnormalised"
        self.start = nn.Linear(z_dim + num_classes, widths[0] * sizes[0][0] * sizes[0][1], bias=bare)
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], *sizes[0]))]
        for (n_in, n_out), size in zip(pairwise(widths), sizes[1:], strict=True):
            layers += [] if bare else [BatchNorm2d(n_in)]
            layers += [nn.ReLU(inplace=True), _doubling(n_in, n_out, size, bias=bare)]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        self.apply(partial(_he_weights, slope=0.0) if bare else _first_weights)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(self.start(with_labels(z, labels, self.num_classes))).view(-1, *self.shape)


class Discriminator(nn.Module):
    """Pictures or points [N, *shape] in [-1, 1] (and labels [N]) -> logits [N].

    Convolutions of stride 2 with LeakyReLU(0.2), down to sides of at most ``base_size``, then an affine head
    (with projection where num_classes > 0). From sides of 2 the head sees the whole picture through nonlinear layers;
    from 7 it would add up what small patches look like, and shapes would come out wrong. ``width``: channels at half
    the picture's size, doubling per level below up to ``max_width``. ``norm`` follows every convolution but the
    first:

    - "batch" is the paper's. Items of a batch then depend on each other, so per-sample gradient penalties are not
      defined; it needs two items or more.
    - "layer": over the channels and pixels of one item, as Gulrajani et al. 2017 (arXiv:1704.00028) advise with a
      gradient penalty.
    - "spectral": no norm of features, but every weight's, the head's too (Miyato et al. 2018, arXiv:1802.05957).
    - "unnormalised": He's initialisation in place of N(0, 0.02^2), whose small weights need a norm.
    """

    def __init__(
        self, shape: Sequence[int], width: int = 32, max_width: int = 128, base_size: int = 2, norm: Norm = "batch",
        num_classes: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape = picture_shape(shape)
        channels, height, side = self.shape
        sizes = pyramid((height, side), base_size)
        widths = [*level_widths(width, len(sizes) - 1, max_width), channels]
        layers: list[nn.Module] = []
        for (n_out, n_in), size in zip(reversed(list(pairwise(widths))), reversed(sizes[1:]), strict=True):
            layers += _halving(n_in, n_out, size, norm if layers or norm == "spectral" else "unnormalised")
            layers.append(LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Flatten())
        features = widths[0] * sizes[0][0] * sizes[0][1]
        self.head = Head(features, num_classes, SpectralLinear if norm == "spectral" else nn.Linear)
        self.apply(_he_weights if norm == "unnormalised" else _first_weights)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.head(self.layers(images.view(-1, *self.shape)), labels)


def _halving(n_in: int, n_out: int, size: Size, norm: Norm) -> list[nn.Module]:
    """The convolution from ``size`` to its half, rounded up, and its norm. Batch norm's shift is the convolution's."""
    padding = halving_padding(size)
    match norm:
        case "batch":
            return [nn.Conv2d(n_in, n_out, 4, stride=2, padding=padding, bias=False), BatchNorm2d(n_out)]
        case "layer":
            return [Conv2d(n_in, n_out, 4, stride=2, padding=padding), nn.GroupNorm(1, n_out)]
        case "spectral":
            return [SpectralConv2d(n_in, n_out, 4, stride=2, padding=padding)]
        case "unnormalised":
            return [Conv2d(n_in, n_out, 4, stride=2, padding=padding)]


def _doubling(n_in: int, n_out: int, size: Size, *, bias: bool) -> nn.ConvTranspose2d:
    """The transposed convolution whose output has ``size`` and whose input has its half, rounded up."""
    odd = (size[0] % 2, size[1] % 2)
    return nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=halving_padding(size), output_padding=odd, bias=bias)


def _first_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def _he_weights(module: nn.Module, slope: float = 0.2) -> None:
    """He's, for a LeakyReLU of that slope before each layer; a transposed convolution's output pixel has n_in x 2 x 2
    inputs."""
    if isinstance(module, nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, (2 / (1 + slope**2) / (4 * module.in_channels)) ** 0.5)
    elif isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, a=slope)
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
