"""metrics/modes.py: by hand, and the floors of a perfect generator."""

import math

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.data.synthetic import load_grid, load_ring, ring_mixture
from ganforge.metrics.modes import (
    MixtureCoverage,
    ModeCoverage,
    mixture_coverage,
    mode_coverage,
    no_modes,
    stacked_modes,
)

MNIST_TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
"""How many of MNIST's 60,000 training pictures each digit has."""

STD = 0.01
CENTERS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def draws(weights: list[int], index: int, count: int = 26_000) -> Tensor:
    """Stacks of three digits drawn with these weights, as modes."""
    drawn = torch.multinomial(
        torch.tensor(weights, dtype=torch.float64), 3 * count, replacement=True, generator=generator(0, "digits", index)
    )
    return stacked_modes(drawn.view(count, 3))


def test_by_hand() -> None:
    modes = torch.tensor([0, 0, 2])
    assert mode_coverage(modes, 4).found == 2
    assert mode_coverage(modes, 4).kl == pytest.approx(2 / 3 * math.log(8 / 3) + 1 / 3 * math.log(4 / 3), rel=1e-14)


def test_equal_shares_are_free() -> None:
    assert mode_coverage(torch.arange(1000).repeat(26), 1000) == ModeCoverage(1000, pytest.approx(0, abs=1e-14))


def test_one_mode_costs_ln_1000() -> None:
    assert mode_coverage(torch.full((26_000,), 123), 1000) == ModeCoverage(1, pytest.approx(6.9078, abs=5e-5))


@pytest.mark.parametrize(
    ("weights", "floor", "spread"),
    [([1] * 10, 0.0193, 0.0009), (MNIST_TRAIN, 0.0237, 0.0010)],
    ids=["uniform", "MNIST"],
)
def test_floors_of_stacked_mnist(weights: list[int], floor: float, spread: float) -> None:
    """What 26,000 perfect samples score; one draw may be three spreads off, and the mean of 20 must hit."""
    found = [mode_coverage(draws(weights, index), 1000) for index in range(20)]
    kls = [coverage.kl for coverage in found]
    assert all(coverage.found == 1000 for coverage in found)
    assert all(abs(kl - floor) < 3 * spread for kl in kls)
    assert sum(kls) / 20 == pytest.approx(floor, abs=spread / 2)


def test_stacked_modes_are_red_green_blue() -> None:
    assert stacked_modes(torch.tensor([[1, 2, 3], [0, 0, 9], [9, 0, 0]])).tolist() == [123, 9, 900]


@pytest.mark.parametrize("classes", [torch.zeros(5, dtype=torch.int64), torch.zeros(5, 2, dtype=torch.int64)])
def test_stacks_have_three_digits(classes: Tensor) -> None:
    with pytest.raises(UserError, match="3 classes a picture"):
        stacked_modes(classes)


@pytest.mark.parametrize("wrong", [10, -1])
def test_stacks_are_of_digits(wrong: int) -> None:
    with pytest.raises(UserError, match="0 to 9"):
        stacked_modes(torch.tensor([[1, 2, wrong]]))


@pytest.mark.parametrize(("modes", "message"), [([], "no samples"), ([3, 1000], "run from 3 to 1000")])
def test_modes_out_of_range(modes: list[int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        mode_coverage(torch.tensor(modes, dtype=torch.int64), 1000)


def test_mixture_by_hand() -> None:
    """Two good samples at centre 0, one at 3, one too far from centre 1, one far from everything."""
    points = torch.tensor([[0.0, 0.0], [0.02, 0.02], [1.0, 1.029], [1.031, 0.0], [7.0, -7.0]])
    found = mixture_coverage(points, CENTERS, STD)
    assert (found.found, found.high_quality) == (2, 3 / 5)
    assert found.kl == pytest.approx(2 / 3 * math.log(8 / 3) + 1 / 3 * math.log(4 / 3), rel=1e-14)


def test_nothing_of_high_quality_has_no_kl() -> None:
    assert mixture_coverage(torch.full((9, 2), 0.5), CENTERS, STD) == MixtureCoverage(0, 0.0, None)


@pytest.mark.parametrize(("load", "modes"), [(load_ring, 8), (load_grid, 25)])
def test_real_points_reach_every_mode(load, modes) -> None:  # type: ignore[no-untyped-def]
    """Within 3 std in the plane: 1 - exp(-9/2) = 98.889 %; and the KL is that of 10,000 perfect samples."""
    dataset = load("test")
    found = mixture_coverage(dataset.items, dataset.mixture.centers, dataset.mixture.std)
    assert found.found == modes
    assert found.high_quality == pytest.approx(0.98889, abs=0.003)
    assert 0 < found.kl < 3 * (modes - 1) / 20_000


def test_missing_modes_are_missed() -> None:
    dataset = load_ring("test")
    assert dataset.labels is not None
    mixture = ring_mixture()
    found = mixture_coverage(dataset.items[dataset.labels < 4], mixture.centers, mixture.std)
    assert found.found == 4
    assert found.kl == pytest.approx(math.log(2), abs=0.002)


def test_mixture_refusals() -> None:
    for points, message in (
        (torch.zeros(5, 3), "3 coordinates and the mixture 2"),
        (torch.full((5, 2), math.nan), "5 of the 5 generated samples"),
        (torch.zeros(0, 2), "0 generated samples"),
    ):
        with pytest.raises(UserError, match=message):
            mixture_coverage(points, CENTERS, STD)


def test_fewer_items_than_modes_cannot_reach_them() -> None:
    assert no_modes(999, 1_000) == "999 items cannot reach 1,000 modes"
    assert no_modes(1_000, 1_000) == ""
