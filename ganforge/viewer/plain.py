"""Reading small things from files that may hold anything: what does not fit becomes nothing, with a complaint."""

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

LARGEST_JSON = 4_000_000
"""Bytes; config.json and status.json are a thousandth of that."""
TAIL_BYTES = 16_384


def is_plain(path: Path) -> bool:
    """Is it a file itself, not a link to one, nor a pipe? Only such files are read or served."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def read_object(path: Path, complaints: list[str]) -> dict[str, Any]:
    """The JSON object in a small file; empty, with a complaint, where there is none."""
    try:
        if not is_plain(path):
            raise ValueError("it is missing, or not a file of this folder")
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError("it is far too large")
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")
    except OSError as error:
        complaints.append(f"{path.name} cannot be read: {error.strerror}.")
    except (ValueError, RecursionError) as error:
        complaints.append(f"{path.name} cannot be used: {error}.")
    else:
        return content
    return {}


def last_row(path: Path) -> dict[str, Any]:
    """The last whole row of a file of JSON lines, looked for in its last bytes; empty where there is none."""
    if not is_plain(path):
        return {}
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().split(b"\n")
    except OSError:
        return {}
    for line in reversed(lines[:-1]):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            return row
    return {}


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


def words(value: object, otherwise: str = "") -> str:
    """A text from a file, 500 characters at most."""
    return value[:500] if isinstance(value, str) else otherwise
