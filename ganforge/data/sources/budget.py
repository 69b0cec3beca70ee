"""What reading somebody's pictures may cost. Whatever asks for more is refused or passed over, and said.

Counts and lengths are checked before anything of that size is held. What no count can tell beforehand, such as how long
a decoder works on a picture, is bounded from outside: sources are read by processes that can be ended (``guarded``).
"""

import json
from typing import Any

from ganforge.base.terminal import printable

MAX_SECONDS = 8.0
"""For one picture or header; and for listing a file, with ``BYTES_A_SECOND``."""
BYTES_A_SECOND = 10 << 20
"""Listing a file may take one second more for so many of its bytes on the disk."""
MAX_MEMORY_BYTES = 1 << 30
"""What a process that reads may take beside what it has when it begins; where the system can limit that (Linux)."""
MAX_ENDED = 3
"""Pictures of one source that may take too long or too much: each costs up to ``MAX_SECONDS``."""
FEWEST_BROKEN, SHARE_BROKEN = 10, 100
"""Broken pictures that are left out of any source, and of how many one, unless the user says otherwise."""
MAX_ENTRIES = 2_000_000
"""Files in an archive, and pictures in one source."""
MAX_FILE_BYTES = 400 << 20
"""For one picture's file: 64 million pixels, three channels of 16 bits, unpacked, and some more."""
MAX_PATH, MAX_NAME = 4096, 255
"""Characters in a picture's path within its source, and in each of its parts: what file systems allow."""
MAX_LABEL = 255
"""Characters in the name of a class."""
MAX_CLASSES = 100_000
MAX_NAMES_BYTES = 256 << 20
"""For all names in a source together."""
MAX_JSON_BYTES = 128 << 20
"""For StyleGAN's dataset.json."""
MAX_JSON_MARKS = 4 * MAX_ENTRIES
"""Commas, colons and opening brackets in it: a pair ["path", class] has three."""
MAX_NOTE_BYTES = 1 << 20
"""For a .cls or .json file beside a picture, and for a header of an array or an entry."""
MAX_NOTE_MARKS = 50_000
"""Commas, colons and brackets in a .json file beside a picture."""
MAX_LISTED = 10_000
"""Of what was passed over or cannot be read, so many are kept by name."""
SHOWN = 200
"""Characters of a name or a reason in a message."""


def brief(text: str) -> str:
    """Somebody's name, or a library's words about somebody's file, in one line of a message."""
    line = printable(text[: 4 * SHOWN])
    return line if len(line) <= SHOWN else line[: SHOWN - 3] + "..."


def words(error: BaseException) -> str:
    """What a library says of somebody's file, in one line, or else what kind of error it is."""
    return brief(" ".join(str(error)[: 4 * SHOWN].split())) or type(error).__name__


def read_json(content: bytes, most_marks: int = MAX_JSON_MARKS) -> Any:
    """What JSON holds. Raises ValueError, its text for people, for what is none, is nested too deeply, or has more than
    so many commas, colons and opening brackets, which is told before any value is made."""
    if sum(map(content.count, (b",", b":", b"[", b"{"))) > most_marks:
        raise ValueError(f"it holds more than {most_marks:,} commas, colons and brackets")
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is not JSON (nested too deeply)") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON ({str(error)[:80]})") from None


def broken_allowed(count: int) -> int:
    """So many of ``count`` pictures may be unreadable, unless the user says otherwise."""
    return max(FEWEST_BROKEN, count // SHARE_BROKEN)
