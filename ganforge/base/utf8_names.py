"""The names of files: UTF-8, whatever the locale says."""

import os
import sys


def take_names_as_utf8() -> None:
    """Begin this program again in Python's UTF-8 mode where the locale has another encoding, as LC_ALL=C may have.

    There Python would read and make the names of files in that encoding, and the library that reads weights in UTF-8:
    two different files. What is shown stays in the encoding of the terminal. To be called before anything else.
    """
    if os.name == "nt" or sys.getfilesystemencoding().lower() == "utf-8":
        return
    shown = getattr(sys.stdout, "encoding", None) or "ascii"
    environment = {"PYTHONIOENCODING": f"{shown}:backslashreplace"} | os.environ | {"PYTHONUTF8": "1"}
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]], environment)
