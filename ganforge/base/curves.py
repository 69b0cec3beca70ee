"""Charts beside each other as a PNG, the curves told apart by colour and by mark."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.base.charts import Chart, has_place, thin
from ganforge.base.file_marks import NAME
from ganforge.base.files import write_atomically
from ganforge.base.terminal import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#332288", "#cc6677", "#117733", "#88ccee", "#aa4499", "#999933", "#44aa99", "#882255", "#ddaa33", "#000000")
"""Nearly the scheme "muted" of Tol, "Colour schemes", 2021: on white, for colour-blind eyes, too."""
MARKS = "osv^DpPXh<"
FLOOR = "#777777"
LONGEST_NAME, LONGEST_LINE = 60, 100
MAX_POINTS = 5_000
"""Of a curve."""
MAX_CHARTS = 12
"""What is beyond is not drawn; the picture says how many."""
CHART_INCHES = (6.4, 4.2)
DPI = 120


def save_curves(charts: Sequence[Chart], path: Path) -> None:
    """Write the charts beside each other as a PNG, atomically; a name has one colour and one mark in all of them.

    Raises ValueError where there is no chart, OSError where the file cannot be written.
    """
    if not charts:
        raise ValueError("there is nothing to draw")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a name in a script that the font lacks is drawn as boxes
        warnings.filterwarnings("ignore", message="Attempting to set identical")  # a curve that never moves
        _draw(charts, path)


def _draw(charts: Sequence[Chart], path: Path) -> None:
    from matplotlib.figure import Figure  # takes half a second

    left_out, charts = len(charts) - MAX_CHARTS, charts[:MAX_CHARTS]
    names = list(dict.fromkeys(name for chart in charts for name in chart.series))
    figure = Figure(layout="constrained", dpi=DPI)
    lines = {}
    last = max((points[-1][0] for chart in charts for points in chart.series.values() if points), default=1)
    for axes, chart in zip(figure.subplots(1, len(charts), squeeze=False)[0], charts, strict=True):
        for name, points in chart.series.items():
            style = names.index(name)
            shown = [point for point in thin(points, MAX_POINTS) if has_place(point[1], chart.log)]
            [lines[name]] = axes.plot(
                [nimg for nimg, _ in shown], [value for _, value in shown],
                color=COLORS[style % len(COLORS)], marker=MARKS[style % len(MARKS)],
                markersize=5, linewidth=1.6, markeredgecolor="white", markeredgewidth=0.5,
            )  # fmt: skip
        for floor in chart.floors.values():
            if has_place(floor, chart.log):
                lines[""] = axes.axhline(floor, color=FLOOR, linestyle="--", linewidth=1.5)
        _dress(axes, chart)
        axes.set_xlim(0, max(1, last) * 1.04)  # the same in all charts
    shown_names = {name: lines[name] for name in (*names, "") if name in lines}
    legend = figure.legend(
        shown_names.values(), ["?"] * len(shown_names), loc="outside lower center", ncols=1, frameon=False, fontsize=9
    )
    for text, name in zip(legend.get_texts(), shown_names, strict=True):
        text.set_parse_math(False)  # a name may hold dollar signs
        text.set_text(printable(_shortened(name)) if name else "floor: fresh real items, judged the same way")
    if left_out > 0:
        figure.suptitle(f"{left_out:,} more charts are not drawn", fontsize=9)
    width, height = CHART_INCHES
    figure.set_size_inches(width * len(charts), height + 0.2 * len(shown_names))
    write_atomically(path, lambda temporary: figure.savefig(temporary, format="png", metadata={"Software": NAME}))


def _dress(axes: "Axes", chart: Chart) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    if chart.log:
        axes.set_yscale("log")
        low, high = axes.dataLim.intervaly
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if 0 < high < 1_000 * low else (1,)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title(printable_title(chart.title), fontsize=10, parse_math=False)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("nimg: real pictures shown to D")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def printable_title(title: str) -> str:
    """The lines of a title, each of a length that fits."""
    lines = title.split("\n")[:3]
    return "\n".join(
        printable(line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}...") for line in lines
    )


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else "..." + name[3 - LONGEST_NAME :]
