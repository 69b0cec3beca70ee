"""Files: written so that a reader sees the old content or the new; read only if they are what they seem."""

import contextlib
import errno
import json
import os
import re
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

TEMPORARY = ".ganforge-tmp-"
"""How the names of files begin that are being written, or were when their process was killed."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, sync it to the disk, and rename it to ``path``.

    Raises whatever ``write`` raises, and OSError (disk full, no permission) with ``path`` as its file name; ``path`` is
    then as it was before, and the temporary file is gone.
    """
    try:
        _write_aside(path, write)
        sync(path.parent)
    except OSError as error:
        if error.errno is not None:  # else it is the library's that ``write`` used, such as a failed download
            error.filename = str(path)
        raise


def _write_aside(path: Path, write: Callable[[Path], object]) -> None:
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        sync(temporary)
        temporary.chmod(0o666 & ~umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_temporary(name: str) -> bool:
    """Is this the whole name of a file that ``write_atomically`` was filling?"""
    return re.fullmatch(re.escape(TEMPORARY) + r"[a-z0-9_]{8}(\.\w+)?", name) is not None


def write_text_atomically(path: Path, text: str) -> None:
    """``write_atomically`` for a text, in UTF-8."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading that is what it seems: not a link, folder, pipe, socket or device. Never waits.

    The one door for whatever lies in a run folder, which may have come from anywhere. Raises OSError, with ``path`` as
    its file name and the reason in words; FileNotFoundError where there is nothing.
    """
    _refuse_other(path, path.lstat().st_mode)  # before it is opened: opening a device may do something
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    try:
        _refuse_other(path, os.fstat(file.fileno()).st_mode)
    except OSError:
        file.close()
        raise
    return file


def append_plain(path: Path, text: str) -> None:
    """Add a text, in UTF-8, to the end of a file, which is made where there is none; never through a link, nor into a
    pipe or device. Raises OSError with ``path`` as its file name."""
    try:
        with contextlib.suppress(FileNotFoundError):
            _refuse_other(path, path.lstat().st_mode)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags, 0o666), "ab") as file:
            file.write(text.encode())
    except OSError as error:
        error.filename = str(path)
        raise


def is_plain(path: Path) -> bool:
    """Is there a file at ``path``, not a link to one, nor anything else? Raises OSError where one may not look."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def read_plain(path: Path, most: int) -> bytes:
    """The bytes of a file that ``open_plain`` opens. Raises OSError, too, where there are more than ``most``."""
    with open_plain(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
    return content


def read_plain_json(path: Path, most: int) -> Any:
    """What a JSON file holds that ``read_plain`` reads. Raises OSError, and ValueError for what is no JSON."""
    content = read_plain(path, most)
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_other(path: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "a link, which is not followed", str(path))
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, not a file", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a pipe, socket or device, not a file", str(path))


def is_there(path: Path) -> bool:
    """Does the file exist, as far as one may look?"""
    try:
        return path.exists()
    except OSError:
        return False


def sync(path: Path) -> None:
    """Ask the operating system to bring a file or a folder to the disk (folders: where the system can)."""
    if path.is_dir() and os.name == "nt":
        return  # Windows has no handle for a folder's entries
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reason(error: OSError) -> str:
    """`FILE: No space left on device`, for a sentence."""
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if error.filename else text


def umask() -> int:
    """Which rights new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
