"""What lies in the cache of shards, and how it is removed again: nothing but what ganforge made."""

import re
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ganforge.base.files import is_plain, is_temporary
from ganforge.base.user_cache import cache_folder
from ganforge.data.prepared.cache import is_locked, remove_locks

SHARDS, PLACES, SAMPLE = "shards.jsonl", "places.i64", "sample.tar"
"""The files of an index."""
FOLDER = re.compile(r"[0-9a-f]{32}")
FETCHED = re.compile(r"[0-9a-f]{32}\.(tar|parquet)")
LEFT_S = 86_400
"""What is being written has been left by a killed process, if nothing was added for so long."""


def shards_folder() -> Path:
    return cache_folder("shards")


def files_folder() -> Path:
    """Of the shards that were fetched."""
    return shards_folder() / "files"


def kept_files(folder: Path) -> list[tuple[Path, int, float]]:
    """The shards that were fetched, and what a killed process left of some: path, bytes, and when it was used last."""
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                if is_plain(path) and (FETCHED.fullmatch(path.name) or is_temporary(path.name)):
                    state = path.lstat()
                    found.append((path, state.st_size, state.st_mtime))
    return found


def remove_file(path: Path) -> bool:
    """Remove a fetched shard, unless some process uses or writes it; True if it is gone."""
    with suppress(OSError):
        if is_locked(path) or (is_temporary(path.name) and time.time() - path.lstat().st_mtime < LEFT_S):
            return False
        path.unlink(missing_ok=True)
        return True
    return False


def index_size(folder: Path) -> int:
    """Bytes of the index in a folder."""
    found = [folder / name for name in (SHARDS, PLACES, SAMPLE)]
    return sum(path.lstat().st_size for path in found if is_plain(path))


def forget(folder: Path) -> None:
    """Remove an index, and nothing else. Raises OSError."""
    for name in (SHARDS, PLACES, SAMPLE):
        (folder / name).unlink(missing_ok=True)


def clear_shards() -> tuple[int, int, int]:
    """Remove all indices but those that are being made, and the shards that were fetched and are in nobody's use;
    returns how many of each, and their bytes."""
    indices = removed = total = 0
    for path, size, _ in kept_files(files_folder()):
        if remove_file(path):
            removed, total = removed + 1, total + size
    with suppress(OSError):
        for folder in [path for path in shards_folder().iterdir() if FOLDER.fullmatch(path.name)]:
            with suppress(OSError, Timeout), FileLock(folder.with_suffix(".lock")).acquire(timeout=0):
                if not folder.is_symlink():
                    size = index_size(folder)
                    forget(folder)
                    folder.rmdir()
                    indices, total = indices + 1, total + size
        remove_locks(shards_folder())
    return indices, removed, total
