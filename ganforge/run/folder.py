"""The run folder: the one place that knows what its files are called. docs/run-folder.md describes it for readers.

config.json                 the settings, the data's facts and the environment
status.json                 running, finished, stopped or failed, and how far
stats.jsonl                 one row a report
metrics.jsonl               one record of figures a snapshot (docs/metrics.md)
taken-back.jsonl            those that are no part of the log any more, of snapshots that are still there
evaluation-<nimg>-<protocol>.json   what `ganforge evaluate` measured; nearest-<nimg>.png beside it
reals.png                   real pictures, laid out like the fakes
fakes-<nimg>.png            G's pictures of the same noise at every report
evolution.webp              those pictures as an animation
report.html                 what `ganforge report` wrote
snapshots/<nimg>.safetensors     G's weights, for use
checkpoints/<nimg>.safetensors   everything needed to go on
checkpoints/<nimg>.safetensors.damaged   one that could not be read, set aside
.lock                       held by the process that trains here

Whatever else lies there is not ganforge's: it is neither read nor touched. Nothing is read through a link.
"""

import contextlib
import errno
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.files import is_temporary, read_plain_json, reason, sync, write_text_atomically
from ganforge.base.terminal import printable
from ganforge.base.wording import pasted
from ganforge.data.catalog import folder_name
from ganforge.run.lock import Held, acquire, is_held
from ganforge.run.log import MAX_LOG_BYTES, MAX_METRICS_BYTES, append_row, cut_rows, read_rows, write_rows

SUBFOLDERS = ("snapshots", "checkpoints")
MAX_JSON_BYTES = 16 << 20
"""The most that config.json or status.json may take; a data set's classes stand in the former."""


class RunFolder:
    """Paths and small files of one run. Making the object touches nothing on the disk."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.status = self.path / "status.json"
        self.stats = self.path / "stats.jsonl"
        self.metrics = self.path / "metrics.jsonl"
        self.taken_back = self.path / "taken-back.jsonl"
        self.reals = self.path / "reals.png"
        self.evolution = self.path / "evolution.webp"
        self.report = self.path / "report.html"
        self._lock_file = self.path / ".lock"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def __fspath__(self) -> str:
        """Wherever a run is given by its path, its object will do."""
        return str(self.path)

    def fakes(self, nimg: int) -> Path:
        return self.path / f"fakes-{nimg:09d}.png"

    def snapshot(self, nimg: int) -> Path:
        return self.path / "snapshots" / f"{nimg:09d}.safetensors"

    def checkpoint(self, nimg: int) -> Path:
        return self.path / "checkpoints" / f"{nimg:09d}.safetensors"

    def all_fakes(self) -> list[tuple[int, Path]]:
        """(nimg, path) of every grid, oldest first; likewise for snapshots and checkpoints.

        Only what has exactly the name that ganforge gives, and is a file and no link. Raises OSError where one may not
        look, or where the sub-folder is a link.
        """
        return _plain(_numbered(self.path, self.fakes))

    def all_snapshots(self) -> list[tuple[int, Path]]:
        return _plain(_numbered(self._subfolder("snapshots"), self.snapshot))

    def all_checkpoints(self) -> list[tuple[int, Path]]:
        return _plain(_numbered(self._subfolder("checkpoints"), self.checkpoint))

    def no_checkpoints(self) -> list[tuple[int, Path]]:
        """What has a checkpoint's name and is no file: a folder, link, pipe, device. Raises as ``all_checkpoints``."""
        return _not_plain(_numbered(self._subfolder("checkpoints"), self.checkpoint))

    def no_pictures(self) -> list[tuple[int, Path]]:
        """The same of grids and snapshots, which are passed over."""
        snapshots = _numbered(self._subfolder("snapshots"), self.snapshot)
        return _not_plain(_numbered(self.path, self.fakes)) + _not_plain(snapshots)

    def _subfolder(self, name: str) -> Path:
        folder = self.path / name
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "a link, which is not followed; put the folder itself there", str(folder))
        return folder

    def evaluation(self, nimg: int, protocol_id: str) -> Path:
        return self.path / f"evaluation-{nimg:09d}-{protocol_id}.json"

    def all_evaluations(self) -> list[Path]:
        """What is called like a record that `ganforge evaluate` leaves, by nimg, then by protocol. Raises OSError."""
        pattern = re.compile(r"evaluation-[0-9]{9,}-[0-9a-f]+\.json")
        return sorted(self.path / name for name, _ in _entries(self.path) if pattern.fullmatch(name))

    def nearest(self, nimg: int) -> Path:
        return self.path / f"nearest-{nimg:09d}.png"

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
            made += [path for path in (*reversed(self.path.parents), self.path) if not path.is_dir() and _makes(path)]
            held = acquire(self._lock_file)
            self.refuse_occupied()  # now that no other process can put a run there
            made += [path for name in SUBFOLDERS if _makes(path := self.path / name)]
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
                    self._lock_file.unlink()
            for folder in reversed(made):
                with contextlib.suppress(OSError):  # somebody else has put something there
                    folder.rmdir()

    def make_subfolders(self) -> None:
        """Make those again that somebody has removed. Raises OSError where that is impossible, or one is a link."""
        for name in SUBFOLDERS:
            self._subfolder(name).mkdir(exist_ok=True)

    def refuse_occupied(self) -> None:
        """Raise UserError if the folder already holds a run, or anything else."""
        self._refuse_run()
        for path in (self.path, *self.path.parents):
            if path.is_file():
                raise UserError(f"{path} is a file, not a folder; choose another name with --out.")
        try:
            others = sorted(name for name, plain in _entries(self.path) if not self._is_trace(name, plain))
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
                f"{self.path} already holds a run{self._progress()}; go on with it by "
                f"`ganforge resume {pasted(self.path)}`, or choose another folder with --out."
            )

    def _is_trace(self, name: str, plain: bool) -> bool:
        """Is it what a process leaves that was killed while it made this folder, or gone by now? Raises OSError."""
        path = self.path / name
        try:
            if name in SUBFOLDERS and not path.is_symlink() and path.is_dir():
                return all(plain and is_temporary(inner) for inner, plain in _entries(path))
            return plain and (is_temporary(name) or (path == self._lock_file and not path.stat().st_size))
        except FileNotFoundError:
            return True

    def remove_leftovers(self) -> None:
        """Remove the files that a process was writing here when it was killed. For the holder of the lock, once it is
        going to write. Follows no link, and touches nothing whose whole name ganforge did not make."""
        for name in ("", *SUBFOLDERS):
            with contextlib.suppress(OSError):  # where it cannot be removed, nothing can be saved: that will be said
                folder = self._subfolder(name) if name else self.path
                for inner, plain in _entries(folder):
                    if plain and is_temporary(inner):
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
            raise UserError(
                f"{self.config} is damaged: it does not tell the run's data and environment; put back a copy."
            )
        return content

    def what_is_there(self) -> str:
        """A sentence on a path at which there is no run."""
        if not os.path.lexists(self.path):
            return f"There is no folder {self.path}; check the path."
        if not self.path.is_dir():
            return f"{self.path} is a file, not a run folder; give the folder that a run is in."
        hint = f" It holds runs; give one, such as {runs[0]}." if (runs := self.runs_within()) else ""
        return f"{self.path} is not a run folder: it has no config.json.{hint}"

    def runs_within(self) -> list[Path]:
        """The runs in a folder that is none itself, by name, as far as one may look."""
        return sorted(path.parent for path in self.path.glob("*/config.json"))

    def write_config(self, config: dict[str, Any]) -> None:
        write_text_atomically(self.config, json.dumps(config, indent=2) + "\n")

    def lock(self) -> Held:
        """Hold the folder for one training process: use as a context. Raises UserError if another one holds it."""
        try:
            return acquire(self._lock_file)
        except OSError as error:
            raise UserError(f"The run folder {self.path} cannot be written ({error.strerror}).") from None

    def is_held(self) -> bool:
        """Does a process train here now? Where the system does not tell, yes."""
        return is_held(self._lock_file)

    def write_status(self, state: str, nimg: int, total_nimg: int, reason: str = "") -> None:
        """state: running, finished, stopped or failed; the reason for the last two."""
        status = {"state": state, "nimg": nimg, "total_nimg": total_nimg, "reason": reason}
        status |= {"pid": os.getpid(), "time": time.time()}
        write_text_atomically(self.status, json.dumps(status) + "\n")

    def read_status(self) -> dict[str, Any]:
        """The last status written; empty where there is none yet or it cannot be read."""
        try:
            status = read_plain_json(self.status, MAX_JSON_BYTES)
        except (OSError, ValueError):
            return {}
        return status if isinstance(status, dict) else {}

    def append_row(self, row: dict[str, Any]) -> None:
        """Add one line to stats.jsonl. Raises OSError, with the file's name, where that is impossible."""
        append_row(self.stats, row)

    def append_metrics(self, record: dict[str, Any]) -> None:
        """Add one line to metrics.jsonl, in place of what was taken back of the same snapshot; raises as ``append_row``
        does."""
        append_row(self.metrics, record)
        taken = list(self.taken_back_rows())
        if any(row["nimg"] == record["nimg"] for row in taken):
            write_rows(self.taken_back, [row for row in taken if row["nimg"] != record["nimg"]])

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of stats.jsonl; a line that was cut off by a kill is left out. Raises UserError where it is no log
        of ganforge's."""
        return read_rows(self.stats, MAX_LOG_BYTES)

    def metrics_rows(self) -> Iterator[dict[str, Any]]:
        """The records of metrics.jsonl, likewise."""
        return read_rows(self.metrics, MAX_METRICS_BYTES)

    def taken_back_rows(self) -> Iterator[dict[str, Any]]:
        """The records that ``cut_after`` took out of metrics.jsonl, of snapshots that were there then; likewise."""
        return read_rows(self.taken_back, MAX_METRICS_BYTES)

    def judged_rows(self) -> Iterator[dict[str, Any]]:
        """A record for each snapshot that was judged: those that were taken back, then those of metrics.jsonl."""
        if taken := list(self.taken_back_rows()):
            logged = {row["nimg"] for row in self.metrics_rows()}
            yield from (row for row in taken if row["nimg"] not in logged)
        yield from self.metrics_rows()

    def sync_logs(self) -> None:
        """Bring the logs to the disk. Raises OSError."""
        for path in (self.stats, self.metrics):
            if path.exists():
                sync(path)

    def cut_after(self, nimg: int, measured_nimg: int) -> None:
        """Take away the rows and grids made after ``nimg`` images, and the figures after ``measured_nimg``: a run that
        goes on from there makes them anew, or, where it is longer now, others. The figures of snapshots, which stay,
        go to taken-back.jsonl: the best snapshot is the best of all that were judged."""
        there = {at for at, _ in self.all_snapshots()}
        taken = {row["nimg"]: row for row in self.judged_rows() if row["nimg"] in there}
        kept = {row["nimg"] for row in self.metrics_rows() if row["nimg"] <= measured_nimg}
        if self.taken_back.exists() or taken.keys() - kept:
            write_rows(self.taken_back, [row for at, row in sorted(taken.items()) if at not in kept])
        cut_rows(self.stats, MAX_LOG_BYTES, nimg)
        cut_rows(self.metrics, MAX_METRICS_BYTES, measured_nimg)
        for at, path in self.all_fakes():
            if at > nimg:
                path.unlink()

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


def _makes(folder: Path) -> bool:
    """Make the folder; False where another process has made it a moment ago. Raises OSError."""
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
        return False
    return True


def usual_place(recipe: str, data: str) -> Path:
    """Where a run goes that was given no folder: runs/<recipe>-<data>, with a number where that is taken."""
    return next_free(Path("runs"), f"{recipe}-{folder_name(data)}")


def next_free(parent: Path, name: str) -> Path:
    """``parent/name``, or with -2, -3, ... where that is taken."""
    candidates = (parent / (name if n == 1 else f"{name}-{n}") for n in range(1, 1_000_000))
    return next(path for path in candidates if not os.path.lexists(path))


def _numbered(folder: Path, name_of: Callable[[int], Path]) -> list[tuple[int, Path, bool]]:
    """(nimg, path, is it a plain file?) of whatever has exactly the name that ``name_of`` gives. Raises OSError."""
    found = ((re.search(r"[0-9]{9,18}", name), folder / name, plain) for name, plain in _entries(folder))
    numbers = ((int(number[0]), path, plain) for number, path, plain in found if number is not None)
    return sorted((nimg, path, plain) for nimg, path, plain in numbers if path == name_of(nimg))


def _plain(found: list[tuple[int, Path, bool]]) -> list[tuple[int, Path]]:
    return [(nimg, path) for nimg, path, plain in found if plain]


def _not_plain(found: list[tuple[int, Path, bool]]) -> list[tuple[int, Path]]:
    return [(nimg, path) for nimg, path, plain in found if not plain]


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """(name, is it a plain file?) of what is in a folder; nothing where there is no folder. Raises OSError."""
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.is_file(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return []
