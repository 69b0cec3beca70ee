"""The grids of a run over training time: a picture, a slider and a button; the browser does the rest by itself."""

import json

from nicegui import ui

from ganforge.viewer.pages.layout import button, picture_address


class GridPlayer:
    """Shows the grid of fixed noise at any report. Follows the newest one while nobody has moved the slider."""

    def __init__(self, run_id: str, nimgs: list[int]) -> None:
        with ui.element("div").classes("gf-stack gf-player") as self.root:
            ui.element("img").classes("gf-pixels gf-player-image")
            with ui.element("div").classes("gf-row"):
                button("Play", "gf-player-play")
                ui.element("span").classes("gf-player-where gf-small gf-number gf-quiet").props("role=status")
            slider = ui.element("input").classes("gf-player-slider").props("type=range step=1")
            slider._props["aria-label"] = "Training time"
        self.shown = list(nimgs)
        facts = {
            "address": picture_address(run_id, "fakes") + "&nimg=",
            "alternative": f"Fakes of {run_id}",
            "nimgs": self.shown,
        }
        ui.run_javascript(f"ganforgeGrids.make({self.root.id}, {json.dumps(facts)})")

    def update(self, nimgs: list[int]) -> None:
        """Tell the browser of new grids, or of grids that are gone."""
        if nimgs != self.shown:
            self.shown = list(nimgs)
            ui.run_javascript(f"ganforgeGrids.update({self.root.id}, {json.dumps(self.shown)})")
