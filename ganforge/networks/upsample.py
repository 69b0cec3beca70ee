"""The note's convolutional generator: an affine map onto a rectangle, then upsampling, convolution and pooling.

Upsampling with a convolution after it leaves no checkerboard, as transposed convolutions do (Odena et al. 2016,
"Deconvolution and Checkerboard Artifacts"). The picture is drawn at twice its size, and averaged over 2 x 2 pixels.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from ganforge.networks.catalog import Family
from ganforge.networks.layers import BatchNorm2d, level_widths, picture_shape, pyramid, with_labels

RECORD = Family(
    name="upsample",
    order=5,
    article="an",
    meaning="nearest upsampling and convolutions, up to twice the picture's size, then pooling",
    source="a tutorial note on GANs in PyTorch (docs/sources.md)",
    g_sizes=("width", "base_size"),
)


class Generator(nn.Module):
    """z [N, z_dim] (and labels [N]) -> fakes [N, *shape] in (-1, 1).

    An affine map onto a rectangle whose sides are at most ``base_size``, batch norm, ReLU; then, level by level up to
    twice the picture's size, nearest upsampling, a 3 x 3 convolution, batch norm, ReLU; then 2 x 2 average pooling, a
    3 x 3 convolution, tanh. Batch norm's shift is the affine map's, too. ``width``: channels at twice the picture's
    size, doubling per level below up to ``max_width``. Batch norm needs two items or more in training, and learns what
    evaluation uses.
    """

    def __init__(
        self, z_dim: int, shape: Sequence[int], width: int = 8, max_width: int = 256, base_size: int = 7,
        num_classes: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape, self.num_classes = tuple(shape), num_classes
        channels, height, side = picture_shape(shape)
        sizes = [*pyramid((height, side), base_size), (2 * height, 2 * side)]
        widths = level_widths(width, len(sizes), max_width)
        self.start = nn.Linear(z_dim + num_classes, widths[0] * sizes[0][0] * sizes[0][1], bias=False)
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], *sizes[0])), *_norm(widths[0])]
        for (n_in, n_out), size in zip(pairwise(widths), sizes[1:], strict=True):
            layers += [nn.Upsample(size), nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), *_norm(n_out)]
        layers += [nn.AvgPool2d(2), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(self.start(with_labels(z, labels, self.num_classes))).view(-1, *self.shape)


def _norm(width: int) -> list[nn.Module]:
    return [BatchNorm2d(width), nn.ReLU(inplace=True)]
