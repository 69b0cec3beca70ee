"""training/health.py: how far the weights are about to move, and D's treatment of what it has not seen."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganforge.data.digits import load_digits
from ganforge.recipes.catalog import recipe
from ganforge.training.build import build_state
from ganforge.training.feed import Feed
from ganforge.training.health import Health, size_and_step
from ganforge.training.optimizer import Adam, RMSprop

CPU = torch.device("cpu")


class Numbers(nn.Module):
    """Three weights: 3, 0 and 4."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor([3.0, 0.0])), nn.Parameter(torch.tensor(4.0))


@pytest.mark.parametrize("fused", [True, False])
def test_adams_step_beside_the_weights(fused: bool) -> None:
    """lr x mean / root of the mean square, by hand; it is what the next step of such a gradient nearly does."""
    network = Numbers()
    optimizer = Adam(network, 0.1, (0.5, 0.999), fused=fused)
    for mean, square, value in zip(optimizer.exp_avg, optimizer.exp_avg_sq, (0.02, 0.04), strict=True):
        mean.fill_(value)
        square.fill_(0.01**2)
    size, step = size_and_step(network, optimizer)
    assert size == pytest.approx(5.0)
    assert step == pytest.approx(0.1 * (2**2 + 2**2 + 4**2) ** 0.5 / 5, rel=1e-4)


def test_rmsprops_step_beside_the_weights() -> None:
    network = Numbers()
    assert size_and_step(network, RMSprop(network, 0.1))[1] == pytest.approx(0.1 * 3**0.5 / 5)


def health_of(**changes: Any) -> Health:
    tiny: dict[str, Any] = {"data": "digits", "batch_size": 8, "z_dim": 4, "g_hidden": (8,), "d_hidden": (8,)}
    config, digits = recipe("note", **(tiny | changes)), load_digits()
    assert digits.labels is not None
    seen = digits.first(200)
    unseen = replace(digits, items=digits.items[200:300], labels=digits.labels[200:300], digest="")
    dataset = replace(seen, held_out=unseen)
    return Health(config, Feed(config, dataset, CPU), build_state(config, dataset, CPU))


class Knows(nn.Module):
    """A D that gives these items 1, and all others 0; and is seen in evaluation only."""

    def __init__(self, items: Tensor) -> None:
        super().__init__()
        self.items, self.weight = items.flatten(1), nn.Parameter(torch.zeros(1))

    def forward(self, items: Tensor, labels: Tensor | None = None) -> Tensor:
        assert not self.training
        return (torch.cdist(items.flatten(1), self.items).amin(1) < 1e-3).float()


def test_a_d_that_knows_what_it_learned_from_keeps_it_apart() -> None:
    health = health_of()
    reals = health.feed.dataset.items.float() / 127.5 - 1
    health.state.D = Knows(reals).train()
    found = health.row()
    assert found["Health/seen_apart"] > 0.9
    assert health.state.D.training
    health.state.D = Knows(torch.zeros(1, 64)).train()
    assert health.row()["Health/seen_apart"] == 0.5


def test_a_row_repeats_and_changes_nothing() -> None:
    health = health_of(ema_halflife_nimg=1_000, conditional=True)
    before = {name: tensor.clone() for name, tensor in health.state.tensors().items()}
    torch.manual_seed(0)
    state = torch.get_rng_state()
    one, two = health.row(), health.row()
    assert one == two
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[name], tensor) for name, tensor in health.state.tensors().items())
    assert {"Health/average_gap", "Health/class_effect", "Health/agreement"} <= one.keys()
    assert one["Health/average_gap"] == 0  # the average begins as G


@pytest.mark.parametrize("augment", ["diffaugment", "ada"])
def test_where_d_sees_augmented_pictures_a_leak_is_looked_for(augment: str) -> None:
    health = health_of(augment=augment)
    assert health.signs.traces is not None
    plain, changed = health.signs.traces
    assert changed[0] > 1.25 * plain[0]
    assert abs(float(health.row()["Health/leak"])) < 1.5
    assert "Health/leak" not in health_of().row()


def test_the_pictures_are_those_of_the_average() -> None:
    health = health_of(ema_halflife_nimg=1_000)
    before = health.row()
    with torch.no_grad():
        for weight in health.state.G.parameters():
            weight.mul_(3)
    after = health.row()
    assert after["Health/spread"] == before["Health/spread"]
    assert after["Health/average_gap"] > 0.01
