"""Explore: what a run's G makes of any seed, between seeds and around one, and what of it the data already held."""

from dataclasses import replace
from typing import Literal

from nicegui import app, ui

from ganforge.base.errors import UserError
from ganforge.run.folder import RunFolder
from ganforge.viewer.pages import explore_text
from ganforge.viewer.pages.explore_controls import Controls
from ganforge.viewer.pages.explore_pictures import Detail, Pictures, command_line, push_button
from ganforge.viewer.pages.layout import frame, show_text, text
from ganforge.viewer.sampler.sample_request import RenderedSamples, SampleRequest
from ganforge.viewer.sampler.sample_worker import SampleWorker

LOOK_SEC = 3.0
"""How often the page looks whether there is a new snapshot."""

WORKER = SampleWorker()
"""One for all visitors, started when the first one asks."""
app.on_shutdown(WORKER.close)


def explore_page(folder: RunFolder, run_id: str, data: str | None) -> None:
    """The page. data: where training pictures may be looked for, too, as ``SampleRequest`` has it."""
    with frame(f"Explore {run_id}", run_id):
        ui.add_head_html('<link rel="stylesheet" href="/assets/explore.css"><script src="/assets/explore.js"></script>')
        Explorer(folder, run_id, data)


class Explorer:
    """Renders what the controls ask for, one request at a time, and does what the buttons say."""

    def __init__(self, folder: RunFolder, run_id: str, data: str | None) -> None:
        self.run_id, self.data = run_id, data
        self.size, self.row, self.names = explore_text.MANY, 0, list[str]()
        self.shown: tuple[SampleRequest, RenderedSamples] | None = None
        self.is_wanted = self.is_rendering = self.takes_focus = False
        self.controls = Controls(folder, self.render)
        self.trouble = text("", "gf-complaint").props("role=alert")
        self.trouble.set_visibility(False)
        with ui.element("div").classes("gf-explore") as self.place:
            with ui.element("section").classes("gf-card gf-stack").props("aria-label=Pictures"):
                self.pictures = Pictures(self.pick, self.turn)
                with ui.element("div").classes("gf-row"):
                    push_button("Save as PNG", lambda: self.save("grid", "png"))
                    self.moving = [
                        push_button("Save as WebP", lambda: self.save("webp", "webp")),
                        push_button("Save as GIF", lambda: self.save("gif", "gif")),
                    ]
            with ui.element("section").classes("gf-card gf-stack gf-one").props('aria-label="One picture"'):
                self.detail = Detail(
                    lambda: self.save("grid", "png", self.row), self.add_to_walk, self.neighbours, self.nearest
                )
        self.command = command_line()
        ui.timer(LOOK_SEC, self.look)
        ui.timer(0, self.render, once=True)

    async def render(self) -> None:
        """Bring the pictures in line with the controls; what changes meanwhile is rendered next."""
        self.is_wanted = True
        if self.is_rendering:
            return
        self.is_rendering = True
        self.pictures.busy(True)
        try:
            while self.is_wanted:
                self.is_wanted = False
                await self._render_once()
        finally:
            self.is_rendering = False
            self.pictures.busy(False)

    async def _render_once(self) -> None:
        self.controls.fit()
        request = self.controls.read(self.size)
        try:
            samples = await WORKER.render(request)
        except UserError as error:
            show_text(self.trouble, str(error))
            if self.shown is None:
                self.pictures.where.set_text("No pictures yet")
            return
        show_text(self.trouble, "")
        self.controls.learn(samples.model)
        if explore_text.page_size(samples.model) != self.size:
            self.size, self.is_wanted = explore_text.page_size(samples.model), True
            return
        is_other_way = self.shown is None or self.shown[0].way != request.way
        self.shown, self.names = (request, samples), explore_text.titles(request, samples)
        self.row = 0 if is_other_way or request.way == "walk" else min(self.row, len(self.names) - 1)
        self.pictures.show(request, samples, self.names, self.row)
        self.place.classes(add="gf-walking" * (request.way == "walk"), remove="gf-walking" * (request.way != "walk"))
        for button in self.moving:
            button.set_visibility(request.way == "walk")
        self.command.set_text(explore_text.command(request))
        self.pick(self.row)
        if self.takes_focus:
            self.takes_focus = False
            self.pictures.focus(self.row)

    async def look(self) -> None:
        """Whoever looks at the newest snapshot gets the next one, unless a walk is being watched."""
        if self.controls.look() and self.controls.way.value != "walk":
            await self.render()

    def pick(self, row: object) -> None:
        """Look at one picture."""
        if self.shown is not None and isinstance(row, int) and 0 <= row < len(self.names):
            self.row = row
            self.detail.show(*self.shown, self.names[row], row)

    def turn(self, step: int) -> None:
        """The seeds before or after these."""
        old = int(self.controls.seed.value or 0)
        first = max(0, old + step * self.size)
        if first != old:
            self.row, self.takes_focus = (0 if step > 0 else self.size - 1), True
            self.controls.seed.set_value(first)

    def add_to_walk(self) -> None:
        """The seed that is looked at becomes the walk's last stop."""
        if self.shown is not None:
            stops = self.controls.stops
            stops.set_value(f"{stops.value}, {self.shown[1].seeds[self.row]}".strip(", "))
            ui.notify(f"The walk: {stops.value}")

    def neighbours(self) -> None:
        """Neighbours of the seed that is looked at."""
        if self.shown is not None:
            seed, self.row = self.shown[1].seeds[self.row], 0
            self.controls.seed.set_value(seed)
            self.controls.way.set_value("near")

    async def nearest(self) -> None:
        """The training pictures that are nearest to the one that is looked at."""
        if self.shown is None:
            return
        shown, row = self.shown, self.row
        self.detail.say("Searching the training pictures ...")
        try:
            found = await WORKER.render(replace(shown[0], form="nearest", row=row, data=self.data))
        except UserError as error:
            self.detail.say(str(error))
            return
        if (shown, row) == (self.shown, self.row):
            self.detail.say(
                f"{explore_text.NEAREST_NOTE} {found.note}".strip(), explore_text.figures(found, "A training picture")
            )

    async def save(self, form: Literal["grid", "webp", "gif"], ending: str, row: int | None = None) -> None:
        """Hand the browser a file of what is shown, or of one picture of it."""
        if self.shown is None:
            return
        request = replace(self.shown[0], form=form, row=row)
        try:
            samples = await WORKER.render(request)
        except UserError as error:
            ui.notify(str(error), type="warning")
            return
        what = self.names[row] if row is not None else f"{request.way} {request.seeds}"
        name = explore_text.file_name(self.run_id, samples.model.nimg, what, ending)
        ui.download.content(samples.files[0], name, f"image/{ending}")
