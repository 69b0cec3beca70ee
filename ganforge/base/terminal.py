"""The one place that writes to the terminal: whatever a text holds, it is shown and never obeyed."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import IO, Any, TextIO

KEPT = "\n\t\xa0\u3000\u200c\u200d"
"""Of the characters without a shape, those that are written as they are: the last two join letters in many scripts."""

STAND_INS = {"·": "-", "±": "+-", "…": "...", "×": "x", "─": "-", "━": "=", "╸": "="}
"""What stands for the signs that ganforge's own lines hold, where an encoding lacks them."""


def tell(text: str, file: TextIO | None = None) -> None:
    """Write a line (or several) to stdout, or to ``file``, at once.

    Control characters, of which escape sequences are made, and those that turn the direction of writing are written as
    ``\\x1b``; so is what the terminal's encoding lacks. Without a stdout nothing is written. Raises OSError,
    and nothing else, where the file cannot be written: for what must not end the work under way, ``mention``.
    """
    file = sys.stdout if file is None else file
    if file is None:  # closed before the program began
        return
    try:
        print(writable(text, file), file=file, flush=True)
    except UnicodeError:  # whatever the file says of its encoding, letters it can write
        print(harmless(text).encode("ascii", "backslashreplace").decode(), file=file, flush=True)
    except ValueError:
        raise OSError(errno.EBADF, "it is closed") from None


def mention(text: str) -> None:
    """``tell`` while there is work under way: where stdout cannot be written, the work goes on silently."""
    with silenced_at_fault():
        tell(text)


@contextlib.contextmanager
def silenced_at_fault() -> Iterator[None]:
    """What cannot be shown in this context, or later, is left out: no fault of a terminal, of a notebook or of what
    stands in stdout's place ends the work."""
    try:
        yield
    except Exception:
        silence_stdout()


def complain(text: str) -> None:
    """``tell`` on stderr; where nobody listens, that is no further fault."""
    if sys.stderr is None:
        return
    with contextlib.suppress(Exception):
        tell(text, sys.stderr)


def complain_at_once(text: str) -> None:
    """``complain`` for a signal's handler, which may run in the middle of a print, which must not be entered twice."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            os.write(2, harmless(text).encode("ascii", "backslashreplace") + b"\n")


def writable(text: str, file: IO[str] | None) -> str:
    """What ``tell`` writes to a file: ``harmless``, with what the file's encoding lacks spelled out."""
    encoding = getattr(file, "encoding", None) or "utf-8"
    text = harmless(text)
    try:
        return _spelled(text, encoding)
    except (LookupError, TypeError, UnicodeError):  # no encoding that Python knows
        return _spelled(text, "ascii")


def _spelled(text: str, encoding: str) -> str:
    """The text with ``STAND_INS`` and ``\\u5199`` for what the encoding lacks."""
    try:
        return text.encode(encoding).decode(encoding)
    except UnicodeEncodeError:
        lacking = {sign for sign in STAND_INS if sign in text and sign.encode(encoding, "ignore") == b""}
        text = text.translate({ord(sign): STAND_INS[sign] for sign in lacking})
        return text.encode(encoding, "backslashreplace").decode(encoding)


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


class Careful:
    """A file for a library that draws on a terminal: what cannot be written is left out, and raises nothing."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        """As a file's; the text is the library's, with the escape sequences that it draws by."""
        try:
            self._file.write(_spelled(text, getattr(self._file, "encoding", None) or "utf-8"))
        except Exception:
            silence(self._file)
        return len(text)

    def flush(self) -> None:
        """As a file's."""
        try:
            self._file.flush()
        except Exception:
            silence(self._file)


def silence_stdout() -> None:
    """Let nothing more be written to stdout: for when its reader has gone, or its disk is full."""
    silence(sys.stdout)


def silence(file: TextIO | None) -> None:
    """Let nothing more be written to a file of the system's; what is none, as in a notebook, or is closed, is left."""
    if file is None:
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


def occupy_closed() -> None:
    """Open the null device in place of stdin, stdout and stderr where they were closed before the program began: else
    a file opened later would get such a number, and what a library writes to stderr would go into it."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
