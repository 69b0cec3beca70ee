"""training/ema.py: the half-life is one."""

import copy

import pytest
import torch
from torch import nn

from ganforge.networks.mlp import Discriminator, Generator
from ganforge.training.ema import ema_beta, update_ema
from ganforge.training.optimizer import Adam
from ganforge.training.state import TrainingState


@pytest.mark.parametrize(("batch_size", "halflife"), [(128, 10_000), (32, 64), (1, 1), (256, 100)])
def test_after_a_half_life_half_is_left(batch_size: int, halflife: int) -> None:
    assert ema_beta(batch_size, halflife) ** (halflife / batch_size) == pytest.approx(0.5)


def test_the_average_follows_constant_weights_by_its_half_life() -> None:
    G, G_ema = nn.Linear(3, 2).double(), nn.Linear(3, 2).double()
    start = [p.detach().clone() for p in G_ema.parameters()]
    for _ in range(10):  # ten batches of 32: one half-life of 320
        update_ema(G_ema, G, 1 - ema_beta(32, 320))
    for average, old, new in zip(G_ema.parameters(), start, G.parameters(), strict=True):
        torch.testing.assert_close(average.detach(), (old + new.detach()) / 2, rtol=1e-12, atol=1e-14)


def test_one_update_by_hand() -> None:
    G, G_ema = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        G.weight.fill_(2.0)
        G_ema.weight.fill_(10.0)
    update_ema(G_ema, G, 0.25)
    assert G_ema.weight.item() == 8.0
    assert G.weight.item() == 2.0


def test_buffers_are_copied() -> None:
    G = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    G_ema = copy.deepcopy(G)
    G(torch.randn(8, 2))
    update_ema(G_ema, G, 0.1)
    assert G_ema[1].num_batches_tracked.item() == 1
    assert torch.equal(G_ema[1].running_mean, G[1].running_mean)
    assert G_ema[1].running_mean.data_ptr() != G[1].running_mean.data_ptr()


def test_the_states_average_is_its_own_and_takes_no_gradient() -> None:
    G, D = Generator(4, (2,), (8,)), Discriminator((2,), (8,))
    opts = [Adam(net, 1e-3, (0.5, 0.999), fused=False) for net in (G, D)]
    state = TrainingState(G, D, *opts, with_ema=True)
    assert state.G_for_sampling is state.G_ema
    assert not any(p.requires_grad for p in state.G_ema.parameters())
    with torch.no_grad():
        G.layers[0].weight.zero_()
    assert state.G_ema.layers[0].weight.abs().sum() > 0
    assert TrainingState(G, D, *opts, with_ema=False).G_for_sampling is G
