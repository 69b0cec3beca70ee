"""Each penalty: values by hand, gradients by finite differences, and who pays for what."""

import math

import pytest
import torch
from torch import Tensor, nn

from ganforge.objectives import r1, r2
from ganforge.objectives.catalog import PENALTIES
from ganforge.objectives.dragan import dragan_penalty
from ganforge.objectives.gradient_penalty import gradient_penalty
from ganforge.objectives.penalties import Critic, Judged, clip_weights, load_penalties, squared_gradient_norm

W = torch.tensor([3.0, 0.0, 4.0, 12.0], dtype=torch.float64)  # |W| = 13
SHAPES = pytest.mark.parametrize("shape", [(2,), (1, 2, 2), (3, 1, 5)], ids=str)


def linear(items: Tensor, labels: Tensor | None = None) -> Tensor:
    return items.flatten(1) @ W


def quadratic(items: Tensor, labels: Tensor | None = None) -> Tensor:
    """|x|^2 / 2, whose gradient is x."""
    return items.flatten(1).square().sum(1) / 2


def flat(items: Tensor, labels: Tensor | None = None) -> Tensor:
    return items.flatten(1).sum(1) * 0 + 1


def by_class(items: Tensor, labels: Tensor | None) -> Tensor:
    """Slope 1, 2, 3, ... for class 0, 1, 2, ..."""
    assert labels is not None
    return items.flatten(1)[:, 0] * (labels + 1)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rand(*shape: int, seed: int = 9) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def smooth_d(shape: tuple[int, ...]) -> tuple[Critic, list[Tensor]]:
    """An MLP with curvature, and its parameters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 4), nn.Tanh(), nn.Linear(4, 1)).double()
    return (lambda items, labels: net(items).squeeze(1)), list(net.parameters())


def penalties(D: Critic, reals: Tensor, fakes: Tensor) -> dict[str, Tensor]:
    """Each kind of penalty for a batch, [N]; numbers that come in are always the same."""
    alpha, noise, inputs = rand(len(reals)), rand(*reals.shape), reals.detach().requires_grad_()
    return {
        "R1": squared_gradient_norm(D(inputs, None), inputs),
        "GP": gradient_penalty(D, reals, fakes, alpha),
        "DRAGAN": dragan_penalty(D, reals, alpha, noise),
    }


@SHAPES
def test_a_straight_d_by_hand(shape: tuple[int, ...]) -> None:
    """Its slope is the same everywhere: with |w| = 13, 13^2 and (13 - 1)^2."""
    weights = torch.zeros(math.prod(shape), dtype=torch.float64)
    weights[:2] = torch.tensor([5.0, 12.0])
    found = penalties(lambda items, labels: items.flatten(1) @ weights, randn(6, *shape), randn(6, *shape, seed=1))
    assert found["R1"].tolist() == [169.0] * 6
    assert found["GP"].tolist() == [144.0] * 6
    assert found["DRAGAN"].tolist() == [144.0] * 6


def test_a_quadratic_d_by_hand() -> None:
    """Its gradient is the item itself, so that the penalty shows where it was taken."""
    reals = torch.tensor([[3.0, 4.0], [0.0, 2.0]], dtype=torch.float64)
    fakes = torch.tensor([[0.0, 0.0], [2.0, 0.0]], dtype=torch.float64)
    inputs = reals.clone().requires_grad_()
    assert squared_gradient_norm(quadratic(inputs), inputs).tolist() == [25.0, 4.0]
    alpha = torch.tensor([0.5, 0.25], dtype=torch.float64)  # x_hat = (1.5, 2) and (1.5, 0.5)
    expected = [(2.5 - 1) ** 2, (math.sqrt(2.5) - 1) ** 2]
    assert gradient_penalty(quadratic, reals, fakes, alpha).tolist() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("alpha", "at"), [(1.0, "reals"), (0.0, "fakes")])
def test_alpha_is_the_share_of_the_reals(alpha: float, at: str) -> None:
    items = {"reals": randn(5, 3), "fakes": randn(5, 3, seed=1)}
    found = gradient_penalty(quadratic, **items, alpha=torch.full((5,), alpha, dtype=torch.float64))
    torch.testing.assert_close(found, (items[at].norm(dim=1) - 1).square(), rtol=1e-12, atol=0)


def test_gradient_penalty_treats_reals_and_fakes_alike() -> None:
    reals, fakes, alpha = randn(5, 3), randn(5, 3, seed=1), rand(5)
    one, other = (gradient_penalty(quadratic, *ends) for ends in ((reals, fakes, alpha), (fakes, reals, 1 - alpha)))
    torch.testing.assert_close(one, other, rtol=1e-12, atol=0)


def test_dragan_looks_around_the_reals() -> None:
    """At x + alpha u std / 2, std over all numbers of the batch: here 2."""
    reals = torch.tensor([[1.0, 5.0], [5.0, 1.0]], dtype=torch.float64)
    noise = torch.tensor([[0.5, 1.0], [0.0, 0.25]], dtype=torch.float64)
    alpha = torch.tensor([1.0, 0.5], dtype=torch.float64)
    at = torch.tensor([[1.5, 6.0], [5.0, 1.125]], dtype=torch.float64)
    expected = (at.norm(dim=1) - 1).square()
    torch.testing.assert_close(dragan_penalty(quadratic, reals, alpha, noise), expected, rtol=1e-14, atol=0)


@SHAPES
def test_gradients_for_ds_weights_agree_with_finite_differences(shape: tuple[int, ...]) -> None:
    """That is the second derivative of D, in x and in a weight."""
    D, weights = smooth_d(shape)
    reals, fakes = randn(3, *shape), randn(3, *shape, seed=1)
    for name in penalties(D, reals, fakes):
        assert torch.autograd.gradcheck(lambda *_, name=name: penalties(D, reals, fakes)[name], weights)


def test_an_items_penalty_is_its_own() -> None:
    D, _ = smooth_d((1, 2, 3))
    reals, fakes = randn(5, 1, 2, 3), randn(5, 1, 2, 3, seed=1)
    before = penalties(D, reals, fakes)
    other = reals.clone()
    other[3] = -other[3]  # which leaves the batch's spread as it is, nearly
    for name, penalty in penalties(D, other, fakes).items():
        assert penalty.shape == (5,)
        changed = (penalty - before[name]).abs()
        assert changed[3] > 1e-3
        assert name == "DRAGAN" or changed.count_nonzero() == 1


def test_no_gradient_goes_to_reals_or_fakes() -> None:
    D, weights = smooth_d((4,))
    reals, fakes = randn(5, 4).requires_grad_(), randn(5, 4, seed=1).requires_grad_()
    for penalty in (gradient_penalty(D, reals, fakes, rand(5)), dragan_penalty(D, reals, rand(5), rand(5, 4))):
        grads = torch.autograd.grad(penalty.sum(), [*weights, reals, fakes], allow_unused=True)
        assert all(grad is not None and grad.abs().sum() > 0 for grad in grads[:-3])  # the last bias has no slope
        assert grads[-2:] == (None, None)


def test_a_flat_d_is_no_accident() -> None:
    """A slope of 0 in length has no gradient of its own: the penalty is 1, and all gradients are finite."""
    weight = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    penalty = gradient_penalty(lambda items, labels: items @ weight, randn(5, 4), randn(5, 4, seed=1), rand(5))
    assert penalty.tolist() == [1.0] * 5
    [grad] = torch.autograd.grad(penalty.sum(), [weight])
    assert grad.tolist() == [0.0] * 4
    inputs = randn(5, 4).requires_grad_()
    assert squared_gradient_norm(flat(inputs), inputs).tolist() == [0.0] * 5


def test_labels_reach_d() -> None:
    labels = torch.tensor([0, 1, 2])
    ones = torch.ones(3, 4, dtype=torch.float64)
    assert gradient_penalty(by_class, ones, -ones, rand(3), labels).tolist() == [0.0, 1.0, 4.0]
    assert dragan_penalty(by_class, ones, rand(3), rand(3, 4), labels).tolist() == [0.0, 1.0, 4.0]


def test_r1_pulls_ds_slope_down() -> None:
    """One step of D down gamma / 2 times the penalty scales a straight D's weights by 1 - lr gamma."""
    weight = W.clone().requires_grad_()
    inputs = randn(5, 4).requires_grad_()
    penalty = 10.0 / 2 * squared_gradient_norm(inputs @ weight, inputs)
    [grad] = torch.autograd.grad(penalty.mean(), [weight])
    torch.testing.assert_close(W - 0.01 * grad, W * (1 - 0.01 * 10.0), rtol=1e-12, atol=0)


def test_clip_weights() -> None:
    params = [torch.tensor([-1.0, -0.01, 0.004], requires_grad=True), torch.tensor([[0.5]], requires_grad=True)]
    clip_weights(params, 0.01)
    assert torch.equal(params[0], torch.tensor([-0.01, -0.01, 0.004]))
    assert torch.equal(params[1], torch.tensor([[0.01]]))
    assert all(param.requires_grad and param.is_leaf for param in params)


def test_the_names_and_the_weights() -> None:
    assert {name: penalty.setting for name, penalty in PENALTIES.items()} == {
        "r1": "r1_gamma", "r2": "r2_gamma", "gp": "gp_weight", "dragan": "dragan_weight",
    }  # fmt: skip
    assert all(penalty.meaning.endswith(".") and penalty.source for penalty in PENALTIES.values())
    loaded = load_penalties({"r1": 2.0, "r2": 0.0, "gp": 3.0})
    assert [(one.record.name, one.weight) for one in loaded] == [("r1", 2.0), ("gp", 3.0)]
    assert loaded[0].function is r1.penalty


def test_what_an_update_gives_reaches_each_penalty() -> None:
    """R1 is taken at the reals, R2 at the fakes, each half of the square; the others get their own numbers."""
    reals, fakes = randn(5, 4).requires_grad_(), randn(5, 4, seed=1).requires_grad_()
    labels, draws = torch.tensor([0, 1, 2, 0, 1]), {"alpha": rand(5, 1), "noise": rand(5, 4, seed=3)}

    def D(items: Tensor, told: Tensor | None) -> Tensor:
        assert told is labels
        return quadratic(items)

    judged = Judged(D, reals, fakes, labels, D(reals, labels), D(fakes, labels), draws)
    torch.testing.assert_close(r1.penalty(judged), reals.square().sum(1) / 2)
    torch.testing.assert_close(r2.penalty(judged), fakes.square().sum(1) / 2)
    expected = {
        "gp": gradient_penalty(D, reals, fakes, draws["alpha"][:, 0], labels),
        "dragan": dragan_penalty(D, reals, draws["alpha"][:, 0], draws["noise"], labels),
    }
    for name, values in expected.items():
        assert torch.equal(PENALTIES[name].load().penalty(judged), values)
