"""What goes wrong in a run, on its page: what lasts in full, and a history of all."""

from nicegui import ui

from ganforge.diagnosis.told import Told
from ganforge.run.mends import Mend
from ganforge.viewer.pages.layout import button, heading, leaf, show_text, table, table_content, text
from ganforge.viewer.read.formatting import moment
from ganforge.viewer.read.run_view import RunView

HISTORY = ("what", "since", "until", "seen")


class FindingsPanel:
    """The findings; nothing where there are none."""

    def __init__(self, view: RunView) -> None:
        self.lasting = ui.element("section").classes("gf-stack")
        with ui.element("details").classes("gf-card") as self.history:
            leaf("summary", "All that was found to go wrong, also what is over")
            with ui.element("div").classes("gf-scroll"):
                self.table = table(HISTORY, [])
        self.blind = text("", "gf-quiet gf-small")
        self.version = -1
        self.shown: tuple[tuple[Told, ...], tuple[Mend, ...]] | None = None
        self.update(view)

    def update(self, view: RunView) -> None:
        """Show what is new."""
        if view.version == self.version:
            return
        self.version = view.version
        blind = ", ".join(one.name for one in view.health.blind())
        show_text(self.blind, f"The log lacks what is needed to look for: {blind}." if blind else "")
        found, mends = tuple(view.health.told()), tuple(view.health.mends)
        if (found, mends) == self.shown:
            return
        self.shown = found, mends
        self.lasting.clear()
        with self.lasting:
            for one in found:
                if one.lasts:
                    in_full(one)
            for mend in mends:
                text(f"Mended. {mend.text}.")
        self.history.set_visibility(bool(found))
        rows = [[one.title, moment(one.since), "it lasts" if one.until is None else moment(one.until), one.evidence]
                for one in sorted(found, key=lambda one: one.since)]  # fmt: skip
        self.table.set_content(table_content(HISTORY, rows))


def in_full(one: Told) -> None:
    """A finding that lasts: what was seen, what it means, what to do."""
    with ui.element("div").classes(f"gf-complaint gf-stack gf-{one.kind}").props("role=status"):
        heading(2, f"{one.title[:1].upper()}{one.title[1:]}")
        text(f"{one.when[:1].upper()}{one.when[1:]}: {one.evidence}.")
        text(one.meaning, "gf-quiet")
        if one.here:
            text(f"With {one.objective}: {one.here}", "gf-quiet")
        for index, (does, typed) in enumerate(one.do):
            text(f"{'Or' if index else 'To do'}: {does}{':' if typed else '.'}")
            if typed:
                with ui.element("div").classes("gf-command"):
                    leaf("code", typed)
                    button("Copy").on("click", js_handler="(event) => ganforgeCopy(event.currentTarget)")
        text(f"More: {one.read}", "gf-quiet gf-small")
