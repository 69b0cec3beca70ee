"""What run folders say of themselves, read with care: whatever a file holds, nothing here raises.

A run is known to the page by its id: its path below the root, with slashes; the root's own name if the root is itself a
run. An id is only ever looked up among the runs that were found, so that no address leads out of the root.
"""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.terminal import printable
from ganforge.run.folder import RunFolder
from ganforge.viewer.read.formatting import duration
from ganforge.viewer.read.untrusted import last_row, mapping, number, read_object, string, whole

MAX_DEPTH = 3
"""Folders between the root and a run, the run's own included."""
MAX_RUNS, MOST_COUNTED = 2_000, 100_000
"""Runs that are shown, and those beyond them that are counted."""
MAX_GRIDS = 10_000
"""Of a run, shown."""
LONGEST_SEC = 1e10
"""What is said to take longer than this, three hundred years, is not believed."""
MOST_FINDINGS, MOST_WRONG = 100, 3
"""Findings of status.json that are looked at, and those that the list names."""
STATES = ("running", "finished", "stopped", "failed")


@dataclass(frozen=True)
class RunSummary:
    """A run in the list.

    data: the data set's name, or what own pictures are called, without their place. state: running, finished, stopped,
    failed, killed (status.json says running, but no process holds the folder), or unknown. reason: for stopped and
    failed. eta_sec: seconds left, only while running. thumbnail: nimg of the newest grid. changed: when status.json was
    written, seconds since 1970. complaints: what is wrong with the folder's files. wrong: what goes wrong in the
    training by its own word, in a few words each: the grave findings that last.
    """

    id: str
    folder: RunFolder
    recipe: str
    data: str
    state: str
    reason: str
    nimg: int
    total_nimg: int
    eta_sec: float | None
    thumbnail: int | None
    changed: float
    complaints: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of its length, 0 to 1."""
        return min(1.0, self.nimg / self.total_nimg) if self.total_nimg else 0.0

    def progress(self) -> str:
        """12,800 of 60,032 images, 3 min left"""
        left = f", {duration(self.eta_sec)} left" if self.eta_sec is not None else ""
        return f"{self.nimg:,} of {self.total_nimg:,} images{left}"


def newest_first(folders: Mapping[str, RunFolder]) -> list[RunSummary]:
    """The runs of ``find_folders``."""
    runs = [summarise(run_id, folder) for run_id, folder in folders.items()]
    return sorted(runs, key=lambda run: (-run.changed, run.id))


def find_folders(root: Path) -> tuple[dict[str, RunFolder], int]:
    """id -> folder of the runs, each a folder with a config.json, and not what is in it; and how many more there are
    than ``MAX_RUNS``, as far as they are counted. Symbolic links are not followed."""
    if _is_run(root):
        return {printable(root.resolve().name) or "run": RunFolder(root)}, 0
    found: dict[str, RunFolder] = {}
    more = 0
    for path in _below(root, MAX_DEPTH):
        run_id = printable(path.relative_to(root).as_posix())
        if len(found) < MAX_RUNS:
            found[run_id] = RunFolder(path)
        else:
            more += 1
        if more == MOST_COUNTED:
            break
    return found, more


def summarise(run_id: str, folder: RunFolder) -> RunSummary:
    """What the small files say; of the log only the end is read."""
    complaints: list[str] = []
    config = read_object(folder.config, complaints)
    settings = mapping(config.get("settings"))
    if not settings and not complaints:
        complaints.append("config.json holds no settings.")
    data = string(mapping(config.get("data")).get("name")) or string(settings.get("data"), "?")
    status = read_object(folder.status, complaints) if os.path.lexists(folder.status) else {}
    state = status.get("state") if status.get("state") in STATES else "unknown"
    nimg, total = whole(status.get("nimg")), whole(status.get("total_nimg")) or whole(settings.get("total_nimg"))
    changed = number(status.get("time")) or _changed(folder.config)
    if state == "running" and not folder.is_held():
        state = "killed"
    return RunSummary(
        run_id, folder, string(settings.get("recipe"), "?"), data, str(state),
        string(status.get("reason")), nimg, total,
        _eta_sec(folder, nimg, total, changed) if state == "running" else None,
        max((at for at, _ in grids(folder)), default=None), changed, tuple(complaints), _wrong(status),
    )  # fmt: skip


def badge(state: str, *, went_wrong: bool) -> tuple[str, str]:
    """(words, class of the page's style) of a run's state: `finished, and it went wrong`."""
    if not went_wrong or state in ("failed", "unknown"):
        return state, state
    return f"{state}, and it {'went' if state == 'finished' else 'goes'} wrong", "wrong"


def _wrong(status: Mapping[str, Any]) -> tuple[str, ...]:
    """The titles of the grave findings in status.json, ``MOST_WRONG`` at most."""
    findings = status.get("findings")
    found = [mapping(one) for one in findings[:MOST_FINDINGS]] if isinstance(findings, list) else []
    titles = [string(one.get("title")) for one in found if one.get("grave") is True]
    return tuple(title for title in titles if title)[:MOST_WRONG]


def grids(folder: RunFolder) -> list[tuple[int, Path]]:
    """(nimg, path) of the grids of fakes, oldest first; empty where the folder cannot be read."""
    try:
        return folder.all_fakes()
    except OSError:
        return []


def _eta_sec(folder: RunFolder, nimg: int, total: int, changed: float) -> float | None:
    """By the speed of the last report, and what has gone by since."""
    rate = number(last_row(folder.stats).get("Timing/images_per_sec"))
    if not rate or rate <= 0 or total / rate > LONGEST_SEC:
        return None
    return max(0.0, max(0, total - nimg) / rate - max(0.0, time.time() - changed))


def _below(folder: Path, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False) and not e.name.startswith("."))
    except OSError:
        return
    for name in names:
        path = folder / name
        if _is_run(path):
            yield path
        elif depth > 1:
            yield from _below(path, depth - 1)


def _is_run(folder: Path) -> bool:
    try:
        return RunFolder(folder).exists()
    except UserError:
        return False


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
