"""metrics/memorisation.py: known answers, and what the figures say of copies of MNIST."""

import math
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.data.mnist import load_mnist
from ganforge.metrics.memorisation import (
    auth_pct,
    c_t,
    copies,
    exact_duplicates,
    near_duplicates,
    no_held_out,
    no_memorisation,
    no_spacing,
    spacing_of,
)
from ganforge.metrics.nearest import Neighbours, nearest

SEEDS = st.integers(0, 2**32)
DATA = os.environ.get("GANFORGE_DATA")


def normal(count: int, dims: int, seed: int = 0, purpose: str = "normal") -> Tensor:
    return torch.randn(count, dims, generator=generator(seed, purpose), dtype=torch.float64)


def random_pictures(count: int, seed: int = 0) -> Tensor:
    return torch.randint(256, (count, 1, 4, 5), dtype=torch.uint8, generator=generator(seed, "pictures"))


def authentic_share(samples: Tensor, train: Tensor) -> float:
    found = nearest(samples, train)
    return auth_pct(found.distances, spacing_of(found, train))


class TestAuthPct:
    def test_by_hand(self) -> None:
        """On a line, 0 and 1 are 1 apart, and 10 is 9 from its nearest: two of five samples are farther than that."""
        train = torch.tensor([[0.0], [1.0], [10.0]])
        samples = torch.tensor([[-0.5], [-1.0], [-1.5], [2.5], [15.0]])  # 0.5 < 1, 1 = 1, 1.5 > 1, 1.5 > 1, 5 < 9
        assert authentic_share(samples, train) == pytest.approx(40)

    @settings(max_examples=15, deadline=None)
    @given(SEEDS)
    def test_agrees_with_loops(self, seed: int) -> None:
        samples, train = normal(40, 3, seed).tolist(), normal(25, 3, seed, "train").tolist()
        authentic = 0
        for g in samples:
            i = min(range(25), key=lambda j: math.dist(g, train[j]))
            authentic += math.dist(g, train[i]) > min(math.dist(train[i], train[j]) for j in range(25) if j != i)
        samples, train = torch.tensor(samples, dtype=torch.float64), torch.tensor(train, dtype=torch.float64)
        assert authentic_share(samples, train) == pytest.approx(100 * authentic / 40)

    def test_of_copies_is_zero(self) -> None:
        train = normal(200, 5)
        assert authentic_share(train[:50], train) == 0

    def test_needs_two_training_rows(self) -> None:
        train = normal(1, 3)
        with pytest.raises(UserError, match="at least 2"):
            spacing_of(Neighbours(torch.ones(1), torch.tensor([0])), train)


class TestCT:
    def test_by_hand(self) -> None:
        """Both samples below all three held-out reals: U = 0, mean 3, variance 2 * 3 * 6 / 12 = 3."""
        low, high = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0])
        assert c_t(low, high) == pytest.approx(-3 / math.sqrt(3), rel=1e-14)
        assert c_t(high, low) == pytest.approx(3 / math.sqrt(3), rel=1e-14)

    @settings(max_examples=30, deadline=None)
    @given(SEEDS, st.integers(2, 60), st.integers(2, 60), st.integers(2, 20))
    def test_agrees_with_scipy_with_ties(self, seed: int, m: int, n: int, values: int) -> None:
        draws = generator(seed, "distances")
        ours = torch.randint(values, (m,), generator=draws).to(torch.float64)
        theirs = torch.randint(values, (n,), generator=draws).to(torch.float64)
        if torch.cat([ours, theirs]).unique().numel() == 1:
            return
        p = mannwhitneyu(ours, theirs, alternative="less", use_continuity=False, method="asymptotic").pvalue
        assert c_t(ours, theirs) == pytest.approx(norm.ppf(p), rel=1e-6, abs=1e-9)

    def test_equal_distances_say_nothing(self) -> None:
        with pytest.raises(UserError, match="none is farther than another"):
            c_t(torch.ones(5), torch.ones(9))
        assert c_t(torch.arange(9), torch.arange(9)) == 0

    def test_is_standard_normal_for_equal_distributions(self) -> None:
        scores = torch.tensor(
            [c_t(normal(80, 1, s).flatten(), normal(50, 1, s, "held out").flatten()) for s in range(300)]
        )
        assert scores.mean().item() == pytest.approx(0, abs=0.2)
        assert scores.std().item() == pytest.approx(1, abs=0.15)

    def test_refusals(self) -> None:
        some = torch.arange(4.0)
        for arguments, message in (
            ((some[:0], some), "0 generated samples"),
            ((some, some[:0]), "0 held-out samples"),
            ((some * math.inf, some), "generated samples .* not finite"),
            ((some, some * math.nan), "held-out samples .* not finite"),
        ):
            with pytest.raises(UserError, match=message):
                c_t(*arguments)


class TestWhenTheySayNothing:
    def test_few_held_out_pictures(self) -> None:
        assert "19 held-out pictures" in no_held_out(torch.ones(19))
        assert no_held_out(torch.ones(20)) == ""

    def test_held_out_pictures_that_were_learned_from(self) -> None:
        distances = torch.ones(40)
        distances[:21] = 0
        assert no_held_out(distances) == "21 of the 40 held-out pictures equal training pictures"
        assert no_held_out(distances[2:]) == ""

    def test_one_picture_repeated(self) -> None:
        assert "499 judged pictures 9 differ" in no_memorisation(torch.ones(20), 9, 499)
        assert no_memorisation(torch.ones(20), 10, 499) == ""

    def test_training_pictures_that_come_twice(self) -> None:
        assert "equal another one" in no_spacing(torch.tensor([0.0, 0.0, 1.0]))
        assert no_spacing(torch.tensor([0.0, 1.0])) == ""


class TestDuplicates:
    def test_exact(self) -> None:
        pictures = random_pictures(10)
        assert exact_duplicates(pictures) == 0
        assert exact_duplicates(pictures[[0, 1, 0, 2, 0, 1, 3, 4]]) == pytest.approx(3 / 8)
        changed = pictures[[0, 0]]
        changed[1, 0, 3, 4] ^= 1
        assert exact_duplicates(changed) == 0

    def test_copies(self) -> None:
        training, pictures = random_pictures(50), random_pictures(8, seed=1)
        assert copies(pictures, training) == 0
        pictures[2] = training[49]
        pictures[5:7] = training[3]
        assert copies(pictures, training) == 3 / 8

    def test_pictures_in_another_order_of_memory_are_the_same(self) -> None:
        training = random_pictures(5)
        assert copies(training.transpose(2, 3).contiguous().transpose(2, 3), training) == 1

    def test_near(self) -> None:
        points = torch.tensor([[0.0], [0.5], [2.0], [3.25], [3.25]])
        assert near_duplicates(points, threshold=0.6) == 4 / 5
        assert near_duplicates(points, threshold=0.5) == 2 / 5  # nearer than, not as near as
        assert near_duplicates(points, threshold=2.0) == 1

    def test_refusals(self) -> None:
        pictures = random_pictures(3)
        for call in (lambda: exact_duplicates(pictures[:0]), lambda: copies(pictures[:0], pictures)):
            with pytest.raises(UserError, match="no generated pictures"):
                call()
        with pytest.raises(UserError, match=r"differ in shape, \[1, 4, 5\] and \[1, 4, 4\]"):
            copies(pictures, pictures[..., :4])
        with pytest.raises(UserError, match="1 reference samples, and at least 2"):
            near_duplicates(normal(1, 3), threshold=1)


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """MNIST's training pictures in pixels of 0 to 1, shuffled: float32 [60000, 784]."""
    items = load_mnist("train").items
    return items[torch.randperm(len(items), generator=generator(0, "MNIST"))].flatten(1).to(torch.float32) / 255


@pytest.fixture(scope="module")
def train(pictures: Tensor) -> Tensor:
    return pictures[:15_000]


@pytest.fixture(scope="module")
def held_out(pictures: Tensor, train: Tensor) -> Neighbours:
    return nearest(pictures[20_000:20_500], train)


@pytest.mark.skipif(not DATA or not (Path(DATA) / "mnist").is_dir(), reason="GANFORGE_DATA has no mnist/")
class TestOnMnist:
    """500 samples against 15,000 training pictures; the calibration they repeat had 2,000 against 30,000."""

    def test_fresh_pictures(self, pictures: Tensor, train: Tensor, held_out: Neighbours) -> None:
        fresh = nearest(pictures[30_000:30_500], train)
        assert 55 < auth_pct(fresh.distances, spacing_of(fresh, train)) < 72
        assert abs(c_t(fresh.distances, held_out.distances)) < 3
        assert (fresh.distances > 0).all()
        assert near_duplicates(pictures[30_000:30_400], threshold=1) == 0

    def test_copies(self, pictures: Tensor, train: Tensor, held_out: Neighbours) -> None:
        copied = nearest(train[:500], train)
        assert (copied.distances == 0).all()
        assert auth_pct(copied.distances, spacing_of(copied, train)) == 0
        assert c_t(copied.distances, held_out.distances) < -25
        half = nearest(torch.cat([train[:250], pictures[30_000:30_250]]), train)
        assert 20 < auth_pct(half.distances, spacing_of(half, train)) < 40
        assert -25 < c_t(half.distances, held_out.distances) < -8

    def test_noise(self, train: Tensor, held_out: Neighbours) -> None:
        noise = torch.rand(500, 784, generator=generator(0, "noise"))
        assert c_t(nearest(noise, train).distances, held_out.distances) > 25

    def test_a_small_support_shows_in_small_batches(self, pictures: Tensor) -> None:
        """The birthday paradox: 100 pictures, drawn 100 times, repeat surely."""
        drawn = torch.randint(100, (100,), generator=generator(0, "support"))
        expected = 1 - (1 - 1 / 100) ** 99  # a sample has a twin
        assert near_duplicates(pictures[drawn], threshold=1) == pytest.approx(expected, abs=0.15)
