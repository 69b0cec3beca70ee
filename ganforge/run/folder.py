"""The run folder: the one place that knows what its files are called. docs/run-folder.md describes it for readers.

config.json                 the settings, the data's facts and the environment
status.json                 running, finished, stopped or failed, and how far
stats.jsonl                 one row a report
metrics.jsonl               one record of figures a snapshot (docs/metrics.md)
evaluation-<nimg>-<protocol>.json   what `ganforge evaluate` measured; nearest-<nimg>.png beside it
reals.png                   real pictures, laid out like the fakes
fakes-<nimg>.png            G's pictures of the same noise at every report
evolution.webp              those pictures as an animation
report.html                 what `ganforge report` wrote
snapshots/<nimg>.safetensors     G's weights, for use
checkpoints/<nimg>.safetensors   everything needed to go on
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ganforge.base.errors import UserError
from ganforge.base.files import write_text_atomically
from ganforge.base.wording import pasted

SUBFOLDERS = ("snapshots", "checkpoints")


class RunFolder:
    """Paths and small files of one run. Making the object touches nothing on the disk."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.status = self.path / "status.json"
        self.stats = self.path / "stats.jsonl"
        self.metrics = self.path / "metrics.jsonl"
        self.reals = self.path / "reals.png"
        self.evolution = self.path / "evolution.webp"
        self.report = self.path / "report.html"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def fakes(self, nimg: int) -> Path:
        return self.path / f"fakes-{nimg:09d}.png"

    def snapshot(self, nimg: int) -> Path:
        return self.path / "snapshots" / f"{nimg:09d}.safetensors"

    def checkpoint(self, nimg: int) -> Path:
        return self.path / "checkpoints" / f"{nimg:09d}.safetensors"

    def all_fakes(self) -> list[tuple[int, Path]]:
        """(nimg, path) of every grid, oldest first; likewise for snapshots and checkpoints."""
        return _numbered(self.path, "fakes-*.png")

    def all_snapshots(self) -> list[tuple[int, Path]]:
        return _numbered(self.path / "snapshots", "*.safetensors")

    def all_checkpoints(self) -> list[tuple[int, Path]]:
        return _numbered(self.path / "checkpoints", "*.safetensors")

    def evaluation(self, nimg: int, protocol_id: str) -> Path:
        return self.path / f"evaluation-{nimg:09d}-{protocol_id}.json"

    def all_evaluations(self) -> list[Path]:
        """The records that `ganforge evaluate` left, by nimg, then by protocol."""
        return sorted(self.path.glob("evaluation-*-*.json"))

    def nearest(self, nimg: int) -> Path:
        return self.path / f"nearest-{nimg:09d}.png"

    def exists(self) -> bool:
        """Is there a run in this folder? Raises UserError where one may not look."""
        try:
            return self.config.is_file()
        except OSError as error:
            raise UserError(f"The run folder {self.path} cannot be read: {error.strerror}.") from None

    def create(self, config: dict[str, Any]) -> None:
        """Make the folder and write config.json. Raises UserError where that is impossible or something is there."""
        self.refuse_occupied()
        wanted = (*reversed(self.path.parents), self.path, *(self.path / name for name in SUBFOLDERS))
        made: list[Path] = []
        try:
            for folder in wanted:
                if not folder.is_dir():
                    folder.mkdir()
                    made.append(folder)
            self.write_config(config)
        except OSError as error:
            for folder in reversed(made):
                with contextlib.suppress(OSError):  # somebody else has put something there
                    folder.rmdir()
            raise UserError(
                f"The run folder {self.path} cannot be written ({error.strerror}); choose another with --out."
            ) from None

    def make_subfolders(self) -> None:
        """Make those again that somebody has removed. Raises OSError where that is impossible."""
        for name in SUBFOLDERS:
            (self.path / name).mkdir(exist_ok=True)

    def refuse_occupied(self) -> None:
        """Raise UserError if the folder already holds a run, or anything else."""
        if self.exists():
            raise UserError(
                f"{self.path} already holds a run{self._progress()}; go on with it by "
                f"`ganforge resume {pasted(self.path)}`, or choose another folder with --out."
            )
        for path in (self.path, *self.path.parents):
            if path.is_file():
                raise UserError(f"{path} is a file, not a folder; choose another name with --out.")
        try:
            occupied = self.path.exists() and any(
                p.name not in ("snapshots", "checkpoints") and not p.name.startswith(".") for p in self.path.iterdir()
            )
        except OSError as error:
            raise UserError(f"The run folder {self.path} cannot be read: {error.strerror}.") from None
        if occupied:
            raise UserError(f"{self.path} is not empty and holds no run; choose another folder with --out.")

    def read_config(self) -> dict[str, Any]:
        """What config.json holds. Raises UserError where this is no run folder or the file is damaged."""
        if not self.exists():
            raise UserError(f"{self.path} is not a run folder: it has no config.json.")
        try:
            content = json.loads(self.config.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
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

    def write_config(self, config: dict[str, Any]) -> None:
        write_text_atomically(self.config, json.dumps(config, indent=2) + "\n")

    def lock(self) -> contextlib.AbstractContextManager[object]:
        """Hold the folder for one training process: use as a context. Raises UserError if another one holds it.

        The operating system gives the lock back when the process ends, however it ends.
        """
        try:
            held = FileLock(self.path / ".lock").acquire(timeout=0)
        except Timeout:
            raise UserError(f"Another process is training in {self.path}; wait for it, or stop it first.") from None
        except OSError as error:
            raise UserError(f"The run folder {self.path} cannot be written ({error.strerror}).") from None
        for leftover in [*self.path.glob(".*-*"), *self.path.glob("*/.*-*")]:
            with contextlib.suppress(OSError):  # where it cannot be removed, nothing can be saved: that will be said
                leftover.unlink()  # a temporary file of a process that was killed while writing
        return held

    def is_held(self) -> bool:
        """Does a process train here now? Where the system does not tell, yes.

        Asking takes a shared lock for a moment, so that `resume` in that very moment would be told to wait.
        """
        try:
            import fcntl
        except ImportError:  # Windows: a file that is locked cannot be removed, nor asked about
            return True
        try:
            with (self.path / ".lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def write_status(self, state: str, nimg: int, total_nimg: int, reason: str = "") -> None:
        """state: running, finished, stopped or failed; the reason for the last two."""
        status = {"state": state, "nimg": nimg, "total_nimg": total_nimg, "reason": reason}
        status |= {"pid": os.getpid(), "time": time.time()}
        write_text_atomically(self.status, json.dumps(status) + "\n")

    def read_status(self) -> dict[str, Any]:
        """The last status written; empty where there is none yet or it cannot be read."""
        try:
            status = json.loads(self.status.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return status if isinstance(status, dict) else {}

    def append_row(self, row: dict[str, Any]) -> None:
        """Add one line to stats.jsonl. Raises OSError, with the file's name, where that is impossible."""
        _append_line(self.stats, row)

    def append_metrics(self, record: dict[str, Any]) -> None:
        """Add one line to metrics.jsonl; raises as ``append_row`` does."""
        _append_line(self.metrics, record)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of stats.jsonl; a line that was cut off by a kill is left out."""
        return _read_lines(self.stats)

    def metrics_rows(self) -> Iterator[dict[str, Any]]:
        """The records of metrics.jsonl, likewise."""
        return _read_lines(self.metrics)

    def cut_after(self, nimg: int, measured_nimg: int) -> None:
        """Take away the rows and grids made after ``nimg`` images, and the figures after ``measured_nimg``: a run that
        goes on from there makes them anew."""
        for path, last in ((self.stats, nimg), (self.metrics, measured_nimg)):
            if path.exists():
                kept = "".join(json.dumps(row) + "\n" for row in _read_lines(path) if row["nimg"] <= last)
                write_text_atomically(path, kept)
        for at, path in self.all_fakes():
            if at > nimg:
                path.unlink()

    def _progress(self) -> str:
        status = self.read_status()
        return f" ({status['nimg']:,} of {status['total_nimg']:,} images)" if "nimg" in status else ""


def next_free(parent: Path, name: str) -> Path:
    """``parent/name``, or with -2, -3, ... where that is taken."""
    candidates = (parent / (name if n == 1 else f"{name}-{n}") for n in range(1, 1_000_000))
    return next(path for path in candidates if not path.exists())


def _append_line(path: Path, row: dict[str, Any]) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(row) + "\n")
    except OSError as error:
        error.filename = str(path)
        raise


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and isinstance(row.get("nimg"), int):
            yield row


def _numbered(folder: Path, pattern: str) -> list[tuple[int, Path]]:
    """Files such as fakes-000032000.png, by their number."""
    found = ((path.stem.rpartition("-")[2], path) for path in folder.glob(pattern))
    return sorted((int(number), path) for number, path in found if number.isdecimal())
