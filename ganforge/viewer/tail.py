"""Reading a file of JSON lines while another process appends to it: each line is read once."""

import json
import os
from pathlib import Path
from typing import Any

from ganforge.viewer.plain import is_plain

LONGEST_LINE = 1_000_000
"""Bytes; a longer line is no row of ours."""
MOST_AT_ONCE = 64_000_000
"""Bytes read by one look; the next look reads on."""


class Tail:
    """The rows of a file of JSON lines, as they come.

    A row is a JSON object with a whole ``nimg``. A last line without its newline is left for the next look.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bad_lines = 0
        self.trouble = ""
        self._offset = 0
        self._file_id: tuple[int, int] | None = None

    def look(self) -> tuple[list[dict[str, Any]], bool]:
        """The rows since the last look, and whether the file began anew: then they are all that there are.

        What cannot be read raises nothing; ``trouble`` says it, and ``bad_lines`` counts lines that are no rows.
        """
        try:
            if self.path.is_symlink() or (self.path.exists() and not is_plain(self.path)):
                self.trouble = f"{self.path.name} is not a file of this folder, and left alone."
                return [], False
            with self.path.open("rb") as file:
                begins_anew = self._begins_anew(file.fileno())
                file.seek(self._offset)
                content = file.read(MOST_AT_ONCE)
        except FileNotFoundError:
            vanished, self._file_id, self._offset, self.bad_lines = self._file_id is not None, None, 0, 0
            return [], vanished
        except OSError as error:
            self.trouble = f"{self.path.name} cannot be read: {error.strerror}."
            return [], False
        self.trouble = ""
        whole = content.rfind(b"\n") + 1
        if not whole and len(content) > LONGEST_LINE:
            whole = len(content)  # not a line to wait for
        self._offset += whole
        rows = [self._row(line) for line in content[:whole].split(b"\n") if line.strip()]
        return [row for row in rows if row is not None], begins_anew

    def complaints(self) -> list[str]:
        """A sentence for what could not be read."""
        lines = f"{self.bad_lines:,} line{'s' * (self.bad_lines > 1)}"
        found = [f"{self.path.name}: {lines} could not be read as rows, and left out."] if self.bad_lines else []
        return found + ([self.trouble] if self.trouble else [])

    def _begins_anew(self, handle: int) -> bool:
        """Was the file replaced or cut since the last look? (``resume`` writes it anew.)"""
        facts = os.fstat(handle)
        file_id = (facts.st_dev, facts.st_ino)
        anew = self._file_id is not None and (file_id != self._file_id or facts.st_size < self._offset)
        if anew:
            self._offset = self.bad_lines = 0
        self._file_id = file_id
        return anew

    def _row(self, line: bytes) -> dict[str, Any] | None:
        try:
            row = json.loads(line) if len(line) <= LONGEST_LINE else None
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict) and isinstance(row.get("nimg"), int) and 0 <= row["nimg"] < 2**53:
            return row
        self.bad_lines += 1
        return None
