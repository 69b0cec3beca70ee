"""What the families of networks share: sizes, labels, the last layer of a D, spectral normalisation.

Shapes are (C, H, W), with any C, H and W from 1, or (2,) for points, which convolutions see as 2 channels of 1 x 1.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ganforge.base.shared_batches import Sharers, sharers, whole_moments
from ganforge.networks.double_backward import Conv2d

Size = tuple[int, int]
"""Height and width, in pixels."""


def picture_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """(C, H, W) as it is; (n,), for points, as (n, 1, 1)."""
    channels, height, width = [*shape, 1, 1][:3]
    return channels, height, width


def pyramid(size: Size, base_size: int) -> list[Size]:
    """The sizes that a network goes through, smallest first: the picture's, halved and rounded up, at least once, and
    again until no side is longer than ``base_size`` (>= 1).

    pyramid((28, 28), 7) is [(7, 7), (14, 14), (28, 28)]; pyramid((5, 7), 7) is [(3, 4), (5, 7)].
    """
    sizes = [size]
    while len(sizes) == 1 or max(sizes[0]) > base_size:
        height, width = sizes[0]
        sizes.insert(0, ((height + 1) // 2, (width + 1) // 2))
    return sizes


def level_widths(width: int, levels: int, max_width: int) -> list[int]:
    """Channels per level, lowest resolution first: ``width`` at the last, doubling downwards up to ``max_width``, which
    a larger ``width`` raises."""
    return [min(width * 2**level, max(width, max_width)) for level in reversed(range(levels))]


def halving_padding(size: Size) -> Size:
    """The padding with which a 4 x 4 convolution of stride 2 takes ``size`` to its half, rounded up: 1 for even sides,
    2 for odd ones. A transposed one goes the way back with the same padding and, for odd sides, output padding 1."""
    height, width = size
    return 1 + height % 2, 1 + width % 2


def with_labels(z: Tensor, labels: Tensor | None, num_classes: int) -> Tensor:
    """G's input: z [N, z_dim] alone or, where num_classes > 0, a one-hot label beside it: [N, z_dim + num_classes].

    The one-hot code is scaled to mean square 1, as noise has it, so that the label weighs as much as the noise.
    labels: int64 [N]; ignored where num_classes is 0. Raises ValueError where they are needed and missing.
    """
    if num_classes == 0:
        return z
    # Not by one_hot, which waits for the labels, to check them; nor by len(z), a number that torch.export would fix.
    code = z.new_zeros(z.shape[0], num_classes).scatter_(1, needed(labels).unsqueeze(1), 1.0)
    return torch.cat([z, code * num_classes**0.5], dim=1)


def label_scores(scores: Tensor, labels: Tensor | None) -> Tensor:
    """Of scores [N, num_classes], the one of each item's label: [N]. Raises ValueError where labels are missing."""
    return scores.gather(1, needed(labels).unsqueeze(1)).squeeze(1)


def needed(labels: Tensor | None) -> Tensor:
    """The labels. Raises ValueError where they are missing."""
    if labels is None:
        raise ValueError("a class-conditional network needs labels: int64 [N]")
    return labels


class Head(nn.Module):
    """D's last layer, features [N, F] -> logits [N]: a linear map and, where num_classes > 0, projection.

    Projection (Miyato and Koyama 2018, arXiv:1802.05637, equation 4) adds the inner product of the features with a
    learned vector for the label. layer: what makes the two linear maps, as nn.Linear does.
    """

    def __init__(self, features: int, num_classes: int, layer: Callable[..., nn.Linear] = nn.Linear) -> None:
        super().__init__()
        self.logit = layer(features, 1)
        self.classes = layer(features, num_classes, bias=False) if num_classes else None

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        logits = self.logit(features).squeeze(1)
        return logits if self.classes is None else logits + label_scores(self.classes(features), labels)


class BatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d``; of a batch that several processes share (``base.shared_batches``), by the means and variances
    of the whole."""

    def forward(self, input: Tensor) -> Tensor:
        group = sharers() if self.training and not torch.compiler.is_compiling() else None
        return super().forward(input) if group is None else self._of_shares(input, group)

    def _of_shares(self, input: Tensor, group: Sharers) -> Tensor:
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        mean, variance = whole_moments(mean, variance, group)
        with torch.no_grad():
            count = group.count * x[:, 0].numel()
            self.get_buffer("num_batches_tracked").add_(1)
            for name, now in (("running_mean", mean), ("running_var", variance * (count / (count - 1)))):
                self.get_buffer(name).lerp_(now, self.momentum or 0.0)
        normed = (x - mean[:, None, None]) * (variance + self.eps).rsqrt()[:, None, None]
        if self.affine:
            normed = normed * self.weight[:, None, None] + self.bias[:, None, None]
        return normed.to(input.dtype)


class ClassBatchNorm2d(BatchNorm2d):
    """Batch norm whose gain and shift each class has for itself: conditional batch norm.

    de Vries et al. 2017, arXiv:1707.00683; in a GAN's generator Miyato and Koyama 2018, arXiv:1802.05637. The means and
    variances are those of the whole batch. Gains start from 1 and shifts from 0, so that classes are alike at first.
    Where num_classes is 0 it is plain batch norm.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__(channels, affine=num_classes == 0)
        self.num_classes = num_classes
        if num_classes:
            self.gains = nn.Parameter(torch.ones(num_classes, channels))
            self.shifts = nn.Parameter(torch.zeros(num_classes, channels))

    def forward(self, input: Tensor, labels: Tensor | None = None) -> Tensor:
        """input: [N, channels, h, w]; labels: int64 [N]. Raises ValueError where they are needed and missing."""
        normed = super().forward(input)
        if self.num_classes == 0:
            return normed
        told = needed(labels)
        return normed * self.gains[told][:, :, None, None] + self.shifts[told][:, :, None, None]


class SpectralLinear(nn.Linear):
    """A linear layer whose weight is divided by its largest singular value: see ``spectrally_normalised``."""

    u: Tensor

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.register_buffer("u", normalize(torch.randn(out_features), dim=0))

    def forward(self, input: Tensor) -> Tensor:
        weight = spectrally_normalised(self.weight, self.u, update=self.training)
        return nn.functional.linear(input, weight, self.bias)


class SpectralConv2d(Conv2d):
    """A convolution whose weight, as a matrix [out, in * height * width], is divided by its largest singular value."""

    u: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int | Size = 0
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding)
        self.register_buffer("u", normalize(torch.randn(out_channels), dim=0))

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, spectrally_normalised(self.weight, self.u, update=self.training), self.bias)


def spectrally_normalised(weight: Tensor, u: Tensor, *, update: bool) -> Tensor:
    """weight [out, ...] over an estimate of its largest singular value: Miyato et al. 2018, arXiv:1802.05957.

    u [out]: the estimate of the first left singular vector, all that is remembered between calls. Where ``update`` is
    true, one step of power iteration improves it in place. The vectors are constants to the gradient, the estimate of
    the singular value is not. Always computed in the weight's own precision.
    """
    with torch.autocast(weight.device.type, enabled=False):
        matrix = weight.flatten(1)
        with torch.no_grad():
            v = normalize(matrix.T @ u, dim=0)
            if update:
                u.copy_(normalize(matrix @ v, dim=0))
        return weight / (u.clone() @ matrix @ v)  # a copy: the next call changes u, and this one's gradient needs it
