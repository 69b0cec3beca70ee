"""Where this user's files that can be made again are kept."""

import contextlib
import re
from pathlib import Path

import platformdirs

from ganforge.base.files import is_plain, is_temporary

STATISTICS = re.compile(r"[0-9a-f]{32}\.safetensors")
"""The files in "statistics": what was measured of real pictures."""
DOWNLOADS = ("mnist", "inception", "hub", "onnxruntime-web")
"""The folders of what was fetched."""


def cache_folder(name: str) -> Path:
    """The cache's folder for one kind of thing; it need not exist."""
    return Path(platformdirs.user_cache_dir("ganforge")) / name


def clear_statistics() -> tuple[int, int]:
    """Remove what was measured of real pictures; returns how many files, and their bytes. Nothing else is touched."""
    count = total = 0
    for path in _files("statistics"):
        if STATISTICS.fullmatch(path.name) or is_temporary(path.name):
            with contextlib.suppress(OSError):
                size = path.lstat().st_size
                path.unlink()
                count, total = count + 1, total + size
    return count, total


def downloads() -> dict[Path, int]:
    """The folders with what was fetched, and how many bytes lie in each."""
    sizes = {cache_folder(name): sum(path.lstat().st_size for path in _files(name)) for name in DOWNLOADS}
    return {folder: size for folder, size in sizes.items() if size}


def _files(name: str) -> list[Path]:
    """The plain files in one of the cache's folders, as far as one may look."""
    with contextlib.suppress(OSError):
        return [path for path in sorted(cache_folder(name).iterdir()) if is_plain(path)]
    return []
