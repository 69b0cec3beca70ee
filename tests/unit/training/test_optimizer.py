"""training/optimizer.py: PyTorch's numbers to the bit, and skipping leaves no trace."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ganforge.training.optimizer import Adam, Optimizer, RMSprop

BOTH = pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
GO, SKIP = torch.zeros(()), torch.ones(())


def network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(37, 19), nn.ReLU(), nn.Linear(19, 3))


def random_grads(optimizer: Optimizer, step: int) -> list[Tensor]:
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
        assert all(count.item() == step + 1 for count in ours.steps)
        for parameter, expected, exp_avg, exp_avg_sq in zip(
            mine.parameters(), theirs.parameters(), ours.exp_avg, ours.exp_avg_sq, strict=True
        ):
            moments = oracle.state[expected]
            assert torch.equal(parameter, expected), step
            assert torch.equal(exp_avg, moments["exp_avg"])
            assert torch.equal(exp_avg_sq, moments["exp_avg_sq"])
            assert moments["step"].item() == step + 1


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


def test_a_skipped_step_leaves_no_trace_later() -> None:
    """Fused. Plain Adam counts its steps on the host, where no skipped step is known: with one, a run ends."""
    one, two = network(), network()
    straight, skipping = (Adam(net, 3e-4, (0.5, 0.999), fused=True) for net in (one, two))
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


@BOTH
def test_the_state_has_every_parameters_name(fused: bool) -> None:
    names = Adam(network(), 3e-4, (0.5, 0.999), fused=fused).tensors()
    kinds = ("exp_avg", "exp_avg_sq") if fused else ("exp_avg", "exp_avg_sq", "step")
    expected = [f"{name}.{kind}" for name in ("0.weight", "0.bias", "2.weight", "2.bias") for kind in kinds]
    assert sorted(names) == sorted(expected + ["step"] * fused)


def test_fifty_steps_of_rmsprop_are_pytorchs_to_the_bit() -> None:
    mine, theirs = network(), network()
    ours, oracle = RMSprop(mine, 5e-5), torch.optim.RMSprop(theirs.parameters(), lr=5e-5)
    for step in range(50):
        grads = random_grads(ours, step)
        for parameter, grad in zip(theirs.parameters(), grads, strict=True):
            parameter.grad = grad.clone()
        ours.step(grads, skip=GO)
        oracle.step()
        for parameter, expected, square_avg, count in zip(
            mine.parameters(), theirs.parameters(), ours.square_avg, ours.steps, strict=True
        ):
            assert torch.equal(parameter, expected), step
            assert torch.equal(square_avg, oracle.state[expected]["square_avg"])
            assert count.item() == oracle.state[expected]["step"].item() == step + 1


def test_rmsprops_first_step_by_hand() -> None:
    """The mean square starts at 0 and is not corrected for it: the first step is lr * sign(gradient) / sqrt(0.01)."""
    layer = nn.Linear(2, 1, bias=False).double()
    start = layer.weight.detach().clone()
    RMSprop(layer, 0.01).step([torch.tensor([[2.0, -1e-3]], dtype=torch.float64)], skip=GO)
    expected = torch.tensor([[-0.1, 0.1 / (1 + 1e-4)]], dtype=torch.float64)
    torch.testing.assert_close(layer.weight.detach() - start, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("value", [1.0, float("nan"), float("inf")])
def test_a_skipped_step_of_rmsprop_leaves_no_trace(value: float) -> None:
    one, two = network(), network()
    straight, skipping = RMSprop(one, 5e-5), RMSprop(two, 5e-5)
    for step in range(4):
        straight.step(random_grads(straight, step), skip=GO)
        skipping.step([torch.full_like(p, value) for p in skipping.params], skip=SKIP)
        skipping.step(random_grads(skipping, step), skip=GO)
    ours, expected = skipping.tensors() | two.state_dict(), straight.tensors() | one.state_dict()
    assert sorted(skipping.tensors()) == sorted(
        f"{n}.{kind}" for n in one.state_dict() for kind in ("square_avg", "step")
    )
    assert all(torch.equal(ours[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    "make", [lambda net, lr: Adam(net, lr, (0.5, 0.9), fused=True), RMSprop], ids=["adam", "rmsprop"]
)
def test_the_rate_is_that_of_the_moment(make: Callable[[nn.Module, float], Optimizer]) -> None:
    """A schedule sets lr (and, for Adam, betas) between two steps: the next step goes by them."""
    one, two = network(), network()
    scheduled, fixed = make(one, 1.0), make(two, 1e-3)
    scheduled.lr = 1e-3
    for optimizer in (scheduled, fixed):
        optimizer.step(random_grads(optimizer, 0), skip=GO)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    scheduled.lr = 0.0
    before = [parameter.detach().clone() for parameter in one.parameters()]
    scheduled.step(random_grads(scheduled, 1), skip=GO)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), before, strict=True))


def test_adams_betas_are_those_of_the_moment() -> None:
    one, two = network(), network()
    scheduled, fixed = Adam(one, 1e-3, (0.5, 0.9), fused=True), Adam(two, 1e-3, (0.0, 0.99), fused=True)
    scheduled.betas = (0.0, 0.99)
    for optimizer in (scheduled, fixed):
        optimizer.step(random_grads(optimizer, 0), skip=GO)
    assert all(torch.equal(scheduled.tensors()[name], fixed.tensors()[name]) for name in fixed.tensors())


@BOTH
def test_a_gradient_in_another_memory_order_is_the_same_gradient(fused: bool) -> None:
    """As those of penalties are: PyTorch's fused kernel goes through memory, whatever the strides say."""
    made = []
    for turned in (False, True):
        net = network()
        optimizer = Adam(net, 1e-3, (0.5, 0.999), fused=fused)
        grads = random_grads(optimizer, 0)
        if turned:
            grads = [grad.t().contiguous().t() if grad.dim() == 2 else grad for grad in grads]
            assert any(grad.stride() != p.stride() for grad, p in zip(grads, optimizer.params, strict=True))
        optimizer.step(grads, skip=GO)
        made.append([*optimizer.params, *optimizer.exp_avg, *optimizer.exp_avg_sq])
    assert all(torch.equal(a, b) for a, b in zip(*made, strict=True))
