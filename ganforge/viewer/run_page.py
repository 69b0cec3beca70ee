"""One run."""

from nicegui import ui

from ganforge.viewer.chart import curves
from ganforge.viewer.layout import complain, frame
from ganforge.viewer.watch import Catalogue


async def run_page(catalogue: Catalogue, run_id: str) -> None:
    """Everything about one run, live."""
    view = await catalogue.view(run_id)
    with frame(run_id, run_id):
        if view is None:
            complain(["There is no such run."])
            return
        names = ("Loss/D", "Loss/G")
        ui.echart(curves("Losses", {name: view.columns.series(name) for name in names}))
