"""Which charts a run has, and what stands below each: from the log and the figures, by the run's own loss."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from ganforge.base.charts import Chart, Point, is_steep
from ganforge.metrics.catalog import FIGURES, meaning_of
from ganforge.viewer.read.curve_meanings import TITLES, Meaning, meanings, shared_band
from ganforge.viewer.read.run_view import RunView
from ganforge.viewer.read.untrusted import mapping

LOG_CHARTS = {
    "D's logits": {"reals": "Loss/scores/real", "fakes": "Loss/scores/fake"},
    "D's accuracy": {"reals": "Accuracy/real", "fakes": "Accuracy/fake"},
    "Fakes beside reals": {
        "spread": "Health/spread", "overlap": "Health/overlap", "contrast": "Health/contrast",
        "roughness": "Health/roughness",
    },
    "What D keeps apart": {"reals and fakes": "Logits/separation", "seen and held out": "Health/seen_apart"},
    "Steps beside weights": {"G": "Step/G", "D": "Step/D"},
    "Gradient norms": {"D": "Gradient/D", "G": "Gradient/G"},
    "Adaptive augmentation": {"probability": "Augmentation/p"},
    "Speed": {"pictures a second": "Timing/images_per_sec"},
}  # fmt: skip
"""title -> label -> column of the log, of the charts below the losses'."""

MOST_MOMENTS = 8
"""Marked in a chart."""


@dataclass(frozen=True)
class Curve:
    """One line of a chart: its label, where it comes from, and what it means. in_log: a column of the log, else a
    figure's name. text: what a figure means."""

    label: str
    source: str
    in_log: bool
    meaning: Meaning | None = None
    text: str = ""

    def points(self, view: RunView, since: int = 0) -> list[Point]:
        """(nimg, value) from number ``since`` on."""
        if self.in_log:
            return view.columns.series(self.source, since)
        figure = view.figures.figures().get(self.source)
        return figure.points[since:] if figure is not None else []

    def newest(self, view: RunView) -> float | None:
        """The last value."""
        if self.in_log:
            return view.columns.newest(self.source)
        points = self.points(view)
        return points[-1][1] if points else None


@dataclass(frozen=True)
class RunChart:
    """A chart of one run, without its points, which go on coming; the rest as ``Chart`` has it."""

    title: str
    curves: tuple[Curve, ...]
    bands: tuple[tuple[float, float], ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    log: bool = False

    def drawn(self, view: RunView) -> Chart:
        """With the points that there are."""
        series = {curve.label: curve.points(view) for curve in self.curves}
        return Chart(self.title, series, self.bands, self.floors, self.log, moments_of(view))


def moments_of(view: RunView) -> tuple[tuple[int, str], ...]:
    """(nimg, names) of when grave troubles began, the first ``MOST_MOMENTS``."""
    found: dict[int, list[str]] = {}
    for finding in view.health.findings:
        if finding.trouble.grave and finding.since:
            found.setdefault(finding.since, []).append(finding.name)
    return tuple((nimg, ", ".join(names)) for nimg, names in sorted(found.items())[:MOST_MOMENTS])


def charts_of(view: RunView) -> list[RunChart]:
    """All charts for which the run has numbers: how good the pictures are first, then how training goes."""
    known, columns = meanings(mapping(view.config.get("settings"))), view.columns.values.keys()
    charts = [
        *_figure_charts(view),
        *(_loss_chart(total, columns, known) for total in ("Loss/D", "Loss/G")),
        *(_log_chart(title, sources, columns, known) for title, sources in LOG_CHARTS.items()),
    ]
    return [chart for chart in charts if chart.curves]


def _loss_chart(total: str, columns: Collection[str], known: Mapping[str, Meaning]) -> RunChart:
    """The sum, and its terms where it has several."""
    terms = sorted(name for name in columns if name.startswith(f"{total}/"))
    sources = {"sum": total} | {name.removeprefix(f"{total}/"): name for name in terms}
    chart = _log_chart(TITLES[total], sources if len(terms) > 1 else {"loss": total}, columns, known)
    meaning = known.get(total)
    return chart if meaning is None or meaning.even is None else replace(chart, floors={"cannot tell": meaning.even})


def _log_chart(
    title: str, sources: Mapping[str, str], columns: Collection[str], known: Mapping[str, Meaning]
) -> RunChart:
    """Of the columns that there are; with a band where it is the same for all of them."""
    curves = tuple(Curve(label, name, True, known.get(name)) for label, name in sources.items() if name in columns)
    band = shared_band(curve.meaning for curve in curves if curve.meaning is not None)
    return RunChart(title, curves, band, log=title in ("Gradient norms", "Steps beside weights"))


def _figure_charts(view: RunView) -> list[RunChart]:
    """The headline figure, those that share an axis, and each of the others."""
    names = [name for name, figure in view.figures.figures().items() if figure.points]
    headline = [name for name in names if name == view.figures.headline]
    shares = [name for name in names if (record := FIGURES.get(name.partition("/")[0])) and record.is_share]
    single = [name for name in names if name not in (*shares, *headline)]
    charts = [_figure_chart(name, [name], view) for name in headline]
    charts += [_figure_chart("Shares", shares, view)] if shares else []
    return charts + [_figure_chart(name, [name], view) for name in single]


def _figure_chart(title: str, names: list[str], view: RunView) -> RunChart:
    figures = view.figures.figures()
    features = {name.partition("/")[2] for name in names}
    curves, floors = [], {}
    for name in names:
        better, floor = figures[name].better, figures[name].floor
        label = name.partition("/")[0] if len(features) == 1 else name
        text = f"{meaning_of(name)} Better: {better}.".strip() if better else ""
        curves.append(Curve(label, name, False, None, text))
        if floor is not None:
            floors["floor: fresh reals" if len(names) == 1 else label] = floor
    values = [value for name in names for _, value in figures[name].points] + list(floors.values())
    shared = f" ({features.pop()})" if len(features) == 1 and len(names) > 1 else ""
    return RunChart(title + shared, tuple(curves), (), floors, len(names) == 1 and is_steep(values))
