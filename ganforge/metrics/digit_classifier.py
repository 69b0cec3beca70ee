"""A small convolutional classifier of handwritten digits: the features by which MNIST-like pictures are judged.

The package carries its weights; `python benchmarks/digit_classifier.py` trained them on MNIST's 60,000 training
pictures and measured them (benchmarks/results/digit_classifier.md).
"""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ganforge.base.tensorfile import read_tensorfile
from ganforge.metrics.catalog import ExtractorRecord

RECORDS = (
    ExtractorRecord(
        name="classifier",
        order=10,
        meaning="A digit classifier's penultimate layer; class probabilities, too.",
        source="benchmarks/results/digit_classifier.md",
        takes="28 x 28 grey pictures",
        rank=20,
        channels=(1,),
        side=28,
    ),
    ExtractorRecord(
        name="channel classifier",
        order=20,
        meaning="The same of each of three channels, one after the other: for stacked digits.",
        source="benchmarks/results/digit_classifier.md",
        takes="28 x 28 pictures in colour",
        rank=30,
        channels=(3,),
        side=28,
        is_stacked=True,
    ),
)

WEIGHTS = Path(__file__).with_name("digit_classifier.safetensors")
KIND = "digit classifier"
CHANNELS = (32, 32, 64, 64)


class DigitClassifier(nn.Module):
    """Grey pictures, uint8 [N, 1, 28, 28], 0 the background -> features [N, 128] and class probabilities [N, 10].

    Both are float32. Features are the activations after the last ReLU, divided by ``scale``, their root mean square
    over MNIST's training pictures: distances between raw activations would grow with the scale that training ended at.
    """

    version = 1
    dims = 128
    num_classes = 10

    def __init__(self) -> None:
        super().__init__()
        c1, c2, c3, c4 = CHANNELS
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, c1, 5, stride=2, padding=2), nn.ReLU(inplace=True),  # 14 x 14
            nn.Conv2d(c1, c2, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(c2, c3, 3, stride=2, padding=1), nn.ReLU(inplace=True),  # 7 x 7
            nn.Conv2d(c3, c4, 3, padding=1), nn.ReLU(inplace=True),
            nn.MaxPool2d(2),  # 3 x 3
        )  # fmt: skip
        self.hidden = nn.Linear(c4 * 9, self.dims)
        self.logits = nn.Linear(self.dims, self.num_classes)
        self.register_buffer("scale", torch.ones(()))

    @staticmethod
    def largest_layer(shape: Sequence[int]) -> int:
        """Values that a picture of shape (C, H, W) takes in the network's largest layer."""
        return max(CHANNELS) * math.prod(shape) // 4

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.hidden(self.convolutions(pictures.float() / 255).flatten(1)).relu_()
        return hidden / self.scale, self.logits(hidden).softmax(1)


class ChannelClassifier(nn.Module):
    """Stacked digits, uint8 [N, 3, 28, 28] -> features [N, 384] and class probabilities [N, 30] of the three digits.

    Each channel's 128 features and 10 probabilities, which sum to 1, one channel after the other.
    """

    version = DigitClassifier.version
    dims = 3 * DigitClassifier.dims
    num_classes = 3 * DigitClassifier.num_classes
    largest_layer = staticmethod(DigitClassifier.largest_layer)

    def __init__(self, digits: DigitClassifier) -> None:
        super().__init__()
        self.digits = digits

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features, probabilities = self.digits(pictures.reshape(-1, 1, *pictures.shape[2:]))
        return features.view(-1, self.dims), probabilities.view(-1, self.num_classes)


def network(channels: int, weights: Path | None) -> DigitClassifier | ChannelClassifier:
    """By the pictures' channels, grey or stacked; its weights come with the package."""
    return load_classifier() if channels == 1 else ChannelClassifier(load_classifier())


def load_classifier(path: Path = WEIGHTS) -> DigitClassifier:
    """The trained classifier, on the CPU. Raises UserError where its file is missing or damaged."""
    tensors, _ = read_tensorfile(path, KIND)
    with torch.device("meta"):  # which draws no random numbers
        network = DigitClassifier()
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.eval()
