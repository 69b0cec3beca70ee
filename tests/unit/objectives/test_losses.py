"""objectives/losses.py: values, gradients, and one sample's loss is its own affair."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ganforge.objectives.losses import NON_SATURATING, Terms, bce, non_saturating_d, non_saturating_g

LOGITS = torch.tensor([-3.0, -0.5, 0.0, 0.7, 4.0], dtype=torch.float64)


def total(terms: Terms) -> Tensor:
    return sum(terms.values(), start=torch.zeros((), dtype=torch.float64))


@pytest.mark.parametrize(
    ("logit", "target", "value"),
    [
        (0.0, 1.0, math.log(2)),
        (0.0, 0.0, math.log(2)),
        (math.log(3), 1.0, math.log(4 / 3)),  # sigmoid = 3/4
        (math.log(3), 0.0, math.log(4)),
        (-math.log(3), 1.0, math.log(4)),
        (1000.0, 0.0, 1000.0),  # no overflow far out
        (-1000.0, 1.0, 1000.0),
        (1000.0, 1.0, 0.0),
        (math.log(3), 0.5, (math.log(4 / 3) + math.log(4)) / 2),
    ],
)
def test_bce_by_hand(logit: float, target: float, value: float) -> None:
    assert bce(torch.tensor([logit], dtype=torch.float64), target).item() == pytest.approx(value, rel=1e-14, abs=1e-300)


def test_d_terms_by_hand() -> None:
    real, fake = torch.tensor([math.log(3), 0.0]), torch.tensor([-math.log(4), math.log(4)])
    terms = non_saturating_d(real, fake)
    assert list(terms) == ["reals", "fakes"]
    torch.testing.assert_close(terms["reals"], torch.tensor([math.log(4 / 3), math.log(2)]))
    torch.testing.assert_close(terms["fakes"], torch.tensor([math.log(5 / 4), math.log(5)]))


def test_g_terms_by_hand() -> None:
    terms = non_saturating_g(torch.tensor([-math.log(4), math.log(4)]))
    assert list(terms) == ["fakes"]
    torch.testing.assert_close(terms["fakes"], torch.tensor([math.log(5), math.log(5 / 4)]))


def test_an_undecided_d_loses_two_log_two() -> None:
    """The value of the game at its solution, D = 1/2: Goodfellow et al. 2014, theorem 1, with its sign turned."""
    zeros = torch.zeros(4, dtype=torch.float64)
    assert total(NON_SATURATING.d_loss(zeros, zeros)).tolist() == pytest.approx([math.log(4)] * 4, rel=1e-15)
    assert total(NON_SATURATING.g_loss(zeros)).tolist() == pytest.approx([math.log(2)] * 4, rel=1e-15)


def test_gradients_agree_with_finite_differences() -> None:
    real, fake = LOGITS.clone().requires_grad_(), LOGITS.flip(0).clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda r, f: tuple(non_saturating_d(r, f).values()), (real, fake))
    assert torch.autograd.gradcheck(lambda f: tuple(non_saturating_g(f).values()), (fake,))
    assert torch.autograd.gradgradcheck(lambda r, f: total(non_saturating_d(r, f)), (real, fake))


def test_gs_gradient_does_not_vanish_while_d_wins() -> None:
    """d/dx of -log sigmoid(x) is sigmoid(x) - 1: nearly -1 where D is sure that the pictures are generated."""
    logits = LOGITS.clone().requires_grad_()
    [grad] = torch.autograd.grad(non_saturating_g(logits)["fakes"].sum(), [logits])
    torch.testing.assert_close(grad, torch.sigmoid(LOGITS) - 1, rtol=1e-12, atol=0)


@pytest.mark.parametrize("index", range(len(LOGITS)))
@pytest.mark.parametrize(
    "loss",
    [
        lambda x: total(non_saturating_d(x, LOGITS)),
        lambda x: total(non_saturating_d(LOGITS, x)),
        lambda x: total(non_saturating_g(x)),
    ],
    ids=["D of reals", "D of fakes", "G"],
)
def test_a_sample_changes_its_own_loss_only(loss: Callable[[Tensor], Tensor], index: int) -> None:
    changed = LOGITS.clone()
    changed[index] += 1
    same = loss(LOGITS) == loss(changed)
    assert same.tolist() == [i != index for i in range(len(LOGITS))]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_dtype_are_the_logits(dtype: torch.dtype) -> None:
    real, fake = LOGITS.to(dtype), LOGITS.to(dtype)
    for term in [*non_saturating_d(real, fake).values(), *non_saturating_g(fake).values()]:
        assert (term.shape, term.dtype) == (LOGITS.shape, dtype)


def test_directions() -> None:
    """Higher logits are better for D on reals, worse on fakes, and better for G."""
    real, fake, theirs = (LOGITS.clone().requires_grad_() for _ in range(3))
    total(non_saturating_d(real, fake)).sum().backward()
    total(non_saturating_g(theirs)).sum().backward()
    assert (real.grad < 0).all()
    assert (fake.grad > 0).all()
    assert (theirs.grad < 0).all()
