import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics.image.inception import InceptionScore

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.metrics.class_shares import no_classes
from ganforge.metrics.classifier_score import classifier_score, no_score, splits_for
from ganforge.metrics.sides import class_histogram


def softmaxes(count: int, classes: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return (3 * torch.randn(count, classes, generator=generator(seed, "logits"), dtype=dtype)).softmax(dim=1)


@pytest.mark.parametrize("classes", [2, 10, 37])
def test_certain_and_even_scores_the_number_of_classes(classes: int) -> None:
    mean, std = classifier_score(torch.eye(classes).repeat(40, 1), splits=10)
    assert mean == pytest.approx(classes, rel=1e-12)
    assert std == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("row", [[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
def test_constant_scores_one(row: list[float]) -> None:
    assert classifier_score(torch.tensor([row] * 50))[0] == pytest.approx(1, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6), st.integers(7, 40))
def test_agrees_with_the_definition(seed: int, classes: int, count: int) -> None:
    rows = softmaxes(count, classes, seed)
    scores = []
    for split in range(3):
        part = rows[split * count // 3 : (split + 1) * count // 3].tolist()
        marginal = [sum(column) / len(part) for column in zip(*part, strict=True)]
        divergences = [sum(p * math.log(p / q) for p, q in zip(row, marginal, strict=True)) for row in part]
        scores.append(math.exp(sum(divergences) / len(part)))
    mean = sum(scores) / 3
    std = (sum((score - mean) ** 2 for score in scores) / 3) ** 0.5
    assert classifier_score(rows, splits=3) == pytest.approx((mean, std), rel=1e-10, abs=1e-12)


def test_agrees_with_torchmetrics() -> None:
    """One split, since torchmetrics shuffles; it takes logits."""
    rows = softmaxes(500, 10)
    with pytest.warns(UserWarning, match="save all extracted features"):
        oracle = InceptionScore(feature=torch.nn.Identity(), splits=1)
    oracle.update(rows.log())
    with pytest.warns(UserWarning, match="degrees of freedom"):
        expected, _ = oracle.compute()
    assert classifier_score(rows, splits=1)[0] == pytest.approx(expected.item(), rel=1e-9)


def test_float32_probabilities_are_taken_in_float64() -> None:
    rows = softmaxes(200, 10, dtype=torch.float32)
    assert classifier_score(rows) == classifier_score(rows.to(torch.float64))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.randn(20, 3, generator=generator(0, "logits")), "do not sum to 1; apply softmax"),
        (torch.tensor([[1.5, -0.5]]).repeat(20, 1), "needs probabilities"),
        (torch.tensor([[0.5, 0.4]]).repeat(20, 1), "needs probabilities"),
        (torch.tensor([[0.5, math.nan]]).repeat(20, 1), "not finite"),
        (softmaxes(9, 3), "9 generated samples, and at least 10"),
        (torch.ones(20), "one row of numbers a sample"),
    ],
)
def test_refusals(rows: Tensor, message: str) -> None:
    with pytest.raises(UserError, match=message):
        classifier_score(rows)


def test_histogram() -> None:
    shares = class_histogram(torch.tensor([3, 0, 3, 1]), 5)
    assert shares.dtype == torch.float64
    assert shares.tolist() == [0.25, 0.25, 0, 0.5, 0]


@pytest.mark.parametrize(
    ("classes", "message"),
    [([], "no samples to count"), ([0, 5], "run from 0 to 5, and must lie in 0 to 4"), ([-1, 2], "from -1 to 2")],
)
def test_histogram_refusals(classes: list[int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        class_histogram(torch.tensor(classes, dtype=torch.int64), 5)


def test_the_score_has_as_many_splits_as_are_large_enough() -> None:
    assert [splits_for(count, 10) for count in (10, 199, 200, 999, 1_000, 50_000)] == [1, 1, 2, 9, 10, 10]


def test_when_classes_say_nothing() -> None:
    even, three = torch.full((10,), 0.1), torch.tensor([0.5, 0.25, 0.25] + [0.0] * 7)
    assert no_score(100, 100, even) == ""
    assert "needs 100 items, 10 for each class, and there are 99" in no_score(99, 99, three)
    assert "100 judged items 9 differ" in no_score(100, 9, even)
    assert no_classes(30, three) == ""
    assert "needs 30 items" in no_classes(29, three)


def test_a_single_class_among_the_reals_says_nothing() -> None:
    single = torch.tensor([0.0, 1.0] + [0.0] * 8)
    assert "a single class" in no_classes(1_000, single)
    assert "a single class" in no_score(1_000, 1_000, single)
