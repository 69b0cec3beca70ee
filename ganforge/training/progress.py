"""Showing how a run goes: a bar in a terminal, lines elsewhere, live grids in a notebook."""

import sys
import time
from pathlib import Path
from typing import Any, TextIO, cast

from torch import Tensor

from ganforge.base.terminal import Careful, harmless, mention, printable, silenced_at_fault, writable

SHORTEST_BAR = 6
"""Characters."""


class Progress:
    """Plain lines on stdout: the form where there is no terminal, and the base of the other two."""

    update_sec = 10.0
    """Seconds between two updates of the line or bar."""

    def __init__(self) -> None:
        self.started = self.updated = time.monotonic()
        self.first_nimg = self.nimg = self.total_nimg = 0
        self.step = 0

    def start(self, nimg: int, total_nimg: int) -> None:
        """Training begins at ``nimg`` now."""
        self.started = self.updated = time.monotonic()
        self.first_nimg, self.nimg, self.total_nimg = nimg, nimg, total_nimg

    def seconds(self) -> float:
        """Since ``start``."""
        return time.monotonic() - self.started

    def say(self, text: str) -> None:
        """One line for the person. If it cannot be written any more, training goes on silently."""
        mention(printable(text))

    def note_line(self, step: int, d_loss: Tensor, g_loss: Tensor) -> None:
        """The line that the note prints."""
        self.say(f"Iter: {step}, D: {d_loss.item():.4}, G:{g_loss.item():.4}")

    def wants_update(self) -> bool:
        """Is it time for ``update``? (Reading the losses waits for the device, so not at every step.)"""
        return time.monotonic() - self.updated > self.update_sec

    def update(self, nimg: int, step: int, d_loss: float, g_loss: float) -> None:
        """How far, how fast, how long still."""
        self.updated, self.nimg, self.step = time.monotonic(), nimg, step
        self.show(self.describe(d_loss, g_loss))

    def show(self, text: str) -> None:
        self.say(text)

    def describe(self, d_loss: float, g_loss: float, width: int | None = None) -> str:
        """step 1,250 · 160,000 of 500,000 images · D 1.31 G 0.84 · 7,900 images/s · 0:43 left

        width: characters that there is room for; what matters least is left out first.
        """
        rate = (self.nimg - self.first_nimg) / max(self.seconds(), 1e-9)
        left = clock(max(self.total_nimg - self.nimg, 0) / rate) if rate else "?"
        parts = {
            "step": f"step {self.step:,}",
            "images": f"{self.nimg:,} of {self.total_nimg:,} images",
            "losses": f"D {d_loss:.3f} G {g_loss:.3f}",
            "rate": f"{rate:,.0f} images/s",
            "left": f"{left} left",
        }
        for name in ("step", "rate", "images", "losses"):
            if width is None or len(" · ".join(parts.values())) <= width:
                break
            del parts[name]
        return " · ".join(parts.values())

    def picture(self, path: Path) -> None:
        """A new grid was drawn."""

    def close(self) -> None:
        """No more updates."""


class Bar(Progress):
    """A progress bar at the bottom of a terminal, with the lines above it."""

    update_sec = 0.25

    def start(self, nimg: int, total_nimg: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        super().start(nimg, total_nimg)
        console = Console(file=cast(TextIO, Careful(sys.stdout)))
        columns = BarColumn(), TextColumn("{task.percentage:>3.0f}% {task.description}")
        # Refreshed by update, not by a thread beside training.
        self.bar = RichProgress(*columns, console=console, auto_refresh=False)
        self.task = self.bar.add_task("", total=total_nimg, completed=nimg)
        self.bar.start()

    def say(self, text: str) -> None:
        if hasattr(self, "bar"):
            line = writable(printable(text), self.bar.console.file)
            self.bar.console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)
        else:
            super().say(text)

    def describe(self, d_loss: float, g_loss: float, width: int | None = None) -> str:
        """In one line of the terminal, as wide as it is now; the bar becomes short before anything is left out."""
        return super().describe(d_loss, g_loss, self.bar.console.width - SHORTEST_BAR - len(" 100% "))

    def show(self, text: str) -> None:
        line = writable(text, self.bar.console.file)
        self.bar.update(self.task, completed=min(self.nimg, self.total_nimg), description=line)
        self.bar.refresh()

    def close(self) -> None:
        if hasattr(self, "bar"):
            self.bar.stop()


class Notebook(Progress):
    """In a notebook's cell: one line and one grid, both replaced as training goes on."""

    update_sec = 1.0

    def start(self, nimg: int, total_nimg: int) -> None:
        from IPython.display import display

        super().start(nimg, total_nimg)
        self.grid: Any = None
        with silenced_at_fault():
            self.line = display({"text/plain": ""}, raw=True, display_id=True)

    def note_line(self, step: int, d_loss: Tensor, g_loss: Tensor) -> None:
        """Not shown: the line tells the same, once a second."""

    def show(self, text: str) -> None:
        with silenced_at_fault():
            self.line.update({"text/plain": harmless(text)}, raw=True)

    def picture(self, path: Path) -> None:
        from IPython.display import Image, display

        with silenced_at_fault():
            if self.grid is None:
                self.grid = display(Image(path), display_id=True)
            else:
                self.grid.update(Image(path))


def choose_progress() -> Progress:
    """The form that fits where the output goes."""
    ipython = sys.modules.get("IPython")  # a notebook has loaded it; nobody else needs to
    if ipython is not None and hasattr(ipython.get_ipython(), "kernel"):
        return Notebook()
    return Bar() if draws(sys.stdout) else Progress()


def draws(file: TextIO | None) -> bool:
    """Is it a terminal that has the characters of a bar and of its line?"""
    text = "━╸…·"
    try:
        return file is not None and file.isatty() and writable(text, file) == text
    except (AttributeError, ValueError):  # what stands in stdout's place may have no such method; or it is closed
        return False


def clock(seconds: float) -> str:
    """75 -> 1:15; 3,700 -> 1:01:40."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
