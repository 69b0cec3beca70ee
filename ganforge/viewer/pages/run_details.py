"""What a run's page keeps folded up: settings, data, environment, and the newest rows of the log."""

import json
import math
from collections.abc import Mapping
from itertools import islice
from typing import Any

from nicegui import ui

from ganforge.viewer.pages.layout import complain, leaf, table, table_content
from ganforge.viewer.read.formatting import figure
from ganforge.viewer.read.run_view import RunView
from ganforge.viewer.read.untrusted import cut, mapping

LOG_ROWS = 20
MOST_ROWS = 200
LOG_COLUMNS = ("nimg", "step", "Loss/D", "Loss/G", "Accuracy/real", "Accuracy/fake", "Timing/images_per_sec")


class LogTable:
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


def config_tables(view: RunView) -> None:
    """Settings, data and environment, as config.json has them."""
    for title, key in (("Settings", "settings"), ("Data", "data")):
        with ui.element("details").classes("gf-card"):
            leaf("summary", title)
            _named_values(mapping(view.config.get(key)))
    past = view.config.get("environment")
    if isinstance(past, list) and past:
        with ui.element("details").classes("gf-card"):
            leaf("summary", "Environment")
            _named_values(mapping(past[-1]))


def _named_values(content: Mapping[str, Any]) -> None:
    """A table of the first ``MOST_ROWS``; how many more there are is said."""
    table(["name", "value"], [[cut(name, 100), _cell(value)] for name, value in islice(content.items(), MOST_ROWS)])
    if len(content) > MOST_ROWS:
        complain([f"{len(content) - MOST_ROWS:,} more are left out."])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return figure(value) if math.isfinite(value) else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return cut(f"{value:,}", 300)
    return cut(value if isinstance(value, str) else json.dumps(value), 300)
