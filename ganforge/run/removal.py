"""Taking a run away, and giving it another place. Only what is the run's own is ever deleted."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.base.errors import RunError, UserError
from ganforge.base.file_marks import is_marked
from ganforge.base.files import is_temporary, reason
from ganforge.base.stopping import poll
from ganforge.run.folder import RunFolder
from ganforge.run.lock import held_of
from ganforge.run.paths import SUBFOLDERS, TOLD, entries

LAST = ("status.json", "config.json", ".lock")
"""Removed last, in this order: until then what is left is a run, of which the rest can be removed."""

FOLDERS = (*SUBFOLDERS, *TOLD)


@dataclass(frozen=True)
class Content:
    """own: the run's own files, in the order in which they are removed. foreign: names of all else that is there,
    below the folder; of another folder's content only its name. size: bytes of the own files."""

    own: list[Path]
    foreign: list[str]
    size: int


def content_of(folder: RunFolder) -> Content:
    """What lies in a run folder. Follows no link. Raises OSError where one may not look."""
    own: list[Path] = []
    foreign: list[str] = []
    evaluations = folder.all_evaluations()
    for parent in ("", *FOLDERS):
        if parent and (folder.path / parent).is_symlink():
            continue  # told above as foreign
        for name, plain in sorted(entries(folder.path / parent)):
            path = folder.path / parent / name
            if plain and (is_own(folder, path) or (path in evaluations and is_marked(path))):
                own.append(path)
            elif parent or name not in FOLDERS or not _is_folder(path):
                foreign.append(path.relative_to(folder.path).as_posix())
    own.sort(key=lambda path: LAST.index(path.name) if path.name in LAST else -1)
    return Content(own, foreign, sum(path.lstat().st_size for path in own))


def is_own(folder: RunFolder, path: Path) -> bool:
    """Is this the whole name of a file that training writes into a run folder, or of one that evaluating and reporting
    do, and bears that one their mark? For plain files but records of figures. Raises OSError."""
    if is_temporary(path.name):
        return True
    if told := TOLD.get(path.relative_to(folder.path).parent.as_posix()):
        return told.fullmatch(path.name) is not None
    if path == folder.best_checkpoint:
        return True
    if path.parent != folder.path:
        weights, number = re.sub(r"\.damaged(-[0-9]+)?$", "", path.name), _number(path.name)
        named = folder.snapshot if path.parent.name == "snapshots" and weights == path.name else folder.checkpoint
        return path.parent / weights == named(number)
    number = _number(path.name)
    if path in (folder.report, folder.nearest(number)):
        return is_marked(path)
    logs = (folder.stats, folder.metrics, folder.removed, folder.findings)
    texts = (folder.config, folder.status, *logs, folder.lock_file)
    return path in (*texts, folder.reals, folder.evolution, folder.fakes(number))


def removable(path: Path, check: Callable[[dict[str, Any]], object]) -> RunFolder:
    """The run in a folder that may be removed or moved. Raises UserError for a link, for what is no run, and for one
    that a process trains in now or tells a tracker of, or that cannot be written.

    check: raises UserError for settings that are not ganforge's. Another program's folder may have files of a run's
    names; nothing is written into it, not even a lock.
    """
    if path.is_symlink():
        raise UserError(f"{path} is a link; give the run folder itself.")
    folder = RunFolder(path)
    if not folder.exists():
        raise UserError(folder.what_is_there())
    try:
        check(folder.read_config()["settings"])
    except UserError as error:
        raise UserError(
            f"{path} is neither removed nor moved: {error} If it is a run all the same, remove or move it by hand."
        ) from None
    with _unused(folder):
        return folder


@contextlib.contextmanager
def _unused(folder: RunFolder) -> Iterator[None]:
    """Hold the run's lock, where no tracker is told of the run any more: without it, none begins. Raises UserError."""
    with folder.lock():
        try:
            held = held_of(folder.tracker_locks())
        except OSError as error:
            raise UserError(f"The run folder {folder.path} cannot be written ({reason(error)}).") from None
        if held:
            raise UserError(f"The tracker {held[0].stem} is still told of {folder.path}; wait half a minute for it.")
        yield


def remove_run(folder: RunFolder) -> Content:
    """Delete the run's own files, and the folder where nothing else is in it; returns what there was.

    A request to stop is met between two files. Raises UserError where another process trains there or tells a
    tracker of it, and RunError where a file cannot be deleted; what is left is then still a run, that can be removed
    again.
    """
    with _unused(folder):
        try:
            found = content_of(folder)
            for path in found.own:
                poll()
                path.unlink()
            for place in (*map(folder.path.joinpath, FOLDERS), folder.path):
                _remove_empty(place)
        except OSError as error:
            raise RunError(
                f"The run is not removed as a whole: {reason(error)}; make that possible, and remove it again."
            ) from None
    return found


def move_run(folder: RunFolder, target: Path) -> Path:
    """Give the run folder another path, with all that is in it; returns it. An existing folder takes the run into it.

    Raises UserError where that would replace or change anything else, and where another process trains there or tells a
    tracker of it.
    """
    source = folder.path.resolve()
    if target.is_dir():
        target = target / source.name
    if os.path.lexists(target):
        raise UserError(f"There is something at {target} already; choose another name.")
    place = target.parent.resolve()
    if place.is_relative_to(source):
        raise UserError(f"{target} lies in the run itself; choose another place.")
    if not place.is_dir():
        raise UserError(f"There is no folder {target.parent}; make it first, or choose another place.")
    if RunFolder(place).exists():
        raise UserError(f"{target.parent} is a run, and no run lies in another; choose another place.")
    with _unused(folder):
        try:
            source.rename(place / target.name)
        except OSError as error:
            if error.errno == errno.EXDEV:
                what = f"{target} is on another disk than {folder.path}"
                raise UserError(f"{what}: copy the folder there, then `ganforge runs rm` this one.") from None
            what = f"{folder.path} cannot be moved to {target} ({error.strerror})"
            raise UserError(f"{what}; nothing was changed.") from None
    return target


def size_on_disk(path: Path) -> int:
    """Bytes of all files below a folder, as far as one may look. Links are not followed."""
    total = 0
    for parent, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).lstat().st_size
    return total


def _number(name: str) -> int:
    found = re.search(r"[0-9]{9,18}", name)
    return int(found[0]) if found else 0


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


def _remove_empty(folder: Path) -> None:
    """Raises OSError but where something is left in it, or it is gone or a link."""
    try:
        if not folder.is_symlink():
            folder.rmdir()
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
