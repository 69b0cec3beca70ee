"""The list of runs."""

from nicegui import ui

from ganforge.viewer.layout import frame, page_address, text
from ganforge.viewer.watch import Catalogue


async def list_page(catalogue: Catalogue) -> None:
    """Every run in the folder, the newest first."""
    runs = await catalogue.runs()
    with frame("Runs"):
        for run, _ in runs:
            ui.link(run.id, page_address("run", run.id))
        if not runs:
            text("No run yet.")
