"""Tables of text, laid out so that no number is ever cut: what does not fit beside the rest goes into a table below."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ganforge.base.terminal import printable

MAX_NAME = 44
"""Characters of a row's name in one line; longer ones take several."""
PADDING = 2
"""Characters between two columns."""


@dataclass(frozen=True)
class Column:
    """A header, of one or several lines, and one cell a row."""

    header: str
    cells: Sequence[str]

    @property
    def width(self) -> int:
        return PADDING + max(cell_len(line) for text in (self.header, *self.cells) for line in text.split("\n"))

    def aligned(self, text: str) -> Text:
        """To the right; rich itself would take away a space that stands below another cell's mark."""
        width = self.width - PADDING
        return Text("\n".join(" " * (width - cell_len(line)) + line for line in text.split("\n")))


def table(title: str, names: Sequence[str], columns: Sequence[Column], width: int) -> str:
    """Rows with a name each, as plain text; no line break at the end.

    title: the header above the names. width: characters that a line should not exceed; a single column may. Names and
    cells are made ``printable``.
    """
    names = [printable(name) for name in names]
    columns = [Column(column.header, [printable(cell) for cell in column.cells]) for column in columns]
    left = PADDING + max(min(MAX_NAME, cell_len(name)) for name in (title, *names))
    return "\n\n".join(_one_table(title, names, group) for group in _groups(columns, width - left))


def _groups(columns: Iterable[Column], width: int) -> Iterator[list[Column]]:
    """The columns in their order, as many together as fit."""
    group: list[Column] = []
    for column in columns:
        if group and sum(c.width for c in [*group, column]) > width:
            yield group
            group = []
        group.append(column)
    if group:
        yield group


def _one_table(title: str, names: Sequence[str], columns: Sequence[Column]) -> str:
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, PADDING - 1, 0, 0))
    made.add_column(Text(title), max_width=MAX_NAME, overflow="fold")
    for column in columns:
        made.add_column(column.aligned(column.header), no_wrap=True)
    for row, name in enumerate(names):
        made.add_row(Text(name), *(column.aligned(column.cells[row]) for column in columns))
    written = io.StringIO()
    Console(file=written, width=10_000, color_system=None, force_terminal=False).print(made)
    return "\n".join(line.rstrip() for line in written.getvalue().rstrip("\n").split("\n"))
