"""One watcher for all clients: however many look at a run, its files are read once a second at most."""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from ganforge.metrics.trend import BestSoFar
from ganforge.run.folder import RunFolder
from ganforge.viewer.read.figure_history import FigureReader
from ganforge.viewer.read.run_summary import MAX_RUNS, MOST_COUNTED, RunSummary, find_folders, newest_first
from ganforge.viewer.read.run_view import RunView

FRESH_SEC = 0.9
AGAIN_SEC = 0.1
"""Where a run is not found, the folder is looked through again, unless it was so lately."""
MAX_VIEWS = 24
"""Runs whose whole log is kept in memory; the one that was not looked at for longest goes first."""
FIGURES_SEC = 0.4
"""Time for reading figures in one look at the list; what is not read then is read at the next look."""

T = TypeVar("T")


class Once(Generic[T]):
    """What ``make`` gives, made in a thread when somebody asks and the last one is older than ``FRESH_SEC``."""

    def __init__(self, make: Callable[[], T]) -> None:
        self.make = make
        self.value: T | None = None
        self.made_at = float("-inf")
        self.lock = asyncio.Lock()

    async def get(self) -> T:
        """The newest value; whoever asks while it is made waits for it."""
        async with self.lock:
            if self.value is None or time.monotonic() - self.made_at > FRESH_SEC:
                self.value = await asyncio.to_thread(self.make)
                self.made_at = time.monotonic()
            return self.value


class Catalogue:
    """The runs in a folder, as the pages see them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.more = 0
        """Runs that are there, too, and not shown."""
        self._folders: dict[str, RunFolder] = {}
        self._found_at = float("-inf")
        self._lock = threading.Lock()
        self._figures: dict[str, FigureReader] = {}
        self._list = Once(self._summarise_all)
        self._views: OrderedDict[str, Once[RunView]] = OrderedDict()

    def folders(self, *, again: bool = False) -> dict[str, RunFolder]:
        """id -> folder of every run that is there now. again: looked for again, for a run that is not known, and may
        have begun since the last look."""
        with self._lock:
            if time.monotonic() - self._found_at > (AGAIN_SEC if again else FRESH_SEC):
                self._folders, self.more = find_folders(self.root)
                self._found_at = time.monotonic()
            return self._folders

    def left_out(self) -> str:
        """A sentence on the runs that are not shown; empty where all are."""
        if not self.more:
            return ""
        more = f"more than {self.more:,}" if self.more >= MOST_COUNTED else f"{self.more:,}"
        place = "watch a folder within this one to see those"
        return f"Shown: {MAX_RUNS:,} runs, the first by name. Left out: {more}; {place}."

    def folder(self, run_id: str) -> RunFolder | None:
        """The run of that id; None where there is none."""
        return self.folders().get(run_id) or self.folders(again=True).get(run_id)

    async def runs(self) -> list[tuple[RunSummary, BestSoFar | None]]:
        """The list, the newest first, each with its best figure as far as that is known yet."""
        return await self._list.get()

    async def view(self, run_id: str) -> RunView | None:
        """A run with its whole log; None where there is no such run (any more)."""
        folder = self.folder(run_id)
        if folder is None:
            self._views.pop(run_id, None)
            return None
        if run_id not in self._views:
            reader = RunView(run_id, folder)
            self._views[run_id] = Once(reader.look)
            while len(self._views) > MAX_VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end(run_id)
        return await self._views[run_id].get()

    def _summarise_all(self) -> list[tuple[RunSummary, BestSoFar | None]]:
        folders = self.folders()
        listed = newest_first(folders)
        deadline = time.monotonic() + FIGURES_SEC
        for run_id in self._figures.keys() - folders.keys():
            del self._figures[run_id]
        # Those that were never read come last, so that the known ones stay up to date.
        for run_id in sorted(folders, key=lambda run_id: run_id not in self._figures):
            if time.monotonic() > deadline:
                break
            self._figures.setdefault(run_id, FigureReader(folders[run_id], keeps_points=False)).look()
        return [(run, self._figures[run.id].best_so_far() if run.id in self._figures else None) for run in listed]
