"""The one place that writes to the terminal: whatever a text holds, it is shown and never obeyed."""

import contextlib
import os
import sys
from typing import IO, TextIO

KEPT = "\n\t\xa0\u3000\u200c\u200d"
"""Of the characters without a shape, those that are written as they are: the last two join letters in many scripts."""


def tell(text: str, file: TextIO | None = None) -> None:
    """Write a line (or several) to stdout, or to ``file``, at once.

    Control characters, of which escape sequences are made, and those that turn the direction of writing are written as
    ``\\x1b``; so is what the terminal's encoding lacks. Without a stdout nothing is written. Raises OSError.
    """
    file = sys.stdout if file is None else file
    if file is None:  # closed before the program began
        return
    print(writable(text, file), file=file, flush=True)


def complain(text: str) -> None:
    """``tell`` on stderr; where nobody listens, that is no further fault."""
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError):
        tell(text, sys.stderr)


def complain_at_once(text: str) -> None:
    """``complain`` for a signal's handler, which may run in the middle of a print, which must not be entered twice."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            os.write(2, harmless(text).encode("ascii", "backslashreplace") + b"\n")


def writable(text: str, file: IO[str] | None) -> str:
    """What ``tell`` writes to a file: ``harmless``, with what the file's encoding lacks spelled out."""
    encoding = getattr(file, "encoding", None) or "utf-8"
    return harmless(text).encode(encoding, "backslashreplace").decode(encoding)


def harmless(text: str) -> str:
    """The text with every character that a terminal would obey instead of showing made visible, but for line breaks
    and tabs. For a name within a line, in which a break could pretend another line: ``printable``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in KEPT else _visible(c) for c in text)


def printable(name: str) -> str:
    """A name in one line: all that has no shape of its own is made visible, so that the text is ``str.isprintable``."""
    return name if name.isprintable() else "".join(c if c.isprintable() else _visible(c) for c in name)


def _visible(c: str) -> str:
    if "\udc80" <= c <= "\udcff":  # a byte of a file's name that is no UTF-8
        return f"\\x{ord(c) - 0xDC00:02x}"
    return c.encode("unicode_escape").decode()


def silence_stdout() -> None:
    """Let nothing more be written to stdout: for when its reader has gone, or its disk is full."""
    if sys.stdout is None:
        return
    with contextlib.suppress(OSError):  # what is no file of the system's, as in a notebook, has nothing to be silenced
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def occupy_closed() -> None:
    """Open the null device in place of stdin, stdout and stderr where they were closed before the program began: else
    a file opened later would get such a number, and what a library writes to stderr would go into it."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
