"""Curves over the course of a training, one panel a kind of figure, told apart by colour and by mark."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.base.file_marks import NAME
from ganforge.base.files import write_atomically
from ganforge.base.terminal import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#332288", "#cc6677", "#117733", "#88ccee", "#aa4499", "#999933", "#44aa99", "#882255", "#ddaa33", "#000000")
"""Nearly the scheme "muted" of Tol, "Colour schemes", 2021: for colour-blind eyes, too."""
MARKS = "osv^DpPXh<"
FLOOR = "#777777"
LONGEST_NAME, LONGEST_LINE = 60, 100
MOST_POINTS, MOST_FLOORS = 5_000, 50
"""Of a curve, of which points are left out evenly, and of a panel."""
MOST_PANELS = 12
"""What is beyond is not drawn; the picture says how many."""
PANEL_INCHES = (6.4, 4.2)
DPI = 120
LARGEST = 1e100
"""What is larger, or smaller than its inverse, is drawn there: Matplotlib's axes reach no further."""


@dataclass(frozen=True)
class Panel:
    """curves: name -> (nimg, value) by rising nimg, at least one. floors: values that a dashed line is drawn at."""

    title: str
    curves: Mapping[str, Sequence[tuple[int, float]]]
    floors: Sequence[float] = ()


def save_curves(panels: Sequence[Panel], path: Path) -> None:
    """Write the panels beside each other as a PNG, atomically; a name has one colour and one mark in all of them.

    The values' axis is logarithmic where all values are above 0. Raises ValueError where there is no panel, OSError
    where the file cannot be written.
    """
    if not panels:
        raise ValueError("there is nothing to draw")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a name in a script that the font lacks is drawn as boxes
        warnings.filterwarnings("ignore", message="Attempting to set identical")  # a curve that never moves
        _draw(panels, path)


def _draw(panels: Sequence[Panel], path: Path) -> None:
    from matplotlib.figure import Figure  # takes half a second

    left_out = len(panels) - MOST_PANELS
    panels = [_within_reach(panel) for panel in panels[:MOST_PANELS]]
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    figure = Figure(layout="constrained", dpi=DPI)
    lines = {}
    last = max(nimg for panel in panels for points in panel.curves.values() for nimg, _ in points)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for name, points in panel.curves.items():
            style = names.index(name)
            [lines[name]] = axes.plot(
                *zip(*points, strict=True), color=COLORS[style % len(COLORS)], marker=MARKS[style % len(MARKS)],
                markersize=5, linewidth=1.6, markeredgecolor="white", markeredgewidth=0.5,
            )  # fmt: skip
        for floor in panel.floors:
            lines[""] = axes.axhline(floor, color=FLOOR, linestyle="--", linewidth=1.5)
        _dress(axes, panel)
        axes.set_xlim(0, max(1, last) * 1.04)  # the same in all panels
    shown = {name: lines[name] for name in (*names, "") if name in lines}
    legend = figure.legend(
        shown.values(), ["?"] * len(shown), loc="outside lower center", ncols=1, frameon=False, fontsize=9
    )
    for text, name in zip(legend.get_texts(), shown, strict=True):
        text.set_parse_math(False)  # a name may hold dollar signs
        text.set_text(printable(_shortened(name)) if name else "floor: fresh real items, judged the same way")
    if left_out > 0:
        figure.suptitle(f"{left_out:,} more panels are not drawn", fontsize=9)
    width, height = PANEL_INCHES
    figure.set_size_inches(width * len(panels), height + 0.2 * len(shown))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a name in a script that the font lacks is drawn as boxes
        write_atomically(path, lambda temporary: figure.savefig(temporary, format="png", metadata={"Software": NAME}))


def _dress(axes: "Axes", panel: Panel) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    values = [value for points in panel.curves.values() for _, value in points] + list(panel.floors)
    if min(values) > 0:
        span = max(values) / min(values)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if span < 1000 else (1,)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        if span < 10:  # perhaps not even two of the labels above would be seen
            axes.set_ylim(min(values) / 1.6, max(values) * 1.6)
    axes.set_title(printable_title(panel.title), fontsize=10, parse_math=False)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_xlabel("nimg: real pictures shown to D")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _within_reach(panel: Panel) -> Panel:
    """The panel with values that an axis can have, and not more points and floors than can be seen."""
    curves = {
        name: [(nimg, _near(value)) for nimg, value in [*points[: -1 : 1 + len(points) // MOST_POINTS], points[-1]]]
        for name, points in panel.curves.items()
    }
    return Panel(panel.title, curves, [_near(floor) for floor in panel.floors[:MOST_FLOORS]])


def _near(value: float) -> float:
    return math.copysign(min(max(abs(value), 1 / LARGEST), LARGEST), value) if value else value


def printable_title(title: str) -> str:
    """The lines of a title, each of a length that fits."""
    lines = title.split("\n")[:3]
    return "\n".join(
        printable(line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}...") for line in lines
    )


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else "..." + name[3 - LONGEST_NAME :]
