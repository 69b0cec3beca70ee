"""What may be overwritten outside a run folder: only what ganforge made, which a mark inside the file tells."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.files import open_plain, read_plain_json

NAME = "ganforge"
MARKS: dict[str, bytes] = {
    ".png": b"tEXtSoftware\0" + NAME.encode(),
    ".gif": b"made by " + NAME.encode(),
    ".webp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><!-- made by " + NAME.encode() + b" --></x:xmpmeta>",
    ".onnx": b"\x12\x08" + NAME.encode(),  # its producer's name, the second field of the message
    ".pt2": b"/extra/" + NAME.encode() + b".json",  # the facts' name in the archive
} | dict.fromkeys((".html", ".htm"), b'<meta name="generator" content="' + NAME.encode())
"""By a name's ending, the bytes that the writers put into such a file: text chunk, comment, XMP packet, or tag."""
WITHIN = 4096
"""Bytes from the start, or before the end, where a mark lies."""
MAX_RECORD_BYTES = 1 << 20


def refuse_foreign(path: Path) -> None:
    """Raise UserError where there is something at ``path`` that ganforge did not make: it is not overwritten.

    A picture, an animation or a report must have its mark, a .json file must be a record of figures, and none may be a
    link.
    """
    try:
        ours = is_marked(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise UserError(f"The file {path} is not overwritten: {why}; choose another name with --out.") from None
    if not ours:
        raise UserError(
            f"The file {path} is not overwritten, since nothing in it shows that ganforge made it; choose another name "
            "with --out."
        )


def is_marked(path: Path) -> bool:
    """Did ganforge make the picture, animation, report or record of figures? A link is none. Raises OSError."""
    is_ours: Callable[[Path], bool] = _is_record if path.suffix.lower() == ".json" else _has_mark
    try:
        return is_ours(path)
    except ValueError:
        return False


def _has_mark(path: Path) -> bool:
    mark = MARKS[path.suffix.lower()]
    with open_plain(path) as file:
        start = file.read(WITHIN)
        file.seek(max(0, file.seek(0, os.SEEK_END) - WITHIN))
        return mark in start or mark in file.read(WITHIN)


def _is_record(path: Path) -> bool:
    content: Any = read_plain_json(path, MAX_RECORD_BYTES)
    return isinstance(content, dict) and {"format", "nimg", "protocol", "figures"} <= content.keys()
