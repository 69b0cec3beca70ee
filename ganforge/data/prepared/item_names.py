"""What prepared pictures are called in their source: a line for each in a file beside them."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from ganforge.base.files import open_plain, sync
from ganforge.base.terminal import printable
from ganforge.data.sources.budget import MAX_ENTRIES, MAX_NAMES_BYTES, brief

MAX_LINE = 1 << 16
MAX_BYTES = 4 * MAX_NAMES_BYTES + MAX_ENTRIES
"""A character takes up to four bytes, and a line ends with one."""


def write_names(path: Path, names: Iterable[str]) -> str:
    """Write the names, and return the digest of the file."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for name in names:
            line = printable(name).encode() + b"\n"
            digest.update(line)
            file.write(line)
    sync(path)
    return digest.hexdigest()


def read_names(path: Path, digest: str, rows: Sequence[int]) -> list[str] | None:
    """The names in these rows, each short enough for a line; None where the file is not the one with this digest."""
    wanted, found, read, size = set(rows), dict[int, str](), hashlib.sha256(), 0
    try:
        with open_plain(path) as file:
            for row, line in enumerate(iter(lambda: file.readline(MAX_LINE), b"")):
                size += len(line)
                if size > MAX_BYTES:
                    return None
                read.update(line)
                if row in wanted:
                    found[row] = brief(line.decode("utf-8", "replace").rstrip("\n"))
    except OSError:
        return None
    return [found[row] for row in rows] if read.hexdigest() == digest and len(found) == len(wanted) else None
