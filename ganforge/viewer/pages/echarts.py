"""Charts as options for ECharts: legible in light and dark, by colour and by dash."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganforge.base.charts import COLORS, DASHES, LARGEST, Chart, Point, has_place, thin
from ganforge.viewer.read.untrusted import cut, encodable

TEXT = "#7d7d7d"
TROUBLE = "#b3261e"
"""Legible on both backgrounds; a canvas does not see the page's style sheet."""
LINES = "rgba(128, 128, 128, 0.22)"
BAND = "rgba(0, 158, 115, 0.10)"
MAX_POINTS = 1_000


def options(chart: Chart) -> dict[str, Any]:
    """For ``ui.echart``: series thinned out to ``MAX_POINTS``; a floor that is no series' has its name beside it."""
    series = {_sendable(name): points for name, points in chart.series.items()}
    lines = [_line(index, name, points, chart.log) for index, (name, points) in enumerate(series.items())]
    if lines and chart.bands:
        areas = [[{"yAxis": low}, {"yAxis": high}] for low, high in chart.bands]
        lines[0]["markArea"] = {"silent": True, "itemStyle": {"color": BAND}, "data": areas}
    marks = {_sendable(name): value for name, value in chart.floors.items() if has_place(value, chart.log)}
    data = [_floor(name, value, list(series)) for name, value in marks.items()]
    data += [_moment(nimg, name) for nimg, name in chart.moments]
    if lines and data:
        lines[0]["markLine"] = {"silent": True, "symbol": "none", "data": data}
    title = {"fontSize": 14, "fontWeight": 600, "color": TEXT}
    values = {"scale": True, "axisLabel": {"color": TEXT}} | _reach(marks, chart.log)
    return {
        "title": {"text": _sendable(chart.title), "left": 0, "textStyle": title},
        "color": list(COLORS),
        "animation": False,
        "aria": {"enabled": True},
        "grid": {"left": 8, "right": 20, "top": 64, "bottom": 8, "containLabel": True},
        "legend": {"type": "scroll", "top": 28, "left": 0, "textStyle": {"color": TEXT}, "itemWidth": 20},
        "tooltip": {"trigger": "axis", "confine": True, "order": "seriesAsc"},
        "xAxis": _axis("value") | {"min": 0, ":axisLabel": f"{{color: '{TEXT}', formatter: window.ganforgeShort}}"},
        "yAxis": _axis("log" if chart.log else "value") | values,
        "series": lines,
    }


def sent(points: Sequence[Point], log: bool) -> list[list[float | None]]:
    """Points as a chart takes them: what has no place on its axis is a gap."""
    return [[nimg, value if has_place(value, log) else None] for nimg, value in points]


def _line(index: int, name: str, points: Sequence[Point], log: bool) -> dict[str, Any]:
    shown = sent(thin(points, MAX_POINTS), log)
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


def _moment(nimg: int, name: str) -> dict[str, Any]:
    label = {"formatter": "{b}", "position": "insideEndTop", "color": TEXT, "fontSize": 10}
    return {"name": _sendable(name), "xAxis": nimg, "label": label, "lineStyle": {"color": TROUBLE, "type": "dotted"}}


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


def _axis(kind: str) -> dict[str, Any]:
    return {
        "type": kind, "axisLine": {"lineStyle": {"color": LINES}}, "splitLine": {"lineStyle": {"color": LINES}},
        "minorSplitLine": {"show": False},
    }  # fmt: skip


def _sendable(text: str) -> str:
    return cut(encodable(text), 200)
