"""Points as they are: the features of data in the plane."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from ganforge.metrics.catalog import ExtractorRecord

RECORD = ExtractorRecord(
    name="coordinates",
    order=40,
    meaning="Points as they are.",
    source="none needed",
    takes="points in the plane",
    rank=50,
    channels=(),
)


class Coordinates(nn.Module):
    """Points, float32 [N, 2] -> (the same, None)."""

    version = 1
    dims = 2
    num_classes = 0

    @staticmethod
    def largest_layer(shape: Sequence[int]) -> int:
        return 2

    def forward(self, points: Tensor) -> tuple[Tensor, None]:
        return points, None


def network(channels: int, weights: Path | None) -> Coordinates:
    """channels: of no meaning for points."""
    return Coordinates()
