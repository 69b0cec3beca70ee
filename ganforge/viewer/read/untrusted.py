"""Reading small things from files that may hold anything: what does not fit becomes nothing, with a complaint."""

import json
import math
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganforge.base.files import open_plain, read_plain

LARGEST_JSON = 4_000_000
"""Bytes; config.json and status.json are a thousandth of that."""
TAIL_BYTES = 16_384
LONGEST_TEXT = 500
"""Characters of a text from a file that are shown."""
DEEPEST = 50
"""Objects and lists within each other."""
MOST_COMPLAINTS = 40
"""Sentences on what is wrong with a run; more are counted."""


def is_plain(path: Path) -> bool:
    """Is it a file itself, not a link to one, nor a pipe? Only such files are read or served (``open_plain``)."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def read_object(path: Path, complaints: list[str]) -> dict[str, Any]:
    """The JSON object in a small file; empty, with a complaint, where there is none."""
    try:
        content = parse(read_plain(path, LARGEST_JSON))
        if not isinstance(content, dict):
            raise ValueError("it is not a JSON object")
    except FileNotFoundError:
        complaints.append(f"{path.name} is missing.")
    except OSError as error:
        complaints.append(f"{path.name} cannot be read: {error.strerror}.")
    except ValueError as error:
        complaints.append(f"{path.name} cannot be used: {error}.")
    else:
        return content
    return {}


def last_row(path: Path) -> dict[str, Any]:
    """The last whole row of a file of JSON lines, looked for in its last bytes; empty where there is none."""
    try:
        with open_plain(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read(TAIL_BYTES).split(b"\n")
    except OSError:
        return {}
    for line in reversed(lines[:-1]):
        try:
            row = parse(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            return row
    return {}


def parse(content: bytes) -> Any:
    """What the JSON stands for, every text in it one that can be written as UTF-8. Raises ValueError for no JSON."""
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # What follows is rarely needed: brackets are few, and half a character comes from \u, or a byte 0xED.
    if content.count(b"[") + content.count(b"{") > DEEPEST and not _is_shallow(value, DEEPEST):
        raise ValueError("it is nested too deeply")
    return _sound(value) if b"\\u" in content or b"\xed" in content else value


def encodable(text: str) -> str:
    """The text with ? for each half of a character, which no page could be sent with."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _is_shallow(value: Any, depth: int) -> bool:
    """Is it nested at most so deeply?"""
    if not isinstance(value, dict | list):
        return True
    items = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_shallow(item, depth - 1) for item in items)


def _sound(value: Any) -> Any:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, list):
        return [_sound(item) for item in value]
    if isinstance(value, dict):
        return {encodable(name): _sound(item) for name, item in value.items()}
    return value


def first_complaints(complaints: Sequence[str]) -> list[str]:
    """Each of them once, cut to a length that is read; those beyond ``MOST_COMPLAINTS`` are counted."""
    each = list(dict.fromkeys(cut(sentence) for sentence in complaints))
    more = len(each) - MOST_COMPLAINTS
    return [*each[:MOST_COMPLAINTS], *([f"And {more:,} more faults of this kind."] if more > 0 else [])]


def cut(text: str, most: int = LONGEST_TEXT) -> str:
    """The text, its end left out, and three dots for it, where it is longer than ``most`` characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def mapping(value: object) -> dict[str, Any]:
    """An object from a file; empty for anything else."""
    return value if isinstance(value, dict) else {}


def whole(value: object) -> int:
    """A count from a file; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def number(value: object) -> float | None:
    """A finite number from a file; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def string(value: object, otherwise: str = "") -> str:
    """A text from a file, ``LONGEST_TEXT`` characters at most."""
    return value[:LONGEST_TEXT] if isinstance(value, str) else otherwise
