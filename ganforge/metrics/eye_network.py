"""The learned eye's network: small, and for pictures of any size."""

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ganforge.base.images import to_float

WIDTHS = (16, 32, 64, 128)
"""Channels of the stages, each at half the resolution of the one before; the last has the features."""
MAX_SIDE, FULL_SIDE = 64, 40
"""Pictures with a longer side than the first are averaged down; with one longer than the second, the first layer looks
from every other pixel only: so they cost little more than pictures of 32 x 32."""


class Eye(nn.Module):
    """Pictures, uint8 [N, C, H, W] -> features [N, 128] and class probabilities [N, num_classes], both float32.

    Features are the means, over the picture, of the last layer's activations; their scale has no meaning.
    """

    version = 1
    dims = WIDTHS[-1]

    def __init__(self, shape: Sequence[int], num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        first, second, third, last = WIDTHS
        longer = max(shape[1:])
        is_wide = math.ceil(longer / _factor(longer)) > FULL_SIDE
        self.stages = nn.Sequential(
            *_layer(shape[0], first, 5, 2) if is_wide else _layer(shape[0], first),
            *_layer(first, second, stride=2), *_layer(second, second),
            *_layer(second, third, stride=2), *_layer(third, third),
            *_layer(third, last, stride=2), *_layer(last, last),
        )  # fmt: skip
        self.logits = nn.Linear(last, num_classes)

    @staticmethod
    def largest_layer(shape: Sequence[int]) -> int:
        """Values that a picture of shape (C, H, W) takes at most in the network's largest layer."""
        return max(math.prod(shape), WIDTHS[0] * FULL_SIDE**2)

    def features(self, x: Tensor) -> Tensor:
        """Of pictures that ``prepared`` gave."""
        features: Tensor = self.stages(x).mean((2, 3))
        return features

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(prepared(pictures))
        return features, self.logits(features).softmax(1)


def _layer(n_in: int, n_out: int, side: int = 3, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(n_in, n_out, side, stride, side // 2, bias=False)
    return [convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]


def prepared(pictures: Tensor) -> Tensor:
    """Pictures uint8 -> float32 in [-1, 1] with no side longer than ``MAX_SIDE``: means of whole blocks of pixels."""
    x = to_float(pictures)
    if (factor := _factor(max(x.shape[2:]))) > 1:
        x = avg_pool2d(x, factor, ceil_mode=True)
    return x


def _factor(longer: int) -> int:
    return math.ceil(longer / MAX_SIDE)
