"""The logs of a run: files of JSON lines, a row each, appended to as training goes."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.files import append_plain, open_plain, reason, write_atomically

MAX_LOG_BYTES, MAX_METRICS_BYTES = 400_000_000, 64 << 20
"""The most that is read: about 500,000 rows, or 30,000 records of figures, of which more than one is held at a time.
What is longer is none of ganforge's."""
MAX_LINE_BYTES = 1 << 20


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to the file. Raises OSError, with the file's name, where that is impossible or it is no plain file."""
    append_plain(path, json.dumps(row) + "\n")


def read_rows(path: Path, most: int) -> Iterator[dict[str, Any]]:
    """The file's rows, none where there is no file; what is no row, such as a line that a kill cut off, is left out.

    most: bytes. Raises UserError where there is something else than a plain file, or it cannot be read or is longer.
    """
    for line in _lines(path, most):
        if (row := as_row(line)) is not None:
            yield row


def as_row(line: bytes) -> dict[str, Any] | None:
    """The row in a line; None where the line is none: an object with a whole ``nimg`` from 0."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(row, dict) and type(row.get("nimg")) is int and 0 <= row["nimg"] < 2**63:
        return row
    return None


def cut_rows(path: Path, most: int, last_nimg: int) -> None:
    """Take away all but the rows up to ``last_nimg`` images. Raises as ``read_rows``, and OSError; nothing is changed
    then."""
    if path.exists():
        write_rows(path, (row for row in read_rows(path, most) if row["nimg"] <= last_nimg))


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Put these rows in the place of what is there. Raises OSError, and what reading the rows raises; nothing is
    changed then."""
    write_atomically(path, lambda temporary: _write(temporary, (json.dumps(row) + "\n" for row in rows)))


def _lines(path: Path, most: int) -> Iterator[bytes]:
    try:
        with open_plain(path) as file:
            read = 0
            while line := file.readline(MAX_LINE_BYTES):
                read += len(line)
                if read > most:
                    raise UserError(f"{path} is longer than {most >> 20} MiB, so it is no log of ganforge's.")
                yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"The log cannot be read: {reason(error)}; put back a copy of it.") from None


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
