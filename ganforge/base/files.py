"""Writing files so that a reader only ever sees the old content or the new."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
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


def _write_aside(path: Path, write: Callable[[Path], None]) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """``write_atomically`` for a text, in UTF-8."""
    write_atomically(path, lambda temporary: _write_text(temporary, text))


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


def silence_stdout() -> None:
    """Let nothing more be written to stdout: for when its reader has gone, or its disk is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
