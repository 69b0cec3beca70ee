"""The run folder: the one place that knows what its files are called. docs/run-folder.md describes it for readers.

config.json                 the settings, the data's facts and the environment
status.json                 running, finished, stopped or failed, and how far
stats.jsonl                 one row a report
metrics.jsonl               one record of figures a snapshot (docs/metrics.md)
removed.jsonl               those that are no part of the log any more, of snapshots that are still there
findings.jsonl              one line a trouble found, or over (docs/troubleshooting.md)
evaluation-<nimg>-<protocol>.json   what `ganforge evaluate` measured; nearest-<nimg>.png beside it
reals.png                   real pictures, laid out like the fakes
fakes-<nimg>.png            G's pictures of the same noise at every report
evolution.webp              those pictures as an animation
report.html                 what `ganforge report` wrote
snapshots/<nimg>.safetensors     G's weights, for use
checkpoints/<nimg>.safetensors   everything needed to go on
checkpoints/best.safetensors     that of the best figures, to go back to (--on-trouble mend)
checkpoints/<nimg>.safetensors.damaged   one that could not be read, set aside
trackers/<name>.json        how far a tracker has come (docs/trackers.md)
trackers/<name>.lock        held by the process that tells it
tensorboard/                TensorBoard's own files
.lock                       held by the process that trains here

Whatever else lies there is not ganforge's: it is neither read nor touched. Nothing is read through a link.
"""

import contextlib
import json
import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.files import is_temporary, read_plain_json, reason, write_text_atomically
from ganforge.base.terminal import printable
from ganforge.base.wording import pasted
from ganforge.data.catalog import HUB
from ganforge.run.lock import Held, acquire, held_of, is_held
from ganforge.run.logs import RunLogs
from ganforge.run.paths import SUBFOLDERS, entries, makes, next_free

NO_RUN = "{0} is a snapshot, not a run folder; train on from it by `ganforge train RECIPE --init-from {0}`."
MAX_JSON_BYTES = 16 << 20
"""The most that config.json or status.json may take; a data set's classes stand in the former."""


class RunFolder(RunLogs):
    """Paths and small files of one run. Making the object touches nothing on the disk."""

    def exists(self) -> bool:
        """Is there a run in this folder? Raises UserError where one may not look."""
        try:
            return not stat.S_ISDIR(self.config.lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise UserError(f"The run folder {self.path} cannot be read: {error.strerror}.") from None

    def create(self, config: dict[str, Any]) -> Held:
        """Make the folder, lock it as ``lock`` does, and write config.json: use as a context.

        Raises UserError, and leaves nothing, where that is impossible, something is there, or another process makes a
        run there at the same time.
        """
        self.refuse_occupied()
        made: list[Path] = []
        held: Held | None = None
        try:
            for path in (*reversed(self.path.parents), self.path):
                if not path.is_dir() and makes(path):
                    made.append(path)
            held = acquire(self.lock_file)
            self.refuse_occupied()  # now that no other process can put a run there
            for name in SUBFOLDERS:
                if makes(self.path / name):
                    made.append(self.path / name)
            self.remove_leftovers()
            self.write_config(config)
        except BaseException as error:
            self._unmake(made, held)
            if not isinstance(error, OSError):
                raise
            raise UserError(
                f"The run folder {self.path} cannot be written ({error.strerror}); choose another with --out."
            ) from None
        return held

    def _unmake(self, made: list[Path], held: Held | None) -> None:
        """Take away what ``create`` made, and give the lock back."""
        with held or contextlib.nullcontext():
            if held is not None and self.path in made:
                with contextlib.suppress(OSError):
                    self.lock_file.unlink()
            for folder in reversed(made):
                with contextlib.suppress(OSError):  # somebody else has put something there
                    folder.rmdir()

    def make_subfolders(self) -> None:
        """Make those again that somebody has removed. Raises OSError where that is impossible, or one is a link."""
        for name in SUBFOLDERS:
            self.subfolder(name).mkdir(exist_ok=True)

    def make_trackers(self) -> None:
        """The folder of what trackers have taken. Raises OSError where that is impossible, or it is a link."""
        self.subfolder(self.trackers.name).mkdir(exist_ok=True)

    def hold_tracker(self, name: str, wait_sec: float) -> Held:
        """Be the one process that tells a tracker of this run: use as a context. Raises OSError, and UserError where
        another one is still at it after ``wait_sec``."""
        self.subfolder(self.trackers.name)
        return acquire(self.trackers / f"{name}.lock", wait_sec=wait_sec)

    def refuse_occupied(self) -> None:
        """Raise UserError if the folder already holds a run, or anything else."""
        self._refuse_run()
        for path in (self.path, *self.path.parents):
            if path.is_file():
                raise UserError(f"{path} is a file, not a folder; choose another name with --out.")
        try:
            others = sorted(name for name, plain in entries(self.path) if not self._is_trace(name, plain))
        except OSError as error:
            raise UserError(f"The run folder {self.path} cannot be read: {error.strerror}.") from None
        self._refuse_run()  # another process may have made one meanwhile
        if others:
            held = ", ".join(printable(name) for name in others[:3]) + ", ..." * (len(others) > 3)
            raise UserError(
                f"{self.path} is not empty and holds no run (but {held}); choose another folder with --out."
            )

    def _refuse_run(self) -> None:
        if self.exists():
            raise UserError(
                f"{self.path} already holds a run{self._progress()}; continue it with "
                f"`ganforge resume {pasted(self.path)}`, or choose another folder with --out."
            )

    def _is_trace(self, name: str, plain: bool) -> bool:
        """Is it what a process leaves that was killed while it made this folder, or gone by now? Raises OSError."""
        path = self.path / name
        try:
            if name in SUBFOLDERS and not path.is_symlink() and path.is_dir():
                return all(plain and is_temporary(inner) for inner, plain in entries(path))
            return plain and (is_temporary(name) or (path == self.lock_file and not path.stat().st_size))
        except FileNotFoundError:
            return True

    def remove_leftovers(self) -> None:
        """Remove the files that a process was writing here when it was killed. For the holder of the lock, once it is
        going to write. Where a tracker is still told, its file may be in the making: these stay then. Follows no link,
        and touches nothing whose whole name ganforge did not make."""
        for name in ("", *SUBFOLDERS, self.trackers.name):
            with contextlib.suppress(OSError):  # where it cannot be removed, nothing can be saved: that will be said
                folder = self.subfolder(name) if name else self.path
                told = folder == self.trackers and held_of(self.tracker_locks())
                for inner, plain in entries(folder):
                    if plain and is_temporary(inner) and not told:
                        (folder / inner).unlink()

    def read_config(self) -> dict[str, Any]:
        """What config.json holds. Raises UserError where this is no run folder or the file is damaged."""
        if not self.exists():
            raise UserError(self.what_is_there())
        try:
            content = read_plain_json(self.config, MAX_JSON_BYTES)
        except OSError as error:
            raise UserError(f"{reason(error)}; put back a copy of the run's config.json.") from None
        except ValueError as error:
            raise UserError(f"{self.config} cannot be read as JSON ({error}); put back a copy of it.") from None
        if not isinstance(content, dict) or not isinstance(content.get("settings"), dict):
            raise UserError(f"{self.config} holds no settings, so this is not a run folder of ganforge's.")
        past = content.get("environment")
        known = isinstance(past, list) and past and isinstance(past[-1], dict)
        if not known or not isinstance(content.get("data"), dict):
            raise UserError(f"{self.config} is damaged: it lacks the run's data and environment; put back a copy.")
        return content

    def what_is_there(self) -> str:
        """A sentence on a path at which there is no run."""
        if not os.path.lexists(self.path):
            hub = f"{self.path}".startswith(HUB)
            return NO_RUN.format(self.path) if hub else f"There is no folder {self.path}; check the path."
        if not self.path.is_dir():
            return f"{self.path} is a file, not a run folder; give the folder that a run is in."
        hint = f" It holds runs; give one, such as {runs[0]}." if (runs := self.runs_within()) else ""
        return f"{self.path} is not a run folder: it has no config.json.{hint}"

    def write_config(self, config: dict[str, Any]) -> None:
        write_text_atomically(self.config, json.dumps(config, indent=2) + "\n")

    def lock(self) -> Held:
        """Hold the folder for one training process: use as a context. Raises UserError if another one holds it."""
        try:
            return acquire(self.lock_file)
        except OSError as error:
            raise UserError(f"The run folder {self.path} cannot be written ({error.strerror}).") from None

    def is_held(self) -> bool:
        """Does a process train here now? Where the system does not tell, yes."""
        return is_held(self.lock_file)

    def write_status(
        self, state: str, nimg: int, total_nimg: int, reason: str = "", findings: Sequence[dict[str, Any]] = ()
    ) -> None:
        """state: running, finished, stopped or failed; the reason for the last two. findings: what is wrong now."""
        status = {"state": state, "nimg": nimg, "total_nimg": total_nimg, "reason": reason, "findings": [*findings]}
        status |= {"pid": os.getpid(), "time": time.time()}
        write_text_atomically(self.status, json.dumps(status) + "\n")

    def read_status(self) -> dict[str, Any]:
        """The last status written; empty where there is none yet or it cannot be read."""
        try:
            status = read_plain_json(self.status, MAX_JSON_BYTES)
        except (OSError, ValueError):
            return {}
        return status if isinstance(status, dict) else {}

    def set_aside(self, path: Path) -> Path:
        """Rename a checkpoint that is of no use, so that it counts no more and is not lost; returns its new name.
        Raises OSError."""
        aside = next_free(path.parent, f"{path.name}.damaged")
        path.rename(aside)
        return aside

    def signs_of_progress(self) -> list[str]:
        """What shows that training has begun here, in words: `5 rows in stats.jsonl`. Raises OSError, UserError."""
        nimg = self.read_status().get("nimg")
        status = [f"{nimg:,} images in status.json"] if type(nimg) is int and nimg > 0 else []
        counts = {
            "in stats.jsonl": ("row", sum(1 for _ in self.rows())),
            "in metrics.jsonl": ("record", sum(1 for _ in self.metrics_rows())),
            "of pictures": ("grid", len(self.all_fakes())),
            "in snapshots": ("file", len(self.all_snapshots())),
        }
        return status + [f"{n:,} {what}{'s' * (n > 1)} {where}" for where, (what, n) in counts.items() if n]

    def _progress(self) -> str:
        status = self.read_status()
        nimg, total = status.get("nimg"), status.get("total_nimg")
        return f" ({nimg:,} of {total:,} images)" if type(nimg) is int and type(total) is int else ""
