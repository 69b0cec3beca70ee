"""The cache of prepared pictures: a folder for each, whole or absent, bounded in all.

<cache>/prepared/<key>/pictures.u8   uint8 [N, C, H, W], nothing else
                       labels.npy    int64 [N], where there are classes
                       names.txt     what each picture is called in its source, a line each
                       facts.json    what it was made of, and the digests
<cache>/prepared/<key>.part/         being made, or left by a process that was killed
<cache>/prepared/<key>.lock          held while <key> is made or removed

Nothing else that lies there is ever touched, and no link is followed; <cache>/prepared itself may be one.
Who reads pictures.u8 holds a shared lock on it (on Windows, open files cannot be removed anyway). No PyTorch here.
"""

import contextlib
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from ganforge.base.errors import UserError
from ganforge.base.files import is_plain, reason
from ganforge.base.sizes import gib
from ganforge.base.stopping import poll
from ganforge.base.user_cache import cache_folder
from ganforge.data.prepared.prepared_facts import read_facts
from ganforge.data.prepared.prepared_files import FACTS, PICTURES, discard, is_own

USUAL_LIMIT_GIB = 20
LIMIT = "GANFORGE_CACHE_GIB"
"""The environment variable that sets another limit."""
LOCK = re.compile(r"[0-9a-f]{32}\.lock")
SPARE_BYTES = 64 << 20
"""Left free on the disk."""
LOCK_EVERY_S = 0.2

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Kept:
    """One prepared set of pictures, as a listing shows it. used: when it was last opened, in seconds since 1970."""

    folder: Path
    size: int
    used: float
    facts: dict[str, Any] | None


def prepared_folder() -> Path:
    return cache_folder("prepared")


def limit_bytes() -> int:
    """What all prepared pictures may take together. Raises UserError where the variable is no number."""
    text = os.environ.get(LIMIT, "") or str(USUAL_LIMIT_GIB)
    try:
        most = float(text)
    except ValueError:
        most = math.nan
    if not 0 < most < 2**30:
        raise UserError(f"{LIMIT} is {text!r}; give the most that prepared pictures may take, in GiB, such as 20.")
    return int(most * 2**30)


def note_use(folder: Path) -> None:
    """Least recently used go first: this one was used now."""
    with contextlib.suppress(OSError):
        os.utime(folder / FACTS)


@contextlib.contextmanager
def locked(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Only one process at a time makes or removes ``folder``; others wait here."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.with_suffix(".lock").is_symlink():
        raise UserError(f"{folder.with_suffix('.lock')} is a link, which ganforge has not made; remove it.")
    lock = FileLock(folder.with_suffix(".lock"))
    said = False
    while True:
        poll()
        try:
            lock.acquire(timeout=LOCK_EVERY_S)
            break
        except Timeout:
            if not said:
                say("Another process is preparing the same pictures: waiting for it.")
                said = True
    try:
        yield
    finally:
        lock.release()


def hold(file: IO[bytes]) -> None:
    """Mark an open pictures.u8 as in use, as long as it, or a memory map of it, is open."""
    if fcntl is not None:
        with contextlib.suppress(OSError):  # a file system without locks: there, "in use" is not known
            fcntl.flock(file, fcntl.LOCK_SH)


def is_in_use(folder: Path) -> bool:
    """Does some process have its pictures open?"""
    return is_locked(folder / PICTURES)


def is_locked(path: Path) -> bool:
    """Does some process ``hold`` the file?"""
    if fcntl is None:
        return False  # then removing fails
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def all_kept(root: Path) -> list[Kept]:
    """All that ganforge has in the cache, what is being made included, the least recently used first. Raises UserError
    where the cache cannot be looked at."""
    kept = []
    try:
        folders = list(root.iterdir()) if root.is_dir() else []
    except OSError as error:
        raise UserError(f"The cache cannot be listed: {reason(error)}; check that you may read it.") from None
    for folder in folders:
        with contextlib.suppress(OSError):
            if not is_own(folder):
                continue
            facts = read_facts(folder) if not folder.suffix else None
            states = [path.lstat() for path in folder.iterdir()]
            newest = max((state.st_mtime for state in states), default=folder.lstat().st_mtime)
            used = (folder / FACTS).lstat().st_mtime if facts is not None else newest
            kept.append(Kept(folder, sum(state.st_size for state in states), used, facts))
    return sorted(kept, key=lambda one: one.used)


def remove(kept: Kept) -> bool:
    """Remove one from the cache, unless some process reads or makes it; True if it is gone.

    It is renamed first, so that nobody finds half of it.
    """
    if kept.folder.with_suffix(".lock").is_symlink():
        return False
    lock = FileLock(kept.folder.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    try:
        if is_in_use(kept.folder) or not is_own(kept.folder):
            return False
        part = kept.folder.with_suffix(".part")
        if kept.folder != part:
            if not discard(part):
                return False
            kept.folder.rename(part)
        return discard(part)
    except OSError:
        return False
    finally:
        lock.release()


def remove_locks(root: Path) -> None:
    """Remove the lock files that belong to nothing any more and that no process holds."""
    with contextlib.suppress(OSError):
        for path in [path for path in root.iterdir() if LOCK.fullmatch(path.name) and is_plain(path)]:
            folder = path.with_suffix("")
            if not (folder.exists() or folder.with_suffix(".part").exists()):
                with contextlib.suppress(Timeout), FileLock(path).acquire(timeout=0):
                    path.unlink()


def make_room(root: Path, needed: int, what: str) -> list[Kept]:
    """Remove the least recently used until ``needed`` more bytes keep to the limit; returns what was removed.

    what: whose bytes they are, for messages. Raises UserError where that is not enough, or the disk is too full.
    """
    limit, removed = limit_bytes(), []
    if needed > limit:
        raise UserError(
            f"{what} would take {gib(needed)}, and prepared pictures may take {gib(limit)} in all; choose a smaller "
            f"--size, or set {LIMIT} to more."
        )
    kept = all_kept(root)
    total = sum(one.size for one in kept)
    for one in kept:
        if total + needed <= limit:
            break
        if remove(one):
            total -= one.size
            removed.append(one)
    if total + needed > limit:
        raise UserError(
            f"{what} would take {gib(needed)}, and other pictures that are in use now take {gib(total)} of the "
            f"{gib(limit)} that all prepared pictures may take; wait for those runs, or set {LIMIT} to more."
        )
    free = shutil.disk_usage(root).free
    if needed + SPARE_BYTES > free:
        raise UserError(
            f"{what} would take {gib(needed)}, and {root} has {gib(free)} free; make room there (`ganforge data clear` "
            "removes what was prepared before), or choose a smaller --size."
        )
    return removed
