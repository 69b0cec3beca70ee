"""What a run's page keeps folded up: settings, data, environment, and the newest rows of the log."""

import json
import math

from nicegui import ui

from ganforge.viewer.history import RunView
from ganforge.viewer.layout import leaf, table, table_content
from ganforge.viewer.plain import mapping
from ganforge.viewer.say import count, figure

LOG_ROWS = 20
LOG_COLUMNS = ("nimg", "step", "Loss/D", "Loss/G", "Accuracy/real", "Accuracy/fake", "Timing/images_per_sec")


class Log:
    """The newest rows of the log."""

    def __init__(self, view: RunView) -> None:
        with ui.element("details").classes("gf-card"):
            leaf("summary", "Log: the newest rows")
            with ui.element("div").classes("gf-scroll"):
                self.table = table(LOG_COLUMNS, [])
        self.version = -1
        self.update(view)

    def update(self, view: RunView) -> None:
        """Show what is new."""
        if view.version == self.version:
            return
        self.version = view.version
        rows = [[_cell(row.get(name)) for name in LOG_COLUMNS] for row in reversed(view.last_rows[-LOG_ROWS:])]
        self.table.set_content(table_content(LOG_COLUMNS, rows))


def settings(view: RunView) -> None:
    """Settings, data and environment, as config.json has them."""
    for title, key in (("Settings", "settings"), ("Data", "data")):
        with ui.element("details").classes("gf-card"):
            leaf("summary", title)
            content = mapping(view.config.get(key))
            table(["name", "value"], [[name[:100], _cell(value)] for name, value in list(content.items())[:200]])
    past = view.config.get("environment")
    if isinstance(past, list) and past:
        with ui.element("details").classes("gf-card"):
            leaf("summary", "Environment")
            newest = mapping(past[-1])
            table(["name", "value"], [[name[:100], _cell(value)] for name, value in list(newest.items())[:50]])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return figure(value) if math.isfinite(value) else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return count(value)
    return (value if isinstance(value, str) else json.dumps(value))[:300]
