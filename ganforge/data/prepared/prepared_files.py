"""What ganforge makes in the cache of prepared pictures, and the one way in which that is removed again."""

import re
import stat
from pathlib import Path

FORMAT = 3
"""Raised when what is prepared changes, so that what older versions made is made again."""
PICTURES, LABELS, NAMES, FACTS = "pictures.u8", "labels.npy", "names.txt", "facts.json"
FILES = frozenset({PICTURES, LABELS, NAMES, FACTS})
FOLDER = re.compile(r"[0-9a-f]{32}(\.part)?")


def is_own(folder: Path) -> bool:
    """Has ganforge made all of it: a folder, called by a key, in which there is nothing but its files? Links are not
    followed: what they lead to is somebody else's. Raises OSError where it cannot be looked at."""
    if not FOLDER.fullmatch(folder.name) or not stat.S_ISDIR(folder.lstat().st_mode):
        return False
    return all(path.name in FILES and stat.S_ISREG(path.lstat().st_mode) for path in folder.iterdir())


def discard(folder: Path) -> bool:
    """Remove the folder if ``is_own`` holds; True if it is gone, or was not there. Raises OSError."""
    try:
        if not is_own(folder):
            return False
        for name in FILES:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    except FileNotFoundError:
        pass
    return True
