"""Options for the charts."""

import json
import math
from typing import Any

import pytest

from ganforge.base.charts import COLORS, Chart
from ganforge.viewer.pages.echarts import MAX_POINTS, options


def curves(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return options(Chart(*args, **kwargs))


def test_a_line_a_series() -> None:
    made = curves("Losses", {"D": [(1, 0.5), (2, math.nan), (3, 1.5)], "G": [(1, -1.0)]})
    assert made["title"]["text"] == "Losses"
    assert [(line["name"], line["data"]) for line in made["series"]] == [
        ("D", [[1, 0.5], [2, None], [3, 1.5]]),
        ("G", [[1, -1.0]]),
    ]
    json.dumps(made, allow_nan=False)


def test_what_has_no_place_on_a_logarithmic_axis_is_a_gap() -> None:
    made = curves("FD", {"FD": [(1, 0.0), (2, -1.0), (3, 10.0)]}, floors={"floor": 0.0}, log=True)
    assert made["series"][0]["data"] == [[1, None], [2, None], [3, 10.0]]
    assert "markLine" not in made["series"][0]
    assert made["yAxis"]["type"] == "log"


def test_bands_and_floors() -> None:
    made = curves("FD", {"a": [(1, 2.0)], "b": [(1, 3.0)]}, bands=[(0.1, 0.9)], floors={"floor": 0.3, "b": 4.1})
    first = made["series"][0]
    assert first["markArea"]["data"] == [[{"yAxis": 0.1}, {"yAxis": 0.9}]]
    named, own = first["markLine"]["data"]
    assert (named["yAxis"], named["label"]["show"]) == (0.3, True)
    assert (own["yAxis"], own["label"]["show"], own["lineStyle"]["color"]) == (4.1, False, COLORS[1])


def test_the_axis_takes_in_the_floors_with_round_ends() -> None:
    axis = curves("a", {"a": [(1, 2.0)]}, floors={"x": 0.693, "y": 5.869})["yAxis"]
    assert axis[":min"] == "(v) => v.min < 0.693 ? null : 0.68"
    assert axis[":max"] == "(v) => v.max > 5.869 ? null : 6.0"
    axis = curves("a", {"a": [(1, 2.0)]}, floors={"x": 0.3}, log=True)["yAxis"]
    assert axis[":min"].endswith(": 0.1")
    assert axis[":max"].endswith(": 1.0")
    axis = curves("a", {"a": [(1, 2.0)]}, floors={"x": 0.0, "y": -0.693})["yAxis"]
    assert axis[":min"].endswith(": -0.7")
    assert axis[":max"].endswith(": 0.0")


def test_nothing_at_all_is_a_chart_too() -> None:
    assert curves("empty", {}, bands=[(0, 1)], floors={"floor": 1.0})["series"] == []


def test_more_series_than_colours_are_told_apart_by_dashes() -> None:
    lines = curves("many", {f"{n}": [(1, 1.0)] for n in range(len(COLORS) + 1)})["series"]
    assert lines[0]["lineStyle"]["type"] != lines[-1]["lineStyle"]["type"]


def test_long_curves_are_thinned_out() -> None:
    [line] = curves("a", {"a": [(n, float(n)) for n in range(10_000)]})["series"]
    assert MAX_POINTS // 2 < len(line["data"]) <= MAX_POINTS
    assert (line["data"][0], line["data"][-1]) == ([0, 0.0], [9_999, 9_999.0])


@pytest.mark.parametrize("value", [1.79e308, -1.79e308, 5e-324, 0.0])
@pytest.mark.parametrize("log", [False, True])
def test_any_number_and_any_name_make_options_that_can_be_sent(value: float, log: bool) -> None:
    for other in (1.0, 1.79e308, -1.79e308, 5e-324):
        made = curves("\ud800", {"\ud800": [(0, value), (1, other)]}, floors={"x" * 9_000: value, "b": other}, log=log)
        text = json.dumps(made, allow_nan=False, ensure_ascii=False)
        assert len(text.encode()) < 4_000
        assert "inf" not in text


def test_moments_are_marked_beside_floors() -> None:
    made = curves("FD", {"a": [(1, 2.0)]}, floors={"floor": 0.3}, moments=[(64_000, "mode-collapse")])
    _, moment = made["series"][0]["markLine"]["data"]
    assert (moment["xAxis"], moment["name"]) == (64_000, "mode-collapse")
    assert len(curves("FD", {"a": [(1, 2.0)]}, moments=[(1, "x")])["series"][0]["markLine"]["data"]) == 1
