"""Curves as options for ECharts: legible in light and dark, by colour and by dash."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganforge.viewer.read.untrusted import cut, sound

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#808080")
"""Okabe and Ito, "Color Universal Design", 2008, but for two: for colour-blind eyes, on white and on near-black."""
DASHES = ("solid", "dashed", "dotted")
TEXT = "#7d7d7d"
"""Legible on both backgrounds; a canvas does not see the page's style sheet."""
LINES = "rgba(128, 128, 128, 0.22)"
BAND = "rgba(0, 158, 115, 0.10)"
MAX_POINTS = 1_000
LARGEST = 1e300

Point = tuple[int, float]


def curves(
    title: str,
    series: Mapping[str, Sequence[Point]],
    bands: Sequence[tuple[float, float]] | None = None,
    floors: Mapping[str, float] | None = None,
    log: bool = False,
) -> dict[str, Any]:
    """Options for ``ui.echart``: one line a series over nimg.

    series: name -> (nimg, value) by rising nimg, thinned out to ``MAX_POINTS`` each; values that are not finite are
    gaps. bands: (low, high) ranges shaded as healthy. floors: name -> value of a dashed line, in its series' colour
    where it has a series' name, else with its name beside it. log: a logarithmic axis, on which 0 or less are gaps.
    """
    title, series = cut(sound(title), 200), {cut(sound(name), 200): points for name, points in series.items()}
    floors = {cut(sound(name), 200): value for name, value in (floors or {}).items()}
    lines = [_line(index, name, points, log) for index, (name, points) in enumerate(series.items())]
    if lines and bands:
        areas = [[{"yAxis": low}, {"yAxis": high}] for low, high in bands]
        lines[0]["markArea"] = {"silent": True, "itemStyle": {"color": BAND}, "data": areas}
    marks = {name: value for name, value in floors.items() if is_shown(value, log)}
    if lines and marks:
        data = [_floor(name, value, list(series)) for name, value in marks.items()]
        lines[0]["markLine"] = {"silent": True, "symbol": "none", "data": data}
    return {
        "title": {"text": title, "left": 0, "textStyle": {"fontSize": 14, "fontWeight": 600, "color": TEXT}},
        "color": list(COLORS),
        "animation": False,
        "aria": {"enabled": True},
        "grid": {"left": 8, "right": 20, "top": 64, "bottom": 8, "containLabel": True},
        "legend": {"type": "scroll", "top": 28, "left": 0, "textStyle": {"color": TEXT}, "itemWidth": 20},
        "tooltip": {"trigger": "axis", "confine": True, "order": "seriesAsc"},
        "xAxis": _axis("value") | {"min": 0, ":axisLabel": f"{{color: '{TEXT}', formatter: window.ganforgeShort}}"},
        "yAxis": _axis("log" if log else "value") | {"scale": True, "axisLabel": {"color": TEXT}} | _reach(marks, log),
        "series": lines,
    }


def thin(points: Sequence[Point], limit: int = MAX_POINTS) -> list[Point]:
    """At most ``limit`` of the points, evenly chosen, the first and the last among them. Raises ValueError below 2."""
    if limit < 2:
        raise ValueError(f"limit is {limit}; a curve needs 2 points")
    if len(points) <= limit:
        return list(points)
    step = (len(points) - 1) / (limit - 1)
    return [points[round(index * step)] for index in range(limit)]


def _line(index: int, name: str, points: Sequence[Point], log: bool) -> dict[str, Any]:
    shown = [[nimg, value if is_shown(value, log) else None] for nimg, value in thin(points)]
    dash = DASHES[index // len(COLORS) % len(DASHES)]
    return {
        "type": "line", "name": name, "data": shown, "showSymbol": len(shown) < 30, "symbolSize": 5,
        "lineStyle": {"width": 1.8, "type": dash},
    }  # fmt: skip


def _floor(name: str, value: float, series: list[str]) -> dict[str, Any]:
    own = name in series
    color = COLORS[series.index(name) % len(COLORS)] if own else TEXT
    label = {"show": not own, "formatter": "{b}", "position": "insideEndTop", "color": TEXT}
    return {"name": name, "yAxis": value, "label": label, "lineStyle": {"color": color, "type": "dashed", "width": 1.2}}


def _reach(marks: Mapping[str, float], log: bool) -> dict[str, Any]:
    """The axis takes in the floors, whatever points come later."""
    if not marks:
        return {}
    low, high = min(marks.values()), max(marks.values())
    bottom, top = (
        (10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high)))
        if log
        else (_round(low, math.floor), _round(high, math.ceil))
    )
    # Where the points reach further, the axis chooses its own round end.
    return {":min": f"(v) => v.min < {low!r} ? null : {bottom!r}", ":max": f"(v) => v.max > {high!r} ? null : {top!r}"}


def _round(value: float, way: Callable[[float], int]) -> float:
    """To a fifth of the value's power of ten: 0.693 down to 0.68, 1.046 up to 1.2."""
    if abs(value) < 1 / LARGEST:
        return 0.0
    power = math.floor(math.log10(abs(value)))
    return round(way(value / 10.0**power * 5) / 5 * 10.0**power, 1 - power)


def is_shown(value: float, log: bool) -> bool:
    """Has the value a place on the axis, whose round ends are further out?"""
    return abs(value) < LARGEST and (value > 1 / LARGEST or not log)


def _axis(kind: str) -> dict[str, Any]:
    return {
        "type": kind, "axisLine": {"lineStyle": {"color": LINES}}, "splitLine": {"lineStyle": {"color": LINES}},
        "minorSplitLine": {"show": False},
    }  # fmt: skip
