"""The charts of a run's page, live: each with what its numbers mean for the run's own loss."""

import json

from nicegui import ui

from ganforge.viewer.pages.echarts import options, sent
from ganforge.viewer.pages.layout import show_text, text
from ganforge.viewer.read.curve_meanings import title_of
from ganforge.viewer.read.formatting import figure
from ganforge.viewer.read.run_charts import Curve, RunChart, charts_of, moments_of
from ganforge.viewer.read.run_view import RunView


class LiveCharts:
    """The charts. Only new points are sent, unless the log began anew or has other columns than before."""

    def __init__(self, view: RunView) -> None:
        self.grid = ui.element("div").classes("gf-cards")
        self.shown: tuple[object, ...] = ()
        self.version = -1
        self.charts: list[tuple[RunChart, ui.echart, list[int]]] = []
        self.words: list[tuple[Curve, ui.label, ui.label]] = []
        self.update(view)

    def update(self, view: RunView) -> None:
        """Bring the charts up to date."""
        if view.version == self.version:
            return
        self.version = view.version
        charts = charts_of(view)
        shape = (
            view.generation,
            *view.figures.notes,
            moments_of(view),
            *((chart.title, chart.curves, chart.log) for chart in charts),
        )
        if shape != self.shown:
            self.shown = shape
            self._draw(view, charts)
        else:
            self._append(view)
        for curve, value, verdict in self.words:
            newest = curve.newest(view)
            value.set_text(figure(newest))
            show_text(verdict, curve.meaning.judge(newest) if curve.meaning is not None else "")

    def _draw(self, view: RunView, charts: list[RunChart]) -> None:
        self.grid.clear()
        self.charts, self.words = [], []
        with self.grid:
            if not charts:
                text("No row in the log yet: the first comes with the first report.", "gf-quiet")
            if view.figures.notes:
                with ui.element("section").classes("gf-card gf-stack"):
                    text("On the newest figures", "gf-term")
                    for note in view.figures.notes:
                        text(note, "gf-quiet gf-small")
            for chart in charts:
                with ui.element("section").classes("gf-card"):
                    drawn = chart.drawn(view)
                    element = ui.echart(options(drawn)).classes("gf-chart")
                    self._explain(chart)
                self.charts.append((chart, element, [len(points) for points in drawn.series.values()]))

    def _explain(self, chart: RunChart) -> None:
        with ui.element("div").classes("gf-meanings gf-small"):
            for curve in chart.curves:
                if curve.meaning is None and not curve.text:
                    continue
                with ui.element("div"):
                    with ui.element("div").classes("gf-term"):
                        text(title_of(curve.source) if curve.meaning is not None else curve.label)
                        value = text("", "gf-number")
                    text(_explained(curve), "gf-quiet")
                    verdict = text("", "gf-stopped").props("role=status")
                self.words.append((curve, value, verdict))

    def _append(self, view: RunView) -> None:
        news: dict[int, list[list[list[float | None]]]] = {}
        for chart, element, counts in self.charts:
            lines = [curve.points(view, counts[index]) for index, curve in enumerate(chart.curves)]
            for index, points in enumerate(lines):
                counts[index] += len(points)
            if any(lines):
                news[element.id] = [sent(points, chart.log) for points in lines]
        if news:
            ui.run_javascript(f"ganforgeAppend({json.dumps(news, allow_nan=False)})")


def _explained(curve: Curve) -> str:
    if curve.meaning is None:
        return str(curve.text)
    band = curve.meaning.healthy
    return curve.meaning.text + (f" Healthy: {figure(band[0])} to {figure(band[1])}." if band else "")
