"""What every medium does with a curve."""

import math

import pytest

from ganforge.base.charts import has_place, is_steep, thin


def test_thinning_keeps_both_ends_every_peak_and_the_order() -> None:
    points = [(at, 1.0) for at in range(10_000)]
    points[4_321] = (4_321, 99.0)
    points[7_000] = (7_000, -99.0)
    kept = thin(points, 100)
    assert len(kept) <= 100
    assert {points[0], points[-1], points[4_321], points[7_000]} <= set(kept)
    assert kept == sorted(set(kept))
    assert thin(points[:100], 100) == points[:100]
    with pytest.raises(ValueError, match="most is 3"):
        thin(points, 3)


@pytest.mark.parametrize("most", [4, 5, 100, 999])
def test_there_are_never_more_points_than_that(most: int) -> None:
    points = [(at, float(at * 7_919 % 1_000)) for at in range(1_000)]
    assert most // 2 < len(thin(points, most)) <= most


def test_thinning_passes_gaps_over_unless_there_is_nothing_else() -> None:
    points = [(at, math.nan if at % 2 or at >= 800 else float(at)) for at in range(1_000)]
    kept = thin(points, 100)
    assert (798, 798.0) in kept
    assert any(math.isnan(value) for nimg, value in kept if 800 < nimg < 999)
    assert not any(math.isnan(value) for nimg, value in kept if nimg < 700)


def test_an_axis_is_logarithmic_where_values_above_zero_are_far_apart() -> None:
    assert is_steep([1.0, 21.0])
    assert not is_steep([1.0, 20.0])
    assert not is_steep([0.0, 21.0])
    assert not is_steep([-1.0, 21.0])


def test_what_has_a_place_on_an_axis() -> None:
    values = (-1e101, -1.0, 0.0, 1e-101, 1.0, 1e101, math.inf, math.nan)
    assert [value for value in values if has_place(value, log=False)] == [-1.0, 0.0, 1e-101, 1.0]
    assert [value for value in values if has_place(value, log=True)] == [1.0]
