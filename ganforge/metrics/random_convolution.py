"""A fixed random convolutional network: features of pictures of any size and number of channels, with no training data.

Random features see what classifiers learn to ignore (noise, blur, lost shades) and favour no data set: Naeem et al.
2020, "Reliable Fidelity and Diversity Metrics for Generative Models", arXiv:2002.09797. Here, three stages of
convolution and ReLU, each at half the resolution of the one before. The features are each stage's means over the four
quarters of the picture, so that texture at three scales counts, and coarse layout.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d

from ganforge.base.images import to_float
from ganforge.base.seeding import generator
from ganforge.metrics.catalog import ExtractorRecord

RECORD = ExtractorRecord(
    name="random",
    order=30,
    meaning="A fixed random convolutional network, for pictures of any size and any number of channels.",
    source="Naeem et al. 2020, arXiv:2002.09797",
    takes="pictures",
    rank=40,
    is_scaled=False,
)
STAGES = ((5, 16), (3, 16), (3, 32))
"""Side of the filters, and their number."""

MAX_SIDES = (128, 32, 16)
"""Most positions of a stage's filters along each side: larger pictures cost little more than pictures of 128 x 128."""


class RandomConvolution(nn.Module):
    """Pictures, uint8 [N, C, H, W] -> (features, float32 [N, 256], None).

    Weights are He normal (arXiv:1502.01852, equation 10), biases N(0, 0.1^2); both depend on C alone.
    The features' scale has no meaning: divide by their root mean square over the real pictures.
    """

    version = 1
    dims = 4 * sum(filters for _, filters in STAGES)
    num_classes = 0

    def __init__(self, channels: int) -> None:
        super().__init__()
        rng = generator(0, "random convolution", channels)
        for index, (side, filters) in enumerate(STAGES):
            std = math.sqrt(2 / (channels * side**2))
            self.register_buffer(f"weight{index}", torch.randn(filters, channels, side, side, generator=rng) * std)
            self.register_buffer(f"bias{index}", torch.randn(filters, generator=rng) * 0.1)
            channels = filters

    @staticmethod
    def largest_layer(shape: Sequence[int]) -> int:
        """Values that a picture of shape (C, H, W) takes at most in the network's largest layer."""
        return STAGES[0][1] * min(shape[1], MAX_SIDES[0]) * min(shape[2], MAX_SIDES[0])

    def forward(self, pictures: Tensor) -> tuple[Tensor, None]:
        x = to_float(pictures)
        stride = _factors(x, 1, MAX_SIDES[0])
        features = []
        for index, (side, _) in enumerate(STAGES):
            if index:
                x = avg_pool2d(x, _factors(x, 2, MAX_SIDES[index]), ceil_mode=True)
            weight, bias = self.get_buffer(f"weight{index}"), self.get_buffer(f"bias{index}")
            x = conv2d(x, weight, bias, 1 if index else stride, side // 2).relu_()
            features.append(_quarter_means(x))
        return torch.cat(features, 1), None


def network(channels: int, weights: Path | None) -> RandomConvolution:
    """For pictures of so many channels; it needs no file."""
    return RandomConvolution(channels)


def _factors(x: Tensor, least: int, most_positions: int) -> tuple[int, int]:
    """By what to divide height and width, at least by ``least``, so that no more positions than that are left."""
    height, width = x.shape[2:]
    return max(least, math.ceil(height / most_positions)), max(least, math.ceil(width / most_positions))


def _quarter_means(x: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, 4 C]: means over the quarters; the middle row or column of an odd side is in both halves."""
    height, width = x.shape[2:]
    halves = x[:, :, : (height + 1) // 2].mean(2), x[:, :, height // 2 :].mean(2)
    quarters = [(half[..., : (width + 1) // 2].mean(2), half[..., width // 2 :].mean(2)) for half in halves]
    return torch.cat([mean for pair in quarters for mean in pair], 1)
