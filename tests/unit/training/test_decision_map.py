"""training/decision_map.py: D's logits over the plane."""

import pytest
import torch
from torch import Tensor, nn

from ganforge.base.plots import LIMIT
from ganforge.networks.construct import build_discriminator
from ganforge.training.decision_map import SIDE, decision_map

CPU = torch.device("cpu")


class Linear(nn.Module):
    """A D whose logit is a + b x + c y."""

    def __init__(self, a: float, b: float, c: float) -> None:
        super().__init__()
        self.a, self.slope = a, torch.tensor([b, c])

    def forward(self, points: Tensor) -> Tensor:
        return self.a + points @ self.slope


def test_the_map_lies_as_the_picture_does() -> None:
    to_the_right = decision_map(Linear(3.0, 2.0, 0.0), CPU)
    assert to_the_right.shape == (SIDE, SIDE)
    assert to_the_right[0, 0] == 0
    assert to_the_right[0, -1] == 1
    upwards = decision_map(Linear(-100.0, 0.0, 0.5), CPU)
    assert upwards[0, 0] == 1
    assert upwards[-1, 0] == 0


def test_the_map_covers_the_frame() -> None:
    seen: list[Tensor] = []

    class Recorder(Linear):
        def forward(self, points: Tensor) -> Tensor:
            seen.append(points)
            return super().forward(points)

    decision_map(Recorder(0.0, 1.0, 0.0), CPU)
    assert seen[0].shape == (SIDE * SIDE, 2)
    assert seen[0].min() == -LIMIT
    assert seen[0].max() == LIMIT


def test_who_thinks_the_same_of_all_is_in_the_middle() -> None:
    assert (decision_map(Linear(7.0, 0.0, 0.0), CPU) == 0.5).all()


@pytest.mark.parametrize("norm", ["unnormalised", "spectral"])
def test_looking_changes_nothing(norm: str) -> None:
    """Spectral norm's vectors, too: how often a run reports must not show in what it learns."""
    D = build_discriminator("dcgan", (2,), 0, norm=norm, width=4)
    before = {name: tensor.clone() for name, tensor in D.state_dict().items()}
    assert not decision_map(D, CPU).requires_grad
    assert D.training
    assert all(torch.equal(before[name], tensor) for name, tensor in D.state_dict().items())
