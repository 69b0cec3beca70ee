"""Showing how far work on pictures is: a bar in a terminal, a line now and then elsewhere; both on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from ganforge.base.terminal import Careful, complain

LINE_EVERY_S = 10.0


@contextmanager
def shown(total: int, what: str = "preparing", things: str = "pictures") -> Iterator[Callable[[int], None]]:
    """While the context lasts, the function that it gives is to be called with the number of pictures done so far, or
    of other things. what: the work, in a word."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield _lines(total, what, things)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    console = Console(file=cast(TextIO, Careful(sys.stderr)))
    whole = Column(no_wrap=True)  # in a narrow terminal the bar becomes shorter, and nothing else
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(table_column=whole),
        TimeRemainingColumn(table_column=whole),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total)
        yield lambda done: progress.update(task, completed=done)


def _lines(total: int, what: str, things: str) -> Callable[[int], None]:
    said = time.monotonic()
    first: tuple[float, int] | None = None  # the speed is taken from there, as processes need a moment to start

    def tell(done: int) -> None:
        nonlocal said, first
        now = time.monotonic()
        if first is None:
            first = now, done
        elif now - said >= LINE_EVERY_S and done > first[1]:
            said = now
            left = (now - first[0]) / (done - first[1]) * (total - done)
            complain(f"{what}: {done:,} of {total:,} {things}, about {left:.0f} s left")

    return tell
