"""One run: pictures over time beside reals, how good they are, how the game goes, settings and log, all of it live."""

from urllib.parse import urlencode

from nicegui import ui

from ganforge.base.wording import pasted
from ganforge.viewer.board import Board
from ganforge.viewer.details import Log, settings
from ganforge.viewer.history import RunView
from ganforge.viewer.layout import complain, frame, heading, page_address, picture, picture_address, text
from ganforge.viewer.plain import mapping
from ganforge.viewer.player import Player
from ganforge.viewer.say import ago, count, duration
from ganforge.viewer.watch import Catalogue

REFRESH_SEC = 1.0
POINTS = (
    "Red: fakes. Grey: reals, in rings around their modes. Behind them, where D is surest of a real is blue, and where "
    "it is surest of a fake is orange; its scale is another at every report."
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
        top = Top(view)
        with ui.element("section").classes("gf-card gf-pair"):
            with ui.element("div").classes("gf-stack"):
                heading(2, "Fakes: the same noise over training time")
                player = Player(run_id, view.grids)
                if mapping(view.config.get("data")).get("shape") == [2]:
                    text(POINTS, "gf-quiet gf-small")
            with ui.element("div").classes("gf-stack"):
                heading(2, "Reals")
                picture(picture_address(run_id, "reals"), f"Real items that {run_id} learns from")
        board = Board(view)
        settings(view)
        log = Log(view)

    async def refresh() -> None:
        now = await catalogue.view(run_id)
        gone.set_visibility(now is None)
        if now is None:
            gone.set_text("The run's folder is gone: what is shown is what was read last.")
            return
        top.update(now)
        player.update(now.grids)
        board.update(now)
        log.update(now)

    ui.timer(REFRESH_SEC, refresh, immediate=False)


class Top:
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
        left = f", {duration(run.eta_sec)} left" if run.eta_sec is not None else ""
        share = min(1.0, run.nimg / run.total_nimg) if run.total_nimg else 0.0
        self.state.set_text(run.state)
        self.state.classes(replace=f"gf-state gf-{run.state}")
        self.what.set_text(f"{run.recipe} on {run.data}, last report {ago(run.changed)}")
        if self.bar._props.get("value") != f"{share:.4f}":
            self.bar._props["value"] = f"{share:.4f}"
            self.bar.update()
        self.progress.set_text(f"{count(run.nimg)} of {count(run.total_nimg)} images{left}")
        self.speed.set_text(_speed(view))
        so_far = view.figures.best_so_far()
        self.best.set_text(so_far.summary() if so_far is not None else "")
        self.best.set_visibility(so_far is not None)
        said = (*_endings(view), *view.complaints)
        if said != self.said:
            self.said = said
            self.complaints.clear()
            with self.complaints:
                complain(said)


def _endings(view: RunView) -> list[str]:
    """Why a run goes on no more, and what to do."""
    run = view.summary
    again = f"`ganforge resume {pasted(run.folder.path)}` goes on."
    if run.state == "failed":
        return [f"The run failed: {run.reason or 'it does not say why.'}"]
    if run.state == "killed":
        return [f"The run was killed: it says that it is running, but no process does. {again}"]
    if run.state == "stopped":
        return [f"The run was stopped ({run.reason or 'it does not say why'}); {again}"]
    return []


def _speed(view: RunView) -> str:
    speed = view.columns.newest("Timing/images_per_sec")
    return f"{count(round(speed))} pictures a second" if speed is not None and view.summary.state == "running" else ""
