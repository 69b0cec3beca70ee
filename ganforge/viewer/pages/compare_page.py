"""Several runs side by side: pictures at the same moment, curves in shared charts, figures, settings that differ."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from nicegui import ui

from ganforge.base.charts import COLORS, Chart
from ganforge.judging.comparison import Comparison
from ganforge.judging.comparison_text import remarks
from ganforge.judging.description import in_words
from ganforge.viewer.pages.compared_runs import (
    MAX_RUNS,
    figure_charts,
    figure_rows,
    log_charts,
    moments,
    objectives,
    read_comparison,
    settings_rows,
    wanted_ids,
)  # fmt: skip
from ganforge.viewer.pages.echarts import options
from ganforge.viewer.pages.layout import (
    button,
    complain,
    frame,
    heading,
    page_address,
    picture_address,
    show_text,
    text,
    wide_table,
)
from ganforge.viewer.read.run_index import Catalogue
from ganforge.viewer.read.run_view import RunView

REFRESH_SEC = 3.0
SUGGESTED = 2
"""Runs that are compared where none was chosen: the newest ones."""


async def compare_page(catalogue: Catalogue, run_ids: Sequence[str]) -> None:
    """The runs of these ids, without any the newest ones; unknown ids are said to be so.

    Pictures, curves and figures follow what goes on.
    """
    listed = [run.id for run, _ in await catalogue.runs()]
    chosen, unknown = wanted_ids(run_ids, listed)
    if unknown:
        chosen, unknown = wanted_ids(run_ids, list(catalogue.folders(again=True)))
    if not run_ids:
        chosen = listed[:SUGGESTED]
    left_out, chosen = chosen[MAX_RUNS:], chosen[:MAX_RUNS]
    views = {run_id: view for run_id in chosen if (view := await catalogue.view(run_id)) is not None}
    with frame("Compare"):
        _choice(listed, list(views))
        complain([f"There is no run {run_id!r} here: it was moved, deleted, or never existed." for run_id in unknown])
        complain([sentence] if (sentence := catalogue.left_out()) else [])
        if left_out:
            complain([f"{MAX_RUNS} runs are shown at most; left out: {', '.join(left_out)}."])
        if not views:
            text("Choose runs above." if listed else f"There is no run in {catalogue.root} yet.", "gf-quiet")
            return
        gone = text("", "gf-complaint").props("role=alert")
        gone.set_visibility(False)
        comparison, ids, complaints = await _read(views)
        complain(complaints)
        pictures = Pictures(views)
        figures = ui.element("div").classes("gf-stack")
        with figures:
            _figures(comparison, [ids[run.path] for run in comparison.runs])
        if len(found := objectives(views)) > 1:
            losses = ", ".join(sorted(found))
            complain([f"The runs have different losses ({losses}): their values and D's logits do not compare."])
        charts = Charts([*figure_charts(comparison, ids), *log_charts(views)], list(views))
        _settings(comparison, [ids[run.path] for run in comparison.runs])
    shown = {run_id: view.version for run_id, view in views.items()}

    async def refresh() -> None:
        nonlocal comparison, ids, shown
        found = {run_id: await catalogue.view(run_id) for run_id in views}
        lost = [run_id for run_id, view in found.items() if view is None]
        show_text(gone, f"Gone, and shown as last read: {', '.join(lost)}." if lost else "")
        now = {run_id: view or views[run_id] for run_id, view in found.items()}
        versions = {run_id: view.version for run_id, view in now.items()}
        if lost or versions == shown:
            return
        shown, before = versions, comparison
        comparison, ids, _ = await _read(now)
        pictures.update(now)
        charts.update([*figure_charts(comparison, ids), *log_charts(now)])
        if comparison != before:
            figures.clear()
            with figures:
                _figures(comparison, [ids[run.path] for run in comparison.runs])

    ui.timer(REFRESH_SEC, refresh, immediate=False)


async def _read(views: dict[str, RunView]) -> tuple[Comparison, dict[Path, str], list[str]]:
    """Settings and figures, read beside the page."""
    return await asyncio.to_thread(read_comparison, {run_id: view.folder for run_id, view in views.items()})


def _choice(listed: list[str], chosen: list[str]) -> None:
    """Which runs; another choice is another address, so that it can be kept and sent."""

    def go(ids: list[str]) -> None:
        ui.navigate.to(f"/compare?{urlencode({'runs': ','.join(ids)})}")

    with ui.element("div").classes("gf-row"):
        select = ui.select({run_id: run_id for run_id in listed}, value=chosen, multiple=True, label="Runs to compare")
        select.props(f'outlined dense use-chips max-values={MAX_RUNS} aria-label="Runs to compare"')
        select.classes("gf-choice")
        ui.button("Compare", on_click=lambda: go(select.value)).props("outline no-caps")


class Pictures:
    """The grids of all runs at one moment, with one slider for all."""

    def __init__(self, views: dict[str, RunView]) -> None:
        ui.add_head_html('<link rel="stylesheet" href="/assets/compare.css"><script src="/assets/compare.js"></script>')
        with ui.element("section").classes("gf-card gf-stack gf-compare") as self.root:
            heading(2, "Pictures at the same moment")
            with ui.element("div").classes("gf-row gf-compare-controls"):
                button("Play", "gf-compare-play")
                slider = ui.element("input").classes("gf-compare-slider").props("type=range min=0 step=1")
                slider._props["aria-label"] = "Moment of the training, for all runs"
            with ui.element("div").classes("gf-compare-grids"):
                for index, (run_id, view) in enumerate(views.items()):
                    _picture(index, run_id, view)
        self.shown = moments([view.grids for view in views.values()])
        facts = {"addresses": [picture_address(run_id, "fakes") + "&nimg=" for run_id in views], "ids": list(views)}
        ui.run_javascript(f"ganforgeCompare.make({self.root.id}, {json.dumps(facts | {'moments': self.shown})})")

    def update(self, views: dict[str, RunView]) -> None:
        """Tell the browser of new moments."""
        now = moments([view.grids for view in views.values()])
        if now != self.shown:
            self.shown = now
            ui.run_javascript(f"ganforgeCompare.update({self.root.id}, {json.dumps(now)})")


def _picture(index: int, run_id: str, view: RunView) -> None:
    run = view.summary
    with ui.element("figure").classes("gf-stack"):
        with ui.element("figcaption").classes("gf-stack gf-tight"):
            with ui.element("div").classes("gf-row gf-tight"):
                ui.element("span").classes("gf-swatch").style(f"background: {COLORS[index % len(COLORS)]}")
                ui.link(run_id, page_address("run", run_id)).classes("gf-name")
            text(f"{run.recipe} on {run.data}; {run.state}", "gf-quiet gf-small")
        ui.element("img").classes("gf-pixels")
        ui.element("span").classes("gf-quiet gf-small gf-number gf-where")
        complain([f"Failed: {run.reason}"] if run.state == "failed" else [])
        complain(view.complaints)


class Charts:
    """Shared charts: made once, then only what has changed is sent."""

    def __init__(self, charts: Sequence[Chart], ids: list[str]) -> None:
        self.ids, self.shown = ids, {chart.title: chart for chart in charts}
        heading(2, "Curves")
        text("Over nimg, the real pictures shown to D. A run has one colour everywhere.", "gf-quiet gf-small")
        self.elements: dict[str, ui.echart] = {}
        with ui.element("section").classes("gf-cards"):
            for chart in charts:
                with ui.element("div").classes("gf-card"):
                    self.elements[chart.title] = ui.echart(self._options(chart)).classes("gf-chart")

    def update(self, charts: Sequence[Chart]) -> None:
        """Draw what is new; a chart that had no numbers at first comes with the next visit."""
        for chart in charts:
            if chart.title in self.elements and chart != self.shown[chart.title]:
                self.shown[chart.title] = chart
                self.elements[chart.title].options.update(self._options(chart))
                self.elements[chart.title].update()

    def _options(self, chart: Chart) -> dict[str, object]:
        """A run that has no numbers here keeps its colour."""
        return options(replace(chart, series={run_id: chart.series.get(run_id, []) for run_id in self.ids}))


def _figures(comparison: Comparison, names: list[str]) -> None:
    """A table for each protocol: figures of two never share one."""
    heading(2, "Figures")
    for protocol in comparison.protocols:
        with ui.element("section").classes("gf-card gf-stack"):
            head, rows = figure_rows(comparison.runs, names, protocol)
            wide_table("Figures", head, rows)
            text(f"* best of the runs. {in_words(protocol.model_dump())}", "gf-quiet gf-small")
    for sentence in remarks(comparison):
        text(sentence, "gf-quiet gf-small")


def _settings(comparison: Comparison, names: list[str]) -> None:
    """Only what differs."""
    heading(2, "Settings that differ")
    rows = settings_rows(comparison)
    if len(names) < 2 or not rows:
        text("Choose a second run." if len(names) < 2 else "All settings are the same.", "gf-quiet")
        return
    with ui.element("section").classes("gf-card"):
        wide_table("Settings that differ", ["Setting", *names], rows)
