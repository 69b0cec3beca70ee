"""The pictures on the explore page: a grid of them, one large, or a walk that is played."""

import json
from collections.abc import Callable

from nicegui import ui

from ganforge.viewer.pages import explore_text
from ganforge.viewer.pages.layout import button, heading, text
from ganforge.viewer.read.embedded_pictures import data_uri
from ganforge.viewer.sampler.sample_request import RenderedSamples, SampleRequest

Act = Callable[[], object]


def push_button(name: str, act: Act, classes: str = "") -> ui.element:
    """A button that calls ``act``."""
    return button(name, classes).on("click", act)


class Pictures:
    """All of the samples. pick: told which one is looked at. turn: -1 for earlier seeds, 1 for later ones."""

    def __init__(self, pick: Callable[[object], None], turn: Callable[[int], object]) -> None:
        with ui.element("div").classes("gf-row"):
            self.turning = [
                push_button("Earlier", lambda: turn(-1), "gf-earlier"),
                push_button("Later", lambda: turn(1), "gf-later"),
            ]
            self.where = text("Loading the model ...", "gf-small gf-quiet gf-number").props("role=status")
        with ui.element("div") as self.place:
            self.cells = ui.html("", sanitize=False).classes("gf-cells").props('role=group aria-label="Pictures"')
            picked = "(event) => { const row = ganforgeCells.picked(event); if (row !== null) emit(row); }"
            self.cells.on("click", lambda event: pick(event.args), js_handler=picked)
            self.points = ui.element("img").classes("gf-points")
            with ui.element("div").classes("gf-stack") as self.player:
                ui.element("img").classes("gf-pixels gf-walk-image")
                slider = ui.element("input").classes("gf-walk-slider").props("type=range min=0 step=1")
                slider._props["aria-label"] = "Place on the walk"
                with ui.element("div").classes("gf-row"):
                    button("Play", "gf-walk-play")
                    ui.element("span").classes("gf-walk-where gf-small gf-number gf-quiet")
            self.player.on("stand", lambda event: pick(event.args), js_handler="(event) => emit(event.detail)")
        for part in (self.points, self.player):
            part.set_visibility(False)

    def busy(self, is_busy: bool) -> None:
        """While new samples are rendered, what is shown is paler, and assistive software is told to wait."""
        self.place.classes(add="gf-busy" if is_busy else "", remove="" if is_busy else "gf-busy")
        self.place.props(f"aria-busy={str(is_busy).lower()}")

    def show(self, request: SampleRequest, samples: RenderedSamples, names: list[str], row: int) -> None:
        """Show the samples, ``row`` of them as the one that is looked at."""
        is_points, is_walk = samples.model.is_points, request.way == "walk"
        self.where.set_text(f"{explore_text.what(request)}, {explore_text.where(samples)}")
        for each in self.turning:
            each.set_visibility(request.way == "seeds")
        self.cells.set_visibility(not is_walk and not is_points)
        self.points.set_visibility(not is_walk and is_points)
        self.player.set_visibility(is_walk)
        if is_walk:
            facts = {"frames": list(map(data_uri, samples.files)), "names": names, "loop": request.loop}
            ui.run_javascript(f"ganforgeWalk.show({self.player.id}, {json.dumps(facts)})")
        elif is_points:
            alternative = f"Points in the plane: {explore_text.what(request)}"
            self.points._props |= {"src": data_uri(samples.files[0]), "alt": alternative}
            self.points.update()
        else:
            few = explore_text.page_size(samples.model) == explore_text.FEW
            self.cells.classes(add="gf-few" if few else "", remove="" if few else "gf-few")
            self.cells.set_content(explore_text.cells(samples, names, row))

    def focus(self, row: int) -> None:
        """Lead the keyboard to a picture."""
        ui.run_javascript(f"ganforgeCells.focus({row})")


class Detail:
    """The picture that is looked at, and what can be done with it."""

    def __init__(self, save: Act, to_walk: Act, neighbours: Act, nearest: Act) -> None:
        self.title = ui.html("", sanitize=False, tag="h2")
        self.image = ui.element("img").classes("gf-pixels gf-large-one")
        with ui.element("div").classes("gf-row"):
            self.save = push_button("Save the picture", save)
            self.seed_acts = [push_button("Add to the walk", to_walk), push_button("Its neighbours", neighbours)]
            self.nearest_act = push_button("Nearest training pictures", nearest)
        self.note = text("", "gf-small gf-quiet").props("role=status")
        self.nearest = ui.html("", sanitize=False).classes("gf-figures")

    def show(self, request: SampleRequest, samples: RenderedSamples, name: str, row: int) -> None:
        """Show one item; in a walk it is large already, and points have no pictures of their own."""
        is_points, is_walk = samples.model.is_points, request.way == "walk"
        self.title.set_content(explore_text.escape("Points" if is_points and not is_walk else name))
        self.image.set_visibility(not is_points and not is_walk)
        if self.image.visible:
            self.image._props |= {"src": data_uri(samples.files[row]), "alt": f"{name}, enlarged"}
            self.image.update()
        for each in (self.save, self.nearest_act):
            each.set_visibility(not is_points)
        for each in self.seed_acts:
            each.set_visibility(request.way == "seeds" and not is_points)
        self.say("Every seed is one point: neighbours are a cloud, and a walk is a line." if is_points else "")

    def say(self, words: str, figures: str = "") -> None:
        """A note below the buttons, and pictures below it (as HTML)."""
        self.note.set_text(words)
        self.nearest.set_content(figures)


def command_line() -> ui.label:
    """Where the command line is shown that makes the same."""
    with ui.element("section").classes("gf-card gf-stack gf-small"):
        heading(2, "The same from the command line")
        return text("", "gf-code").props("tabindex=0")
