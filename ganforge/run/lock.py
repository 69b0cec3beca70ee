"""One process at a time: a lock that the operating system gives back when the process ends, however it ends."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock, Timeout

from ganforge.base.errors import UserError
from ganforge.base.files import is_plain, open_plain

Held = contextlib.AbstractContextManager[object]


def acquire(path: Path, busy: str = "", wait_sec: float = 0.0) -> Held:
    """Hold the lock at ``path``, a file that is made where there is none: use as a context. busy: what to say where
    another process holds it, by default that it trains there.

    Raises UserError where another process holds it, for longer than ``wait_sec``, or there is something else than a
    plain file, and OSError.
    """
    if os.path.lexists(path) and not is_plain(path):
        raise UserError(f"{path} is a link, folder, pipe or device, and not one of ganforge's files; move it away.")
    try:
        return FileLock(path).acquire(timeout=wait_sec)
    except Timeout:
        if not os.path.lexists(path):  # one that cannot be made looks like one that is held, as in /proc
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
        busy = busy or f"Another process is training in {path.parent}"
        raise UserError(f"{busy}; wait for it, or stop it first.") from None


def held_of(paths: Iterable[Path]) -> list[Path]:
    """Those of some locks that other processes hold now. Asking takes each for a moment. Raises OSError."""
    held = []
    for path in paths:
        try:
            with acquire(path):
                pass
        except UserError:
            held.append(path)
    return held


def is_held(path: Path) -> bool:
    """Does a process hold it now? Where the system does not tell, yes.

    Asking takes a shared lock for a moment, so that whoever wants it in that very moment would be told to wait.
    """
    try:
        import fcntl
    except ImportError:  # Windows: a file that is locked cannot be removed, nor asked about
        return True
    try:
        if not is_plain(path):
            return False
        with open_plain(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
