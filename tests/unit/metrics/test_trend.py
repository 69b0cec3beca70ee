"""What a series of records says."""

from typing import Any

import pytest

from ganforge.metrics.trend import PATIENCE, best_of, best_so_far, is_far_worse, plateau_since, series


def row(
    nimg: int, value: float | None, protocol: str = "a", name: str = "FD/random", floor: float | None = None
) -> dict[str, Any]:
    return {
        "nimg": nimg,
        "headline": name if value is not None else None,
        "protocol": {"id": protocol},
        "figures": {name: {"value": value, "floor": floor}},
    }


def test_a_series_is_of_the_newest_protocol_alone() -> None:
    rows = [row(1, 9.0, "old"), row(2, 8.0), row(3, None), row(4, 7.0), row(5, 6.0, name="FD/classifier"), row(6, 5.0)]
    assert series(rows) == [(2, 8.0), (4, 7.0), (6, 5.0)]


def test_rows_of_something_else_are_passed_over() -> None:
    assert series([{"nimg": 1}, {"nimg": 2, "headline": "x", "figures": []}, row(3, 2.0)]) == [(3, 2.0)]
    assert series([]) == []


def test_the_best_is_the_lowest_and_the_earliest_of_equals() -> None:
    assert best_of([(1, 3.0), (2, 1.0), (3, 1.0), (4, 2.0)]) == (2, 1.0)
    assert best_of([]) is None


def test_far_worse_is_so_many_times_as_high_above_the_floor() -> None:
    assert not is_far_worse(3.0, 2.0, None) and is_far_worse(3.01, 2.0, None)
    assert not is_far_worse(5.0, 4.0, 1.0) and not is_far_worse(5.5, 4.0, 1.0) and is_far_worse(5.51, 4.0, 1.0)
    assert not is_far_worse(2.5, 1.1, 1.0) and is_far_worse(2.51, 0.4, 1.0)  # within twice the floor
    assert not is_far_worse(0.001, -0.002, -0.002) and is_far_worse(0.01, -0.002, -0.002)
    assert not is_far_worse(1.0, 4.0, 0.5)


def test_a_plateau_is_seen_once_patience_is_over() -> None:
    falling = [(n, 10.0 * 0.9**n) for n in range(10)]
    assert plateau_since(falling) is None
    flat = [*falling, *((10 + n, falling[-1][1] * 0.99) for n in range(PATIENCE - 1))]
    assert plateau_since(flat) is None
    assert plateau_since([*flat, (99, falling[-1][1])]) == 9


def words(*values: float, floor: float | None = 0.002) -> str:
    rows = [row(10_000 * n, value, name="KID/random", floor=floor) for n, value in enumerate(values, 1)]
    so_far = best_so_far(rows)
    assert so_far is not None
    return so_far.summary()


def test_the_best_is_said_beside_the_floor_and_the_first() -> None:
    assert words(0.09, 0.05, 0.06, 0.031) == "Best so far: KID/random 0.031 at 40,000 (floor 0.002, first 0.09)"
    assert words(0.09, 0.03, floor=None) == "Best so far: KID/random 0.03 at 20,000 (first 0.09)"
    assert words(0.09) == "First measurement: KID/random 0.09 at 10,000 (floor 0.002)"
    assert best_so_far([]) is None


def test_a_figure_that_has_not_gained_is_never_called_the_best() -> None:
    same = "No better than at the first measurement: KID/random 0.09 at 10,000 (floor 0.002; lowest 0.089 at 20,000)"
    assert words(0.09, 0.089, 0.2) == same
    assert words(0.09, 0.0856).startswith("No better")  # 0.0856 > 0.09 - 0.05 * 0.088
    assert words(0.09, 0.0855).startswith("Best so far")


def test_around_the_floor_nothing_is_gained() -> None:
    """A kernel distance can be below 0, where a share of it would be a gain at any change."""
    at = (
        "At its floor from the first measurement on: KID/random -0.001 at 10,000 (floor 0.002; lowest -0.004 at 20,000)"
    )
    assert words(-0.001, -0.004, 0.003) == at
    values = [(n, -0.001 * n) for n in range(PATIENCE + 1)]
    assert plateau_since(values, floor=0.002) == 0
    assert plateau_since([(n, 1.0 - 0.1 * n) for n in range(12)], floor=0.5) == 5


def test_a_slow_fall_is_no_plateau() -> None:
    """Each step gains 2 %, less than what counts, but three of them together count."""
    assert plateau_since([(n, 10.0 * 0.98**n) for n in range(40)]) is None


def test_noise_around_a_level_is_a_plateau() -> None:
    values = [(n, 5.0 + 0.2 * (-1) ** n) for n in range(20)]
    assert plateau_since(values) == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"figures": {"FD": {"value": float("nan")}}}, {"figures": {"FD": {"value": 10**400}}},
        {"figures": {"FD": {"value": float("inf")}}}, {"figures": [], "headline": 0}, {"figures": {"FD": []}},
        {"protocol": []}, {"protocol": {"id": [[]]}}, {"protocol": {"id": 3}}, {"headline": ["FD"]}, {"figures": "FD"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_record_counts_for_nothing(odd: dict[str, Any]) -> None:
    whole = {"nimg": 1, "headline": "FD", "figures": {"FD": {"value": 2.0}}, "protocol": {"id": "a"}}
    assert series([whole, whole | odd]) == [(1, 2.0)]
