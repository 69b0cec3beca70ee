"""training/decision_map.py: D's logits over the plane, and which way it pulls the fakes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import ganforge
from ganforge.base.plots import ARROWS, LIMIT
from ganforge.networks.construct import build_discriminator
from ganforge.objectives.losses import load_losses
from ganforge.training.decision_map import LONGEST, NUM_PULLED, SIDE, decision_map, pulls

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
    assert not pulls(D, load_losses("non-saturating"), torch.rand(9, 2), torch.rand(9, 2), CPU).requires_grad
    assert D.training
    assert all(torch.equal(before[name], tensor) for name, tensor in D.state_dict().items())
    assert all(weight.grad is None for weight in D.parameters())


def test_a_runs_grid_has_arrows_unless_d_is_told_the_class(tmp_path: Path) -> None:
    small: dict[str, Any] = {"data": "ring", "total_nimg": 64, "batch_size": 32, "z_dim": 2, "metric_samples": 0}
    for conditional in (False, True):
        out = tmp_path / str(conditional)
        run = ganforge.train("note", out, **small, g_hidden=(8,), d_hidden=(8,), conditional=conditional)
        with Image.open(run.all_fakes()[-1][1]) as picture:
            away = np.abs(np.asarray(picture.convert("RGB")).astype(int) - ARROWS).sum(axis=2)
        assert (away < 60).any() == (not conditional)


class Hill(nn.Module):
    """A D whose logit is x y."""

    def forward(self, points: Tensor) -> Tensor:
        return points.prod(dim=1)


@pytest.mark.parametrize("objective", ["wgan", "non-saturating", "relativistic"])
def test_fakes_are_pulled_where_their_logits_rise(objective: str) -> None:
    """d(xy) = (y, x). wgan's gradient is as large as that; others' depend on the logits, too."""
    fakes = torch.tensor([[0.2, 0.1], [-0.1, 0.4], [0.0, 0.0], [0.3, -0.3]])
    made = pulls(Hill(), load_losses(objective), fakes, torch.full((6, 2), 0.5), CPU)
    start, pull = made[:, 0], made[:, 1] - made[:, 0]
    assert torch.equal(start, fakes[[0, 1, 3]])
    assert torch.allclose(
        pull / pull.norm(dim=1, keepdim=True), fakes[[0, 1, 3]].flip(1) / fakes[[0, 1, 3]].norm(dim=1, keepdim=True)
    )
    assert pull.norm(dim=1).max() == pytest.approx(LONGEST)
    if objective == "wgan":
        lengths = fakes[[0, 1, 3]].norm(dim=1)
        assert torch.allclose(pull.norm(dim=1), LONGEST * (lengths / lengths.quantile(0.9)).clamp(max=1))


def test_a_few_fakes_are_shown_and_none_that_is_not_pulled() -> None:
    losses = load_losses("non-saturating")
    assert pulls(Hill(), losses, torch.ones(200, 2), torch.ones(300, 2), CPU).shape == (NUM_PULLED, 2, 2)
    assert pulls(Hill(), losses, torch.zeros(5, 2), torch.ones(5, 2), CPU).shape == (0, 2, 2)
    assert pulls(Hill(), losses, torch.full((5, 2), float("nan")), torch.ones(5, 2), CPU).shape == (0, 2, 2)
