"""Which charts a run's page has, and what stands below each: from the log and the figures, by the run's own loss."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ganforge.metrics.catalog import FIGURES, meaning_of
from ganforge.viewer.history import RunView
from ganforge.viewer.meaning import Meaning, meanings
from ganforge.viewer.plain import mapping

Point = tuple[int, float]
SHARES = frozenset(record.name for record in FIGURES.values() if record.is_share)
"""Figures that share an axis from about 0 to about 1."""


@dataclass(frozen=True)
class Curve:
    """One line of a chart: its label, where it comes from, and what it means. in_log: a column of the log, else a
    figure's name."""

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
class Chart:
    """A chart as ``chart.curves`` draws it."""

    title: str
    curves: tuple[Curve, ...]
    bands: tuple[tuple[float, float], ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    log: bool = False


def charts_of(view: RunView) -> list[Chart]:
    """All charts for which the run has numbers: how good the pictures are first, then how the game goes."""
    known = meanings(mapping(view.config.get("settings")))
    return [*_figure_charts(view), *_game_charts(set(view.columns.values), known)]


def _game_charts(names: set[str], known: dict[str, Meaning]) -> list[Chart]:
    charts = [
        _loss_chart("D's loss", "Loss/D", names, known),
        _loss_chart("G's loss", "Loss/G", names, known),
        _pair("D's logits", "Loss/scores/real", "Loss/scores/fake", names, known),
        _pair("D's answers", "Accuracy/real", "Accuracy/fake", names, known, share_bands=True),
        _gradients(names, known),
        _single("Adaptive augmentation", "Augmentation/p", "probability", names, known),
        _single("Speed", "Timing/images_per_sec", "pictures a second", names, known),
    ]
    return [chart for chart in charts if chart.curves]


def _loss_chart(title: str, total: str, names: set[str], known: dict[str, Meaning]) -> Chart:
    terms = sorted(name for name in names if name.startswith(f"{total}/"))
    meaning = known.get(total)
    found = [Curve("sum" if len(terms) > 1 else "loss", total, True, meaning)] if total in names else []
    if len(terms) > 1:
        found += [Curve(name.removeprefix(f"{total}/"), name, True, known.get(name)) for name in terms]
    even = {"cannot tell": meaning.even} if meaning is not None and meaning.even is not None else {}
    return Chart(title, tuple(found), (meaning.healthy,) if meaning is not None and meaning.healthy else (), even)


def _pair(
    title: str, real: str, fake: str, names: set[str], known: dict[str, Meaning], share_bands: bool = False
) -> Chart:
    pairs = (("reals", real), ("fakes", fake))
    found = tuple(Curve(label, name, True, known.get(name)) for label, name in pairs if name in names)
    bands = {curve.meaning.healthy for curve in found if curve.meaning is not None and curve.meaning.healthy}
    return Chart(title, found, tuple(bands) if share_bands else ())


def _gradients(names: set[str], known: dict[str, Meaning]) -> Chart:
    pairs = (("D", "Gradient/D"), ("G", "Gradient/G"))
    found = tuple(Curve(label, name, True, known.get(name)) for label, name in pairs if name in names)
    return Chart("Gradient norms", found, log=True)


def _single(title: str, name: str, label: str, names: set[str], known: dict[str, Meaning]) -> Chart:
    return Chart(title, (Curve(label, name, True, known.get(name)),) if name in names else ())


def _figure_charts(view: RunView) -> list[Chart]:
    figures = {name: figure for name, figure in view.figures.figures().items() if figure.points}
    headline = view.figures.headline
    shares = [name for name in figures if name.partition("/")[0] in SHARES]
    single = [name for name in figures if name not in shares and name != headline]
    charts = [_figures(headline, [headline], view)] if headline in figures else []
    if shares:
        charts.append(_figures("Shares", shares, view))
    return charts + [_figures(name, [name], view) for name in single]


def _figures(title: str, names: list[str], view: RunView) -> Chart:
    figures = view.figures.figures()
    features = {name.partition("/")[2] for name in names}
    found = []
    for name in names:
        what, better = name.partition("/")[0], figures[name].better
        text = f"{meaning_of(what)} Better: {better}." if better else ""
        found.append(Curve(what if len(features) == 1 else name, name, False, None, text.strip()))
    floors = {
        ("floor: fresh reals" if len(names) == 1 else curve.label): floor
        for curve in found
        if (floor := figures[curve.source].floor) is not None
    }
    reached = [value for name in names for _, value in figures[name].points] + list(floors.values())
    steep = len(names) == 1 and min(reached) > 0 and max(reached) > 20 * min(reached)
    shared = f" ({features.pop()})" if len(features) == 1 and len(names) > 1 else ""
    return Chart(title + shared, tuple(found), (), floors, steep)
