"""The choices on the explore page, and the request that they stand for."""

import contextlib
from collections.abc import Awaitable, Callable

from nicegui import ui
from nicegui.events import GenericEventArguments

from ganforge.run.folder import RunFolder
from ganforge.viewer.pages.layout import set_prop, text
from ganforge.viewer.read.formatting import class_words
from ganforge.viewer.sampler.sample_request import ModelSummary, SampleRequest, Way

WAYS: dict[Way, str] = {"seeds": "Seeds", "walk": "Walk between seeds", "near": "Neighbours of a seed"}
LARGEST_SEED = 10**15
BY_SEED = -1
"""Of the classes: each seed has its own."""


class Controls:
    """Snapshot, class, seeds, walk, spread and truncation; those that do not apply are not shown.

    changed: called when a choice has changed.
    """

    def __init__(self, folder: RunFolder, changed: Callable[[], Awaitable[None]]) -> None:
        self.folder = folder
        with ui.element("section").classes("gf-card gf-stack").props("aria-label=Choices"):
            self.way = ui.radio(WAYS, value="seeds", on_change=changed).props("inline dense")
            with ui.element("div").classes("gf-row gf-choices"):
                self.snapshot = ui.select(self._snapshots(), value="newest", label="Snapshot", on_change=changed)
                self.snapshot.props("dense outlined options-dense").classes("gf-choice")
                self.told = ui.select({BY_SEED: "by seed"}, value=BY_SEED, label="Class", on_change=changed)
                self.told.props("dense outlined options-dense").classes("gf-short")
                self.seed = _number("First seed", 0, 0, LARGEST_SEED, changed)
                self.stops = ui.input("Seeds of the walk", value="3, 17, 42", on_change=changed)
                self.stops.props("dense outlined debounce=500").classes("gf-choice")
                self.frames = _number("Frames between", 30, 1, 500, changed)
                self.loop = ui.checkbox("back to the first", value=True, on_change=changed).props("dense")
                self.spread = Range("Spread", 0.02, 0.3, changed)
                self.psi = Range("Truncation", 0.1, 1.0, changed)
        self.told.set_visibility(False)
        self.psi.box.set_visibility(False)

    def read(self, size: int) -> SampleRequest:
        """What is asked for now. size: how many pictures are shown at once."""
        chosen, way, first = str(self.snapshot.value), self.way.value, int(self.seed.value or 0)
        source = self.folder.snapshot(int(chosen)) if chosen.isdecimal() else self.folder.path
        seeds = {"seeds": f"{first}-{first + size - 1}", "near": str(first), "walk": str(self.stops.value or "")}
        return SampleRequest(
            source, seeds[way].replace(" ", ""), chosen == "best", way, int(self.frames.value or 0),
            bool(self.loop.value), size, round(float(self.spread.value), 4),
            (int(self.told.value),) if self.told.visible and self.told.value != BY_SEED else None,
            round(float(self.psi.value), 4) if self.psi.box.visible else 1.0,
        )  # fmt: skip

    def fit(self) -> None:
        """Show the choices that the way has."""
        way = self.way.value
        for control in (self.stops, self.frames, self.loop):
            control.set_visibility(way == "walk")
        self.seed.set_visibility(way != "walk")
        set_prop(self.seed, "label", "First seed" if way == "seeds" else "Seed")
        self.spread.box.set_visibility(way == "near")

    def learn(self, model: ModelSummary) -> None:
        """Show the choices that the model has."""
        self.psi.box.set_visibility(model.noise == "normal")
        if model.num_classes and not self.told.visible:
            words = {label: class_words(label, model.class_names) for label in range(model.num_classes)}
            self.told.set_options(
                {BY_SEED: "by seed"} | {at: said.removeprefix("class ") for at, said in words.items()}
            )
            self.told.set_visibility(True)

    def look(self) -> bool:
        """Take new snapshots in; is there another newest one, which is also what is chosen?"""
        options, chosen = self._snapshots(), str(self.snapshot.value)
        if options == self.snapshot.options:
            return False
        if chosen not in options:
            options[chosen] = f"at {int(chosen):,} images, gone"
        self.snapshot.set_options(options)
        return chosen == "newest"

    def _snapshots(self) -> dict[str, str]:
        found = {"newest": "newest", "best": "best by its figures"}
        with contextlib.suppress(OSError):
            found |= {str(nimg): f"at {nimg:,} images" for nimg, _ in reversed(self.folder.all_snapshots())}
        return found


def _number(label: str, value: int, least: int, most: int, changed: Callable[[], Awaitable[None]]) -> ui.number:
    number = ui.number(label, value=value, min=least, max=most, precision=0, on_change=changed)
    return number.props("dense outlined debounce=400").classes("gf-short")


class Range:
    """A slider with its name and value above it; the browser's own, which keys and screen readers know."""

    def __init__(self, name: str, least: float, value: float, changed: Callable[[], Awaitable[None]]) -> None:
        self.name, self.value, self.changed = name, value, changed
        with ui.element("label").classes("gf-labelled") as self.box:
            self.said = text(f"{name} {value:g}", "gf-small gf-quiet gf-number")
            slider = ui.element("input").classes("gf-range").props(f"type=range min={least} max=1 step=0.02")
            slider._props |= {"^value": str(value), "aria-label": name}  # ^: the first value, and not at every change
            slider.on("input", self._moved, js_handler="(event) => emit(Number(event.target.value))", throttle=0.15)

    async def _moved(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, int | float) and 0 < event.args <= 1:
            self.value = float(event.args)
            self.said.set_text(f"{self.name} {self.value:g}")
            await self.changed()
