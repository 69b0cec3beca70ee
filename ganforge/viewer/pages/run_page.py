"""One run: pictures over time beside reals, how good they are, how the game goes, settings and log, all of it live."""

from urllib.parse import urlencode

from nicegui import ui

from ganforge.base.wording import pasted
from ganforge.viewer.pages.findings_panel import FindingsPanel
from ganforge.viewer.pages.grid_player import GridPlayer
from ganforge.viewer.pages.layout import (
    complain,
    frame,
    heading,
    page_address,
    picture,
    picture_address,
    set_prop,
    show_text,
    text,
)
from ganforge.viewer.pages.live_charts import LiveCharts
from ganforge.viewer.pages.run_details import LogTable, config_tables
from ganforge.viewer.pages.story_panel import StoryPanel
from ganforge.viewer.read.formatting import ago
from ganforge.viewer.read.run_index import Catalogue
from ganforge.viewer.read.run_summary import badge
from ganforge.viewer.read.run_view import RunView

REFRESH_SEC = 1.0
POINTS = (
    "Red: fakes. Grey: reals, in rings around their modes. Behind them, D's decision map: blue where D is surest of a "
    "real, orange where it is surest of a fake. Arrows: which way G's loss pulls a fake, the longer the more strongly. "
    "Each report has scales of its own."
)


async def run_page(catalogue: Catalogue, run_id: str) -> None:
    """Everything about one run. What changes is brought to the browser within a second or two."""
    view = await catalogue.view(run_id)
    if view is None:
        with frame("No such run"):
            complain([f"There is no run {run_id!r} in {catalogue.root}: it was moved, deleted, or never existed."])
        return
    with frame(run_id, run_id):
        gone = text("", "gf-complaint").props("role=alert")
        gone.set_visibility(False)
        header = RunHeader(view)
        findings = FindingsPanel(view)
        with ui.element("section").classes("gf-card gf-pair"):
            with ui.element("div").classes("gf-stack"):
                heading(2, "Fakes: the same noise over training time")
                player = GridPlayer(run_id, view.grids)
                if view.is_points:
                    text(POINTS, "gf-quiet gf-small")
            with ui.element("div").classes("gf-stack"):
                heading(2, "Reals")
                picture(picture_address(run_id, "reals"), f"Real items that {run_id} learns from")
        charts = LiveCharts(view)
        happened = StoryPanel(view)
        config_tables(view)
        log = LogTable(view)

    async def refresh() -> None:
        now = await catalogue.view(run_id)
        show_text(gone, "The run's folder is gone; this is what was last read." if now is None else "")
        if now is None:
            return
        header.update(now)
        findings.update(now)
        player.update(now.grids)
        charts.update(now)
        happened.update(now)
        log.update(now)

    ui.timer(REFRESH_SEC, refresh, immediate=False)


class RunHeader:
    """State, progress, and what is wrong."""

    def __init__(self, view: RunView) -> None:
        run_id = view.summary.id
        with ui.element("section").classes("gf-stack"):
            with ui.element("div").classes("gf-row"):
                self.state = text("", "gf-state")
                self.what = text("", "gf-quiet")
            self.bar = ui.element("progress").props("max=1 aria-label=Progress")
            with ui.element("div").classes("gf-row"):
                self.progress = text("", "gf-number")
                self.speed = text("", "gf-number")
            self.best = text("", "gf-number")
            with ui.element("div").classes("gf-row"):
                ui.link("Explore its pictures", page_address("explore", run_id))
                ui.link("Compare it", f"/compare?{urlencode({'runs': run_id})}")
                text(f"One file to share: ganforge report {pasted(view.folder.path)}", "gf-quiet gf-small")
        self.complaints = ui.element("div").classes("gf-stack")
        self.version = -1
        self.said: tuple[str, ...] = ()
        self.update(view)

    def update(self, view: RunView) -> None:
        """Show what is new."""
        run = view.summary
        words, look = badge(run.state, went_wrong=view.health.went_wrong)
        self.state.set_text(words)
        self.state.classes(replace=f"gf-state gf-{look}")
        self.what.set_text(f"{run.recipe} on {run.data}, last report {ago(run.changed)}")
        set_prop(self.bar, "value", f"{run.share:.4f}")
        self.progress.set_text(run.progress())
        self.speed.set_text(_speed(view))
        so_far = view.figures.best_so_far()
        show_text(self.best, so_far.summary() if so_far is not None else "")
        said = (*_endings(view), *view.complaints)
        if said != self.said:
            self.said = said
            self.complaints.clear()
            with self.complaints:
                complain(said)


def _endings(view: RunView) -> list[str]:
    """Why a run goes on no more, and what to do."""
    run = view.summary
    again = f"continue it with `ganforge resume {pasted(run.folder.path)}`."
    if run.state == "failed":
        return [f"The run failed: {run.reason or 'no reason was recorded.'}"]
    if run.state == "killed":
        return [f"The run was killed: its status says running, but no process holds its folder; {again}"]
    if run.state == "stopped":
        return [f"The run was stopped ({run.reason or 'no reason was recorded'}); {again}"]
    return []


def _speed(view: RunView) -> str:
    speed = view.columns.newest("Timing/images_per_sec")
    return f"{speed:,.0f} pictures a second" if speed is not None and view.summary.state == "running" else ""
