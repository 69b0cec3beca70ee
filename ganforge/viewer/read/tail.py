"""Reading a file of JSON lines while another process appends to it: each line is read once."""

import os
from pathlib import Path
from typing import Any, BinaryIO

from ganforge.base.files import open_plain
from ganforge.viewer.read.untrusted import parse

LONGEST_LINE = 1_000_000
"""Bytes; a longer line is no row of ours."""
MOST_AT_ONCE, MOST_ROWS_AT_ONCE = 16_000_000, 50_000
"""Bytes and lines that one look reads; the next look reads on."""
LARGEST_LOG, LONGEST_LOG = 400_000_000, 1_000_000
"""Bytes and lines of a whole log; what follows is left out. Ours has about 400 bytes a line."""


class Tail:
    """The rows of a file of JSON lines, as they come.

    A row is a JSON object with a whole ``nimg``. A last line without its newline is left for the next look.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bad_lines = 0
        self.trouble = ""
        self._offset = self._lines = 0
        self._file_id: tuple[int, int] | None = None

    def look(self) -> tuple[list[dict[str, Any]], bool]:
        """The rows since the last look, and whether the file began anew: then they are all that there are.

        What cannot be read raises nothing; ``trouble`` says it, and ``bad_lines`` counts lines that are no rows.
        """
        try:
            with open_plain(self.path) as file:
                begins_anew = self._begins_anew(file.fileno())
                content = self._read(file)
        except FileNotFoundError:
            vanished, self._file_id = self._file_id is not None, None
            self._offset = self._lines = self.bad_lines = 0
            return [], vanished
        except OSError as error:
            self.trouble = f"{self.path.name} cannot be read: {error.strerror}."
            return [], False
        lines = content.split(b"\n", MOST_ROWS_AT_ONCE)
        rest = lines.pop()  # the last line, which may not be whole, or all that is left for the next look
        if not lines and len(rest) > LONGEST_LINE:
            lines, rest = [rest], b""  # not a line to wait for
        self._offset += len(content) - len(rest)
        self._lines += len(lines)
        rows = [self._row(line) for line in lines if line.strip()]
        return [row for row in rows if row is not None], begins_anew

    def _read(self, file: BinaryIO) -> bytes:
        """What comes next, as far as one look and the limits of a whole log go."""
        size = os.fstat(file.fileno()).st_size
        most = 0 if self._lines >= LONGEST_LOG else min(MOST_AT_ONCE, max(0, LARGEST_LOG - self._offset))
        file.seek(self._offset)
        content = file.read(most)
        limit = f"{LARGEST_LOG:,} bytes or {LONGEST_LOG:,} lines"
        is_cut = most < MOST_AT_ONCE and self._offset + len(content) < size
        self.trouble = f"{self.path.name} is too long: what follows its first {limit} is left out." if is_cut else ""
        return content

    def complaints(self) -> list[str]:
        """A sentence for what could not be read."""
        lines = f"{self.bad_lines:,} line{'s' * (self.bad_lines > 1)}"
        found = [f"{self.path.name}: {lines} left out as unreadable."] if self.bad_lines else []
        return found + ([self.trouble] if self.trouble else [])

    def _begins_anew(self, handle: int) -> bool:
        """Was the file replaced or cut since the last look? (``resume`` writes it anew.)"""
        facts = os.fstat(handle)
        file_id = (facts.st_dev, facts.st_ino)
        anew = self._file_id is not None and (file_id != self._file_id or facts.st_size < self._offset)
        if anew:
            self._offset = self._lines = self.bad_lines = 0
        self._file_id = file_id
        return anew

    def _row(self, line: bytes) -> dict[str, Any] | None:
        try:
            row = parse(line) if len(line) <= LONGEST_LINE else None
        except ValueError:
            row = None
        if isinstance(row, dict) and type(row.get("nimg")) is int and 0 <= row["nimg"] < 2**53:
            return row
        self.bad_lines += 1
        return None
