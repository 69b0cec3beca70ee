"""Numbers and times as people read them."""

import pytest

from ganforge.viewer.read.formatting import ago, duration, figure


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (89.4, "89 s"), (90, "2 min"), (5_000, "83 min"), (5_400, "1 h 30 min"), (12_000, "3 h 20 min"),
     (200_000, "2 d 7 h")],
)  # fmt: skip
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"), [(None, "-"), (0.29966, "0.2997"), (23.7612, "23.76"), (3.0, "3"), (123_456.7, "123,457")]
)
def test_figures(value: float | None, words: str) -> None:
    assert figure(value) == words


@pytest.mark.parametrize(
    ("when", "words"),
    [(0.0, "at an unknown time"), (995.0, "5 s ago"), (1_100.0, "0 s ago"), (1e300, "0 s ago"),
     (-5, "at an unknown time")],
)  # fmt: skip
def test_how_long_ago(when: float, words: str) -> None:
    assert ago(when, now=1_000.0) == words


def test_long_ago_is_a_date() -> None:
    assert ago(86_400.0 * 30, now=86_400.0 * 60) == "1970-01-31"


@pytest.mark.parametrize(("value", "words"), [(1e300, "1e+300"), (-1.5e20, "-1.5e+20"), (2.5e9, "2,500,000,000")])
def test_figures_of_any_size_are_short(value: float, words: str) -> None:
    assert figure(value) == words
