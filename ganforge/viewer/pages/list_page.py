"""The list of runs: a card each, which changes in place while the run goes on."""

from collections.abc import Callable

from nicegui import ui

from ganforge.base.terminal import printable
from ganforge.metrics.trend import BestSoFar
from ganforge.viewer.pages.layout import frame, page_address, picture_address, set_prop, show_text, text
from ganforge.viewer.read.formatting import ago
from ganforge.viewer.read.run_index import Catalogue
from ganforge.viewer.read.run_summary import RunSummary, badge
from ganforge.viewer.read.untrusted import first_complaints

REFRESH_SEC = 1.0
ORDERS: dict[str, Callable[[tuple[RunSummary, BestSoFar | None]], tuple[object, ...]]] = {
    "newest first": lambda item: (-item[0].changed, item[0].id),
    "by name": lambda item: (item[0].id,),
    "by recipe": lambda item: (item[0].recipe, item[0].data, item[0].id),
    "by state": lambda item: (item[0].state != "running", item[0].state, item[0].id),
}
"""Figures are no order: those of different protocols do not compare."""
PAGE = 60
"""Cards shown at once; more on request."""


class Card:
    """One run's card: made once, then only what changes is sent."""

    def __init__(self, item: tuple[RunSummary, BestSoFar | None]) -> None:
        run, _ = item
        with ui.element("a").classes("gf-card gf-run") as self.card:
            self.card._props["href"] = page_address("run", run.id)
            self.thumbnail = ui.element("img").classes("gf-pixels gf-thumbnail").props("loading=lazy decoding=async")
            with ui.element("div").classes("gf-stack gf-fill"):
                with ui.element("div").classes("gf-row"):
                    text(run.id, "gf-name")
                    self.state = text("", "gf-state")
                self.what = text("", "gf-quiet gf-small")
                self.bar = ui.element("progress").props("max=1")
                self.progress = text("", "gf-small gf-number")
                self.best = text("", "gf-small gf-number")
                self.trouble = text("", "gf-small gf-bad")
        self.shown: object = None
        self.update(item)

    def update(self, item: tuple[RunSummary, BestSoFar | None]) -> None:
        """Show what is new."""
        run, best = item
        content = (run.state, run.thumbnail, run.complaints, best, run.progress(), run.reason, run.wrong)
        if content == self.shown:
            return
        self.shown = content
        words, look = badge(run.state, went_wrong=bool(run.wrong))
        self.state.set_text(words)
        self.state.classes(replace=f"gf-state gf-{look}")
        self.what.set_text(f"{run.recipe} on {run.data}, {ago(run.changed)}")
        set_prop(self.bar, "value", f"{run.share:.4f}")
        set_prop(self.bar, "aria-label", f"{run.share:.0%} of {run.id}")
        self.progress.set_text(run.progress())
        self.best.set_text(_best(best, run.state))
        wrong = f"{'; '.join(run.wrong)}." if run.wrong else ""
        said = [run.reason if run.state == "failed" else "", wrong, *first_complaints(run.complaints)]
        show_text(self.trouble, " ".join(filter(None, said)))
        if run.thumbnail is None:
            self.thumbnail.set_visibility(False)
            return
        self.thumbnail.set_visibility(True)
        set_prop(self.thumbnail, "alt", f"Fakes of {run.id} at {run.thumbnail:,} images")
        set_prop(self.thumbnail, "src", picture_address(run.id, "fakes", run.thumbnail))


async def list_page(catalogue: Catalogue) -> None:
    """Every run in the folder; filtered and ordered as the visitor likes; up to date within a second."""
    cards: dict[str, Card] = {}
    shown: list[str] = []
    limit = PAGE
    with frame("Runs"):
        with ui.element("div").classes("gf-row"):
            wanted = ui.input("Filter").props('dense outlined clearable debounce=200 aria-label="Filter by name"')
            order = ui.select(list(ORDERS), value="newest first", label="Order").props("dense outlined")
            summary = text("", "gf-quiet").props("role=status")
        left_out = text("", "gf-complaint").props("role=status")
        empty = text("", "gf-quiet")
        grid = ui.element("div").classes("gf-runs")
        more = ui.button("More").props("outline no-caps")

    async def refresh() -> None:
        nonlocal shown
        runs = await catalogue.runs()
        words = (wanted.value or "").casefold().split()
        chosen = [item for item in runs if all(word in _searched(item[0]) for word in words)]
        chosen.sort(key=ORDERS[order.value])
        summary.set_text(_summary([run for run, _ in chosen], len(runs)))
        show_text(left_out, catalogue.left_out())
        nothing = f"There is no run in {printable(str(catalogue.root))} yet: `ganforge train` makes one."
        show_text(empty, "" if runs else nothing)
        more.set_visibility(len(chosen) > limit)
        ids = [run.id for run, _ in chosen[:limit]]
        if ids != shown:
            grid.clear()
            cards.clear()
            shown = ids
        with grid:
            for item in chosen[:limit]:
                if item[0].id in cards:
                    cards[item[0].id].update(item)
                else:
                    cards[item[0].id] = Card(item)

    async def show_more() -> None:
        nonlocal limit
        limit += PAGE
        await refresh()

    more.on_click(show_more)
    wanted.on_value_change(refresh)
    order.on_value_change(refresh)
    await refresh()
    ui.timer(REFRESH_SEC, refresh, immediate=False)


def _searched(run: RunSummary) -> str:
    return f"{run.id} {run.recipe} {run.data} {run.state} {'wrong' if run.wrong else ''}".casefold()


def _summary(chosen: list[RunSummary], total: int) -> str:
    """12 of 200 runs, 1 running."""
    running = sum(run.state == "running" for run in chosen)
    number = f"{len(chosen)} of {total}" if len(chosen) != total else f"{total}"
    return f"{number} run{'s' * (total != 1)}, {running} running"


def _best(best: BestSoFar | None, state: str) -> str:
    if best is None:
        return "no figure yet" if state == "running" else "no figure"
    return best.summary()
