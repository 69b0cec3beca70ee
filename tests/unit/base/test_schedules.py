"""base/schedules.py: at the ends, in the middle, and beyond."""

import math
from collections.abc import Callable

import pytest

from ganforge.base.schedules import cosine, critic_steps, is_due, linear, ramped_halflife

BOTH = pytest.mark.parametrize("schedule", [linear, cosine])
Schedule = Callable[[int, float, float, int], float]


@BOTH
@pytest.mark.parametrize(("start", "end"), [(2e-4, 5e-5), (0.9, 0.99), (1.0, 0.1), (0.0, 500_000.0), (0.1, 0.3)])
def test_ends_middle_and_beyond(schedule: Schedule, start: float, end: float) -> None:
    assert schedule(0, start, end, 2_000_000) == start
    assert schedule(2_000_000, start, end, 2_000_000) == end  # to the bit, which start + (end - start) is not always
    assert schedule(10_000_000, start, end, 2_000_000) == end
    assert schedule(1_000_000, start, end, 2_000_000) == pytest.approx((start + end) / 2, rel=1e-12)


@BOTH
def test_never_back(schedule: Schedule) -> None:
    values = [schedule(nimg, 1.0, 0.1, 1000) for nimg in range(0, 1200, 7)]
    assert values == sorted(values, reverse=True)
    assert 0.1 <= min(values) < max(values) <= 1.0


@BOTH
@pytest.mark.parametrize("nimg", [0, 1, 333, 999, 1000, 5000])
def test_a_constant_is_a_constant(schedule: Schedule, nimg: int) -> None:
    assert schedule(nimg, 0.1, 0.1, 1000) == 0.1


@BOTH
def test_no_burn_in(schedule: Schedule) -> None:
    assert schedule(0, 1.0, 0.1, 0) == 0.1


def test_quarters() -> None:
    assert linear(250, 1.0, 0.0, 1000) == 0.75
    assert linear(750, 1.0, 0.0, 1000) == 0.25
    assert cosine(250, 1.0, 0.0, 1000) == pytest.approx((1 + math.sqrt(0.5)) / 2, rel=1e-14)
    assert cosine(750, 1.0, 0.0, 1000) == pytest.approx((1 - math.sqrt(0.5)) / 2, rel=1e-14)


def test_a_cosine_is_level_at_its_ends() -> None:
    assert cosine(0, 0.0, 1.0, 1000) == 0
    assert cosine(10, 0.0, 1.0, 1000) < 3e-4 < linear(10, 0.0, 1.0, 1000)
    assert 1 - cosine(990, 0.0, 1.0, 1000) < 3e-4 < 1 - linear(990, 0.0, 1.0, 1000)


def test_ramped_halflife() -> None:
    assert ramped_halflife(0, 10_000) == 0
    assert ramped_halflife(1000, 10_000) == 50
    assert ramped_halflife(200_000, 10_000) == 10_000
    assert ramped_halflife(5_000_000, 10_000) == 10_000
    assert ramped_halflife(1000, 10_000, rampup=0.5) == 500


def test_critic_steps() -> None:
    steps = [critic_steps(g_step) for g_step in range(1002)]
    assert [g_step for g_step, count in enumerate(steps) if count == 100] == [*range(25), 500, 1000]
    assert set(steps) == {5, 100}
    assert critic_steps(25, usual=1) == 1


@pytest.mark.parametrize("images", [2, 7, 32, 100, 333])
@pytest.mark.parametrize("every", [1, 50, 100, 1000])
def test_every_multiple_is_reached_by_one_step(images: int, every: int) -> None:
    ends = range(images, 4000, images)
    passed = sum(is_due(end, images, every) for end in ends)
    assert passed == min(len(ends), ends[-1] // every) or images > every
