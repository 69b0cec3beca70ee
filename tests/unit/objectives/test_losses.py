"""Each objective: values, gradients, and one sample's loss is its own affair."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ganforge.objectives import non_saturating
from ganforge.objectives.catalog import OBJECTIVES
from ganforge.objectives.losses import LossPair, Terms, bce, load_losses

LOGITS = torch.tensor([-3.0, -0.5, 0.0, 0.7, 4.0], dtype=torch.float64)
LOSSES = {name: load_losses(name) for name in OBJECTIVES}
EACH = pytest.mark.parametrize("name", OBJECTIVES)
NON_SATURATING_NAMES = ["non-saturating", "lsgan", "lsgan-ab", "wgan", "hinge", "relativistic"]
LOG3, LOG4, LOG5 = math.log(3), math.log(4), math.log(5)


def total(terms: Terms) -> Tensor:
    return sum(terms.values(), start=torch.zeros((), dtype=torch.float64))


def d_loss(objective: LossPair, real: Tensor, fake: Tensor) -> Tensor:
    return total(objective.d_loss(real, fake))


def g_loss(objective: LossPair, fake: Tensor, real: Tensor) -> Tensor:
    """Reals are given where they are needed, and only there."""
    return total(objective.g_loss(fake, real) if objective.needs_real_logits else objective.g_loss(fake))


@pytest.mark.parametrize(
    ("logit", "target", "value"),
    [
        (0.0, 1.0, math.log(2)),
        (0.0, 0.0, math.log(2)),
        (LOG3, 1.0, math.log(4 / 3)),  # sigmoid = 3/4
        (LOG3, 0.0, LOG4),
        (-LOG3, 1.0, LOG4),
        (1000.0, 0.0, 1000.0),  # no overflow far out
        (-1000.0, 1.0, 1000.0),
        (1000.0, 1.0, 0.0),
        (LOG3, 0.5, (math.log(4 / 3) + LOG4) / 2),
    ],
)
def test_bce_by_hand(logit: float, target: float, value: float) -> None:
    assert bce(torch.tensor([logit], dtype=torch.float64), target).item() == pytest.approx(value, rel=1e-14, abs=1e-300)


SIGMOID_D = {"reals": [math.log(4 / 3), math.log(2), LOG5], "fakes": [math.log(5 / 4), LOG5, math.log(2)]}
BY_HAND = {  # r = log 3, 0, -log 4 and f = -log 4, log 4, 0: the sigmoids are 3/4, 1/2, 1/5 and 1/5, 4/5, 1/2
    "minimax": (SIGMOID_D, {"fakes": [math.log(4 / 5), math.log(1 / 5), math.log(1 / 2)]}),
    "non-saturating": (SIGMOID_D, {"fakes": [LOG5, math.log(5 / 4), math.log(2)]}),
    "relativistic": (
        {"pairs": [math.log(13 / 12), LOG5, LOG5]},  # r - f = log 12, -log 4, -log 4
        {"pairs": [math.log(13), math.log(5 / 4), math.log(5 / 4)]},
    ),
}
BY_HAND_PLAIN = {  # r = 3, 0.5, -2 and f = -3, 0.5, 2
    "lsgan": ({"reals": [2, 0.125, 4.5], "fakes": [4.5, 0.125, 2]}, {"fakes": [8, 0.125, 0.5]}),
    "lsgan-ab": ({"reals": [2, 0.125, 4.5], "fakes": [2, 1.125, 4.5]}, {"fakes": [4.5, 0.125, 2]}),
    "wgan": ({"reals": [-3, -0.5, 2], "fakes": [-3, 0.5, 2]}, {"fakes": [3, -0.5, -2]}),
    "hinge": ({"reals": [0, 0.5, 3], "fakes": [0, 1.5, 3]}, {"fakes": [3, -0.5, -2]}),
}


@EACH
def test_terms_by_hand(name: str) -> None:
    if name in BY_HAND:
        real, fake, expected = [LOG3, 0, -LOG4], [-LOG4, LOG4, 0], BY_HAND[name]
    else:
        real, fake, expected = [3, 0.5, -2], [-3, 0.5, 2], BY_HAND_PLAIN[name]
    real_logits, fake_logits = (torch.tensor(logits, dtype=torch.float64) for logits in (real, fake))
    found = LOSSES[name].d_loss(real_logits, fake_logits), LOSSES[name].g_loss(fake_logits, real_logits)
    for terms, wanted in zip(found, expected, strict=True):
        assert list(terms) == list(wanted)
        for term, values in wanted.items():
            assert terms[term].tolist() == pytest.approx(values, rel=1e-14, abs=1e-15)


UNDECIDED = {  # the logit of a D that cannot tell, and both losses there
    "minimax": (0.0, LOG4, -math.log(2)),  # the value of the game, arXiv:1406.2661, theorem 1, with its sign turned
    "non-saturating": (0.0, LOG4, math.log(2)),
    "lsgan": (0.5, 0.25, 0.125),
    "lsgan-ab": (0.0, 1.0, 0.0),
    "wgan": (0.3, 0.0, -0.3),
    "hinge": (0.0, 2.0, 0.0),
    "relativistic": (0.3, math.log(2), math.log(2)),
}


@EACH
def test_an_undecided_d(name: str) -> None:
    logit, d, g = UNDECIDED[name]
    logits = torch.full((4,), logit, dtype=torch.float64)
    assert d_loss(LOSSES[name], logits, logits).tolist() == pytest.approx([d] * 4, rel=1e-15)
    assert g_loss(LOSSES[name], logits, logits).tolist() == pytest.approx([g] * 4, rel=1e-15)
    assert OBJECTIVES[name].undecided == pytest.approx(d, rel=1e-15)
    assert f" {d:.4g} " in OBJECTIVES[name].meaning or name == "wgan"
    assert OBJECTIVES[name].boundary == (None if name in ("wgan", "relativistic") else logit)


@EACH
def test_d_cannot_do_better_where_reals_and_fakes_are_alike(name: str) -> None:
    """With the same logits for both, no logit makes the loss smaller than the undecided one."""
    grid = torch.linspace(-5, 5, 1001, dtype=torch.float64)
    assert d_loss(LOSSES[name], grid, grid).min().item() == pytest.approx(UNDECIDED[name][1], abs=1e-12)


def test_wgans_d_loss_is_minus_the_distance_that_d_sees() -> None:
    """Reals at 2 and fakes at -1 on a line, 3 apart, and a D of slope 1."""
    assert d_loss(LOSSES["wgan"], torch.tensor([2.0]), torch.tensor([-1.0])).item() == -3


@EACH
def test_gradients_agree_with_finite_differences(name: str) -> None:
    objective = LOSSES[name]
    real, fake = LOGITS.clone().requires_grad_(), (LOGITS.flip(0) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda r, f: tuple(objective.d_loss(r, f).values()), (real, fake))
    assert torch.autograd.gradcheck(lambda f, r: tuple(objective.g_loss(f, r).values()), (fake, real.detach()))
    assert torch.autograd.gradgradcheck(lambda r, f: d_loss(objective, r, f).square(), (real, fake))
    assert torch.autograd.gradgradcheck(lambda f: g_loss(objective, f, real.detach()).square(), (fake,))


def test_gs_gradient_does_not_vanish_while_d_wins() -> None:
    """d/dx of -log sigmoid(x) is sigmoid(x) - 1: nearly -1 where D is sure that the pictures are generated."""
    logits = LOGITS.clone().requires_grad_()
    [grad] = torch.autograd.grad(non_saturating.g_loss(logits)["fakes"].sum(), [logits])
    torch.testing.assert_close(grad, torch.sigmoid(LOGITS) - 1, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("name", "vanishes"), [("minimax", True)] + [(name, False) for name in NON_SATURATING_NAMES])
def test_only_the_minimax_saturates(name: str, vanishes: bool) -> None:
    """G's gradient where D is sure: reals at 10, fakes at -10."""
    fake = torch.tensor([-10.0], dtype=torch.float64, requires_grad=True)
    g_loss(LOSSES[name], fake, torch.tensor([10.0], dtype=torch.float64)).sum().backward()
    assert (abs(fake.grad.item()) < 1e-4) == vanishes
    assert fake.grad.item() < 0


@EACH
@pytest.mark.parametrize("index", range(5))
def test_a_sample_changes_its_own_loss_only(name: str, index: int) -> None:
    objective = LOSSES[name]
    near = torch.tensor([-0.9, -0.5, 0.0, 0.3, 0.8], dtype=torch.float64)  # within 1, where no hinge is flat
    losses: list[Callable[[Tensor], Tensor]] = [
        lambda x: d_loss(objective, x, near),
        lambda x: d_loss(objective, near, x),
        lambda x: g_loss(objective, x, near),
    ]
    changed = near.clone()
    changed[index] += 0.1
    for loss in losses:
        same = loss(near) == loss(changed)
        assert same.tolist() == [i != index for i in range(5)]


@EACH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_dtype_are_the_logits(name: str, dtype: torch.dtype) -> None:
    real, fake = LOGITS.to(dtype), LOGITS.flip(0).to(dtype)
    for term in [*LOSSES[name].d_loss(real, fake).values(), *LOSSES[name].g_loss(fake, real).values()]:
        assert (term.shape, term.dtype) == (LOGITS.shape, dtype)


@EACH
def test_losses_stay_finite_far_out(name: str) -> None:
    far = torch.tensor([-1e4, 1e4, 0.0, -1e4])
    real, fake = far.clone().requires_grad_(), far.flip(0).clone().requires_grad_()
    both = d_loss(LOSSES[name], real, fake) + g_loss(LOSSES[name], fake, real)
    both.sum().backward()
    assert all(torch.isfinite(t).all() for t in (both, real.grad, fake.grad))


@EACH
def test_directions(name: str) -> None:
    """Higher logits are better for D on reals, worse on fakes, and better for G, as long as D tells the two apart."""
    real = torch.tensor([0.1, 0.4, 0.9], dtype=torch.float64).requires_grad_()
    fake, theirs = (torch.tensor([-0.9, -0.4, -0.1], dtype=torch.float64) for _ in range(2))
    if name == "lsgan":  # where D aims at 0 for fakes
        fake = -fake
    d_loss(LOSSES[name], real, fake.requires_grad_()).sum().backward()
    g_loss(LOSSES[name], theirs.requires_grad_(), real.detach()).sum().backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    assert (theirs.grad < 0).all()


@pytest.mark.parametrize(("name", "aim"), [("lsgan", 1.0), ("lsgan-ab", 0.0)])
def test_least_squares_pull_from_above_too(name: str, aim: float) -> None:
    fake = torch.tensor([aim - 2, aim, aim + 2], requires_grad=True)
    g_loss(LOSSES[name], fake, fake).sum().backward()
    assert fake.grad.tolist() == [-2, 0, 2]


@pytest.mark.parametrize("D_name", ["linear", "MLP"])
@EACH
def test_a_step_of_g_raises_ds_opinion_of_its_fakes(name: str, D_name: str) -> None:
    """The sign test. D's bias keeps the fakes' logits below 0, as D's own step would."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        G = nn.Linear(3, 4)
        D = nn.Linear(4, 1) if D_name == "linear" else nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        z, reals = torch.randn(32, 3), torch.randn(32, 4)
    bias = D.bias if isinstance(D, nn.Linear) else D[-1].bias
    with torch.no_grad():
        bias -= D(G(z)).max() + 0.5
    real_logits, fake_logits = D(reals).squeeze(1).detach(), D(G(z)).squeeze(1)
    loss = g_loss(LOSSES[name], fake_logits, real_logits).mean()
    grads = torch.autograd.grad(loss, list(G.parameters()))
    with torch.no_grad():
        for param, grad in zip(G.parameters(), grads, strict=True):
            param -= 0.05 * grad
        assert D(G(z)).mean() > fake_logits.mean() + 1e-5


def test_relativistic_losses_are_each_other_with_the_players_exchanged() -> None:
    """And only differences count: the same number added to all logits changes nothing."""
    objective, real, fake = LOSSES["relativistic"], LOGITS, LOGITS.flip(0) / 2
    assert torch.equal(objective.d_loss(real, fake)["pairs"], objective.g_loss(real, fake)["pairs"])
    torch.testing.assert_close(objective.d_loss(real + 7, fake + 7), objective.d_loss(real, fake), rtol=1e-12, atol=0)


def test_relativistic_losses_need_pairs() -> None:
    objective = LOSSES["relativistic"]
    with pytest.raises(ValueError, match="needs D's logits of reals"):
        objective.g_loss(LOGITS)
    for loss in (objective.d_loss, objective.g_loss):
        with pytest.raises(ValueError, match="5 logits cannot be paired with 1"):
            loss(LOGITS, LOGITS[:1])


def test_the_non_saturating_losses_have_their_numbers_to_the_bit() -> None:
    real, fake = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    ones, zeros = torch.ones(1000), torch.zeros(1000)
    bce_of = torch.nn.functional.binary_cross_entropy_with_logits
    terms = non_saturating.d_loss(real, fake)
    assert torch.equal(terms["reals"].mean(), bce_of(real, ones))
    assert torch.equal(terms["fakes"].mean(), bce_of(fake, zeros))
    assert torch.equal(non_saturating.g_loss(fake, real)["fakes"].mean(), bce_of(fake, ones))


def test_the_names() -> None:
    assert [*OBJECTIVES] == ["minimax", *NON_SATURATING_NAMES]
    assert [name for name in OBJECTIVES if OBJECTIVES[name].needs_real_logits] == ["relativistic"]
    assert all(record.meaning.endswith(".") and record.source for record in OBJECTIVES.values())
