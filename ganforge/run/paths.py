"""What the files of a run folder are called, and which of them are there."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

SUBFOLDERS = ("snapshots", "checkpoints")
TOLD = {"trackers": re.compile(r"[a-z]+\.(json|lock)"), "tensorboard": re.compile(r"events\.out\.tfevents\.[\w.-]+")}
"""Folders of what trackers are told, and the whole names of the files in them."""


class RunPaths:
    """The names in one run folder, which ``ganforge.run.folder`` describes. Making the object touches nothing on the
    disk."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.config = self.path / "config.json"
        self.status = self.path / "status.json"
        self.stats = self.path / "stats.jsonl"
        self.metrics = self.path / "metrics.jsonl"
        self.removed = self.path / "removed.jsonl"
        self.findings = self.path / "findings.jsonl"
        self.best_checkpoint = self.path / "checkpoints" / "best.safetensors"
        self.reals = self.path / "reals.png"
        self.evolution = self.path / "evolution.webp"
        self.report = self.path / "report.html"
        self.lock_file = self.path / ".lock"
        self.trackers = self.path / "trackers"
        self.tensorboard = self.path / "tensorboard"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

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
        return _numbered(self.path, self.fakes)

    def all_snapshots(self) -> list[tuple[int, Path]]:
        return _numbered(self.subfolder("snapshots"), self.snapshot)

    def all_checkpoints(self) -> list[tuple[int, Path]]:
        return _numbered(self.subfolder("checkpoints"), self.checkpoint)

    def no_checkpoints(self) -> list[tuple[int, Path]]:
        """What has a checkpoint's name and is no file: a folder, link, pipe, device. Raises as ``all_checkpoints``."""
        return _numbered(self.subfolder("checkpoints"), self.checkpoint, plain=False)

    def no_pictures(self) -> list[tuple[int, Path]]:
        """The same of grids and snapshots, which are passed over."""
        snapshots = _numbered(self.subfolder("snapshots"), self.snapshot, plain=False)
        return _numbered(self.path, self.fakes, plain=False) + snapshots

    def runs_within(self) -> list[Path]:
        """The runs in a folder that is none itself, by name, as far as one may look."""
        return sorted(path.parent for path in self.path.glob("*/config.json"))

    def subfolder(self, name: str) -> Path:
        folder = self.path / name
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "a link, which is not followed; put the folder itself there", str(folder))
        return folder

    def evaluation(self, nimg: int, protocol_id: str) -> Path:
        return self.path / f"evaluation-{nimg:09d}-{protocol_id}.json"

    def all_evaluations(self) -> list[Path]:
        """What is called like a record that `ganforge evaluate` leaves, by nimg, then by protocol. Raises OSError."""
        pattern = re.compile(r"evaluation-[0-9]{9,}-[0-9a-f]+\.json")
        return sorted(self.path / name for name, _ in entries(self.path) if pattern.fullmatch(name))

    def tracker(self, name: str) -> Path:
        return self.trackers / f"{name}.json"

    def tracker_locks(self) -> list[Path]:
        """Those that are there, held or not; none through a link. Raises OSError."""
        inner = [] if self.trackers.is_symlink() else entries(self.trackers)
        names = (name for name, plain in inner if plain and TOLD["trackers"].fullmatch(name))
        return sorted(self.trackers / name for name in names if name.endswith(".lock"))

    def nearest(self, nimg: int) -> Path:
        return self.path / f"nearest-{nimg:09d}.png"


def makes(folder: Path) -> bool:
    """Make the folder; False where another process has made it a moment ago. Raises OSError."""
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
        return False
    return True


def next_free(parent: Path, name: str) -> Path:
    """``parent/name``, or with -2, -3, ... where that is taken."""
    candidates = (parent / (name if n == 1 else f"{name}-{n}") for n in range(1, 1_000_000))
    return next(path for path in candidates if not os.path.lexists(path))


def _numbered(folder: Path, name_of: Callable[[int], Path], *, plain: bool = True) -> list[tuple[int, Path]]:
    """(nimg, path) of whatever has exactly the name that ``name_of`` gives: of plain files, or else of what is none.
    Raises OSError."""
    found = ((re.search(r"[0-9]{9,18}", name), folder / name) for name, is_file in entries(folder) if is_file == plain)
    numbers = ((int(number[0]), path) for number, path in found if number is not None)
    return sorted((nimg, path) for nimg, path in numbers if path == name_of(nimg))


def entries(folder: Path) -> list[tuple[str, bool]]:
    """(name, is it a plain file?) of what is in a folder; nothing where there is no folder. Raises OSError."""
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.is_file(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return []
