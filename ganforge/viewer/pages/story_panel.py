"""What happened in a run, on its page: a sentence for each moment, with G's pictures at that time."""

from nicegui import ui

from ganforge.diagnosis.story import Moment
from ganforge.viewer.pages.layout import heading, picture, picture_address, text
from ganforge.viewer.read.formatting import moment as at
from ganforge.viewer.read.run_story import story_of
from ganforge.viewer.read.run_view import RunView


class StoryPanel:
    """The story; nothing before the first row of the log."""

    def __init__(self, view: RunView) -> None:
        with ui.element("section").classes("gf-card gf-stack") as self.section:
            heading(2, "What happened")
            self.moments = ui.element("div").classes(f"gf-stack{' gf-large' if view.is_points else ''}")
        self.version = -1
        self.shown: list[Moment] | None = None
        self.update(view)

    def update(self, view: RunView) -> None:
        """Show what is new."""
        if view.version == self.version:
            return
        self.version = view.version
        self.section.set_visibility(view.health.rows > 0)
        told = story_of(view)
        if told == self.shown:
            return
        self.shown = told
        self.moments.clear()
        with self.moments:
            for one in told:
                with ui.element("div").classes("gf-moment"):
                    with ui.element("div").classes("gf-moment-picture"):
                        if one.grid is not None:
                            address = picture_address(view.summary.id, "fakes", one.grid)
                            picture(address, f"Fakes at {one.grid:,} images")
                    text(at(one.nimg), "gf-quiet gf-small gf-number")
                    text(one.text)
