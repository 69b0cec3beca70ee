"""Charts as inline SVG: for a file that shows them without a server and without scripts."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from ganforge.base.charts import COLORS, DASHES, Chart, Point, has_place, thin

WIDTH, HEIGHT = 420, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 10, 26
"""Room around the curves, in units of the picture."""
MAX_POINTS = 300
"""Of a curve."""
STROKES = {"solid": "", "dashed": ' stroke-dasharray="7 4"', "dotted": ' stroke-dasharray="2 3"'}
FEW = 25
"""Curves of fewer points than this show each as a dot."""


def svg(chart: Chart) -> str:
    """A <figure> with a legend and one line a series; colours by the classes c0, c1, ... of the page.

    All texts are escaped. Empty where no value can be drawn.
    """
    shown = {name: [p for p in points if has_place(p[1], chart.log)] for name, points in chart.series.items()}
    if not any(shown.values()):
        return ""
    floors = {name: value for name, value in chart.floors.items() if has_place(value, chart.log)}
    values = [value for points in shown.values() for _, value in points] + list(floors.values())
    last = max(1, *(points[-1][0] for points in shown.values() if points))
    low, high = limits(values, chart.log)
    bands = [band for band in chart.bands if band[0] < high and band[1] > low]
    marks = list(decades(low, high)) if chart.log else []
    marks = marks if len(marks) > 1 else list(ticks(low, high))
    draw, names = _Place(last, low, high, chart.log), list(chart.series)
    label = escape(describe(chart.title, shown, floors))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">',
        *_bands(draw, bands),
        *_axes(draw, marks),
        *_floors(draw, floors, names),
        *_moments(draw, chart.moments),
        *(_line(draw, index, chart.series[name]) for index, name in enumerate(names)),
        "</svg>",
    ]
    heading = f"<h3>{escape(chart.title)}</h3>{_legend(chart.title, names, list(floors), bool(bands))}"
    return f'<figure class="chart"><figcaption>{heading}</figcaption>{"".join(parts)}</figure>'


def describe(title: str, series: Mapping[str, Sequence[Point]], floors: Mapping[str, float]) -> str:
    """The curves in words, for those who do not see them."""
    lines = [
        f"{name} goes from {points[0][1]:.4g} at {points[0][0]:,} pictures to {points[-1][1]:.4g} at {points[-1][0]:,}"
        for name, points in series.items()
        if points
    ]
    return f"{title}: " + "; ".join(lines + [f"dashed, {name}: {value:.4g}" for name, value in floors.items()]) + "."


def limits(values: Sequence[float], log: bool) -> tuple[float, float]:
    """What the axis of values spans: all of them, with some air; never nothing."""
    low, high = min(values), max(values)
    if log:
        return low / 1.3, high * 1.3
    air = 0.06 * (high - low) or max(abs(high) * 0.1, 0.5)
    return low - air, high + air


def ticks(low: float, high: float, about: int = 4) -> Iterator[float]:
    """Round numbers, 1, 2 or 5 times a power of ten apart, from low to high."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)
    for count in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield count * step


def decades(low: float, high: float) -> Iterator[float]:
    """Powers of ten between low and high; with their doubles and fivefolds where the powers alone are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(1, (last - first) // 6)
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    for exponent in range(first, last + 1, stride):
        yield from (mark for factor in factors if low <= (mark := factor * 10.0**exponent) <= high)


def short(value: float) -> str:
    """64000 -> 64 k."""
    for unit, sign in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= unit and abs(value) < 1e15:
            return f"{value / unit:.4g}{sign}"
    return f"{value:.4g}"


class _Place:
    """From (nimg, value) to a place in the picture."""

    def __init__(self, last: int, low: float, high: float, log: bool) -> None:
        self.last, self.log = last, log
        self.low, self.high = (math.log10(low), math.log10(high)) if log else (low, high)

    def x(self, nimg: float) -> float:
        return LEFT + nimg / self.last * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        number = math.log10(value) if self.log else value
        share = (number - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - min(1.0, max(0.0, share)) * (HEIGHT - TOP - BOTTOM)


def _axes(draw: _Place, marks: Sequence[float]) -> Iterator[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for value in marks:
        y = draw.y(value)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>'
    yield f'<path class="axis" d="M{LEFT} {bottom}H{right}"/>'
    for nimg in ticks(0, draw.last):
        x = draw.x(nimg)
        anchor = "end" if x > right - 16 else "middle"
        yield f'<path class="axis" d="M{x:.1f} {bottom}v4"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - 7}" text-anchor="{anchor}">{short(nimg)}</text>'


def _bands(draw: _Place, bands: Sequence[tuple[float, float]]) -> Iterator[str]:
    for low, high in bands:
        bottom = draw.y(low) if not draw.log or low > 0 else HEIGHT - BOTTOM
        top = draw.y(high) if not draw.log or high > 0 else HEIGHT - BOTTOM
        width = WIDTH - LEFT - RIGHT
        yield f'<rect class="band" x="{LEFT}" y="{top:.1f}" width="{width}" height="{bottom - top:.1f}"/>'


def _moments(draw: _Place, moments: Sequence[tuple[int, str]]) -> Iterator[str]:
    for nimg, name in moments:
        if nimg <= draw.last:
            x, y = draw.x(nimg), TOP + 2
            yield f'<path class="moment" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
            yield f'<text text-anchor="end" transform="translate({x - 3:.1f} {y}) rotate(-90)">{escape(name)}</text>'


def _floors(draw: _Place, floors: Mapping[str, float], names: Sequence[str]) -> Iterator[str]:
    for name, value in floors.items():
        color = f"c{names.index(name) % len(COLORS)}" if name in names else "plain"
        yield f'<path class="floor {color}" d="M{LEFT} {draw.y(value):.1f}H{WIDTH - RIGHT}"/>'


def _line(draw: _Place, index: int, points: Sequence[Point]) -> str:
    """One series: a stroke for each stretch without a gap, and dots where there are few points or a lone one."""
    stretches: list[list[Point]] = [[]]
    for point in thin(points, MAX_POINTS):
        if has_place(point[1], draw.log):
            stretches[-1].append(point)
        elif stretches[-1]:
            stretches.append([])
    path = dots = ""
    for stretch in filter(None, stretches):
        places = [f"{draw.x(nimg):.1f} {draw.y(value):.1f}" for nimg, value in stretch]
        path += "M" + "L".join(places)
        if len(points) < FEW or len(stretch) == 1:
            dots += "".join(f"M{place}h0" for place in places)
    color = f"c{index % len(COLORS)}"
    return f'<path class="line {color}"{_stroke(index)} d="{path}"/><path class="dot {color}" d="{dots}"/>'


def _legend(title: str, names: Sequence[str], floors: Sequence[str], bands: bool) -> str:
    """What the colours are; a single curve that the title names needs no entry."""
    entries = []
    for index, name in enumerate(names if len(names) > 1 or names[0] not in title else ()):
        entries.append((f'<path class="line c{index % len(COLORS)}"{_stroke(index)} d="M1 4H21"/>', name))
    lines = list(dict.fromkeys("floors: fresh reals" if name in names else name for name in floors))
    entries += [('<path class="floor plain" d="M1 4H21"/>', name) for name in lines]
    if bands:
        entries.append(('<rect class="band" width="22" height="8"/>', "healthy"))
    swatches = "".join(
        f'<li><svg viewBox="0 0 22 8" aria-hidden="true">{mark}</svg>{escape(name)}</li>' for mark, name in entries
    )
    return f'<ul class="legend">{swatches}</ul>' if swatches else ""


def _stroke(index: int) -> str:
    """When the colours are used up, dashes tell the curves apart."""
    return STROKES[DASHES[index // len(COLORS) % len(DASHES)]]
