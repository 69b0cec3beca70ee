import math
import re
import sys
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.base.charts import Chart
from ganforge.viewer.report.svg_charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    decades,
    short,
    svg,
    ticks,
)


def curves(*args: Any, **kwargs: Any) -> str:
    return svg(Chart(*args, **kwargs))


HOSTILE = "</title><script>alert('x')</script>&\""


def parsed(text: str) -> ET.Element:
    """As a browser reads it; raises where a tag is not closed or a text not escaped."""
    return ET.fromstring(text)


def places(figure: ET.Element, name: str) -> list[list[tuple[float, float]]]:
    """The points of every stroke of the paths with that class."""
    paths = [path.get("d", "") for path in figure.iterfind(".//path") if path.get("class", "").startswith(name)]
    strokes = [stroke for path in paths for stroke in path.split("M") if stroke]
    return [[(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", stroke)] for stroke in strokes]


def chart(figure: ET.Element) -> ET.Element:
    """The picture itself, without the legend's."""
    [found] = list(figure.iterfind("svg"))
    return found


def test_the_curve_goes_from_left_to_right_and_up_with_its_value() -> None:
    figure = chart(parsed(curves("Loss", {"D": [(0, 0.0), (50, 2.0), (100, 1.0)]})))
    [line] = places(figure, "line")
    assert [x for x, _ in line] == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]
    zero, two, one = (y for _, y in line)
    assert TOP < two < one < zero < HEIGHT - BOTTOM
    assert one == pytest.approx((zero + two) / 2, abs=0.1)


def test_equal_ratios_are_equal_ways_on_a_logarithmic_axis() -> None:
    figure = chart(parsed(curves("FD", {"FD": [(0, 1.0), (1, 10.0), (2, 100.0)]}, log=True)))
    [[(_, low), (_, middle), (_, high)]] = places(figure, "line")
    assert low - middle == pytest.approx(middle - high, abs=0.11)


def test_what_is_no_number_is_a_gap() -> None:
    points = [(0, 1.0), (1, 2.0), (2, math.nan), (3, 3.0), (4, math.inf), (5, 1.0), (6, 1.5)]
    strokes = places(chart(parsed(curves("Loss", {"D": points}))), "line")
    assert [len(stroke) for stroke in strokes] == [2, 1, 2]


def test_a_logarithmic_axis_has_no_place_for_zero() -> None:
    strokes = places(chart(parsed(curves("FD", {"FD": [(0, 1.0), (1, 0.0), (2, -1.0), (3, 2.0)]}, log=True))), "line")
    assert [len(stroke) for stroke in strokes] == [1, 1]


@pytest.mark.parametrize("points", [[], [(1, math.nan)]])
def test_without_numbers_there_is_no_chart(points: list[tuple[int, float]]) -> None:
    assert curves("Loss", {"D": points}) == ""


def test_all_texts_are_escaped() -> None:
    figure = parsed(curves(HOSTILE, {HOSTILE: [(0, 1.0)], "b": [(0, 2.0)]}, floors={HOSTILE: 1.5, f"{HOSTILE}2": 1.0}))
    assert not list(figure.iter("script"))
    assert [h3.text for h3 in figure.iter("h3")] == [HOSTILE]
    assert HOSTILE in (chart(figure).get("aria-label") or "")


def test_floors_have_their_series_colour_or_none() -> None:
    text = curves("Figures", {"a": [(0, 1.0)], "b": [(0, 2.0)]}, floors={"b": 1.5, "cannot tell": 0.5})
    figure = parsed(text)
    assert [path.get("class") for path in chart(figure).iter("path") if "floor" in path.get("class", "")] == [
        "floor c1",
        "floor plain",
    ]
    assert ["".join(item.itertext()) for item in figure.iter("li")] == ["a", "b", "floors: fresh reals", "cannot tell"]


def test_the_axis_takes_in_the_floors() -> None:
    figure = chart(parsed(curves("FD", {"FD": [(0, 10.0), (1, 12.0)]}, floors={"FD": 1.0})))
    [floor] = [path.get("d", "") for path in figure.iter("path") if path.get("class") == "floor c0"]
    assert float(floor.split(" ")[1].split("H")[0]) > max(y for stroke in places(figure, "line") for _, y in stroke)


def test_only_a_band_that_is_in_sight_is_drawn_and_named() -> None:
    seen = parsed(curves("D", {"D": [(0, 1.0), (1, 2.0)]}, bands=[(0.5, 1.5)]))
    assert len(list(chart(seen).iter("rect"))) == 1
    assert ["".join(item.itertext()) for item in seen.iter("li")] == ["healthy"]
    unseen = parsed(curves("D", {"D": [(0, 1.0), (1, 2.0)]}, bands=[(5.0, 6.0)]))
    assert not list(unseen.iter("rect"))
    assert not list(unseen.iter("li"))


def test_a_single_curve_is_named_once() -> None:
    points = [(0, 1.0), (1, 2.0)]
    assert not list(parsed(curves("G's loss", {"loss": points})).iter("li"))
    unit = parsed(curves("Speed", {"pictures a second": points}))
    assert ["".join(item.itertext()) for item in unit.iter("li")] == ["pictures a second"]


def test_the_curves_are_told_in_words() -> None:
    label = chart(parsed(curves("Loss", {"D": [(0, 1.25), (60_032, 0.5)]}, floors={"even": 1.0}))).get("aria-label")
    assert label == "Loss: D goes from 1.25 at 0 pictures to 0.5 at 60,032; dashed, even: 1."


def test_marks_are_round() -> None:
    assert list(ticks(0, 60_000)) == [0, 20_000, 40_000, 60_000]
    assert list(ticks(-0.31, 0.42)) == pytest.approx([-0.2, 0, 0.2, 0.4])
    assert list(decades(0.5, 60)) == [0.5, 1, 2, 5, 10, 20, 50]
    assert list(decades(1e-6, 1e6)) == pytest.approx([1e-6, 1e-4, 1e-2, 1, 1e2, 1e4, 1e6])
    assert [short(value) for value in (0, 0.693, 64_000, 2_500_000)] == ["0", "0.693", "64 k", "2.5 M"]


def test_a_narrow_logarithmic_axis_has_marks_too() -> None:
    figure = chart(parsed(curves("FD", {"FD": [(0, 61.0), (1, 69.0)]}, log=True)))
    assert {"60", "80"} <= {text.text for text in figure.iter("text")}


VALUES = st.floats() | st.sampled_from([0.0, -0.0, sys.float_info.max, -sys.float_info.max, 5e-324, 1.0, 1.0 + 2e-16])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**53), VALUES), max_size=40), st.booleans(), VALUES)
def test_whatever_a_log_holds_is_drawn_inside_the_chart(
    points: list[tuple[int, float]], log: bool, floor: float
) -> None:
    text = curves("Loss", {"D": sorted(points, key=lambda point: point[0])}, [(0.1, 0.2)], {"even": floor}, log)
    if text:
        for stroke in places(chart(parsed(text)), "line"):
            assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in stroke)


def test_moments_are_marked_where_they_were() -> None:
    made = curves("FD", {"a": [(0, 1.0), (100, 2.0)]}, moments=[(50, "<b>"), (200, "later")])
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    assert f'<path class="moment" d="M{middle:.1f} ' in made
    assert made.count('class="moment"') == 1
    assert "&lt;b&gt;</text>" in made
