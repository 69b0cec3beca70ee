"""training/adam.py: PyTorch's numbers to the bit, and skipping leaves no trace."""

import pytest
import torch
from torch import Tensor, nn

from ganforge.training.adam import Adam

BOTH = pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
GO, SKIP = torch.zeros(()), torch.ones(())


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(37, 19), nn.ReLU(), nn.Linear(19, 3))


def random_grads(optimizer: Adam, step: int) -> list[Tensor]:
    """Gradients of many sizes, some of them zero."""
    source = torch.Generator().manual_seed(step)
    grads = [torch.randn(p.shape, generator=source) * 10.0 ** (i - 3) for i, p in enumerate(optimizer.params)]
    return [grad.masked_fill_(torch.rand(grad.shape, generator=source) < 0.1, 0.0) for grad in grads]


@BOTH
@pytest.mark.parametrize("betas", [(0.5, 0.999), (0.0, 0.9)])
def test_fifty_steps_are_pytorchs_to_the_bit(fused: bool, betas: tuple[float, float]) -> None:
    mine, theirs = network(), network()
    ours = Adam(mine, 3e-4, betas, fused=fused)
    oracle = torch.optim.Adam(theirs.parameters(), lr=3e-4, betas=betas, foreach=False, fused=fused)
    for step in range(50):
        grads = random_grads(ours, step)
        for parameter, grad in zip(theirs.parameters(), grads, strict=True):
            parameter.grad = grad.clone()
        ours.step(grads, skip=GO)
        oracle.step()
        for parameter, expected, exp_avg, exp_avg_sq, count in zip(
            mine.parameters(), theirs.parameters(), ours.exp_avg, ours.exp_avg_sq, ours.steps, strict=True
        ):
            moments = oracle.state[expected]
            assert torch.equal(parameter, expected), step
            assert torch.equal(exp_avg, moments["exp_avg"])
            assert torch.equal(exp_avg_sq, moments["exp_avg_sq"])
            assert count.item() == moments["step"].item() == step + 1


def test_plain_is_the_default_adam_of_pytorch_on_a_cpu() -> None:
    mine, theirs = network(), network()
    ours, oracle = (
        Adam(mine, 3e-4, (0.5, 0.999), fused=False),
        torch.optim.Adam(theirs.parameters(), 3e-4, (0.5, 0.999)),
    )
    for step in range(5):
        grads = random_grads(ours, step)
        for parameter, grad in zip(theirs.parameters(), grads, strict=True):
            parameter.grad = grad.clone()
        ours.step(grads, skip=GO)
        oracle.step()
    assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), theirs.parameters(), strict=True))


@BOTH
def test_the_first_step_by_hand(fused: bool) -> None:
    """Both moments are corrected for their start at zero, so that the first step is lr * sign(gradient)."""
    layer = nn.Linear(2, 1, bias=False).double()
    start = layer.weight.detach().clone()
    Adam(layer, 0.01, (0.5, 0.999), fused=fused).step([torch.tensor([[2.0, -1e-3]], dtype=torch.float64)], skip=GO)
    moved = layer.weight.detach() - start
    torch.testing.assert_close(
        moved, torch.tensor([[-0.01, 0.01 / (1 + 1e-5)]], dtype=torch.float64), rtol=1e-8, atol=0
    )


@BOTH
@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("value", [1.0, float("nan"), float("inf")])
def test_a_skipped_step_changes_nothing(fused: bool, before: int, value: float) -> None:
    net = network()
    optimizer = Adam(net, 3e-4, (0.5, 0.999), fused=fused)
    for step in range(before):
        optimizer.step(random_grads(optimizer, step), skip=GO)
    kept = {name: t.clone() for name, t in (optimizer.tensors() | net.state_dict()).items()}
    optimizer.step([torch.full_like(p, value) for p in optimizer.params], skip=SKIP)
    now = optimizer.tensors() | net.state_dict()
    assert now.keys() == kept.keys()
    assert all(torch.equal(now[name], kept[name]) for name in kept)
    optimizer.step(random_grads(optimizer, 9), skip=GO)  # and it can go on
    assert not any(torch.equal((optimizer.tensors() | net.state_dict())[name], kept[name]) for name in kept)


@BOTH
def test_a_skipped_step_leaves_no_trace_later(fused: bool) -> None:
    one, two = network(), network()
    straight, skipping = Adam(one, 3e-4, (0.5, 0.999), fused=fused), Adam(two, 3e-4, (0.5, 0.999), fused=fused)
    for step in range(4):
        straight.step(random_grads(straight, step), skip=GO)
        skipping.step([torch.full_like(p, float("nan")) for p in skipping.params], skip=SKIP)
        skipping.step(random_grads(skipping, step), skip=GO)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


@BOTH
def test_gradients_are_not_changed_and_none_are_left_behind(fused: bool) -> None:
    net = network()
    optimizer = Adam(net, 3e-4, (0.5, 0.999), fused=fused)
    grads = random_grads(optimizer, 0)
    kept = [grad.clone() for grad in grads]
    optimizer.step(grads, skip=GO)
    assert all(torch.equal(a, b) for a, b in zip(grads, kept, strict=True))
    assert all(parameter.grad is None for parameter in net.parameters())


def test_the_state_has_every_parameters_name() -> None:
    names = Adam(network(), 3e-4, (0.5, 0.999), fused=True).tensors()
    assert sorted(names) == sorted(
        f"{parameter}.{kind}"
        for parameter in ("0.weight", "0.bias", "2.weight", "2.bias")
        for kind in ("exp_avg", "exp_avg_sq", "step")
    )
