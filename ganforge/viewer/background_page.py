"""The page beside a training: in a process of its own, so that neither waits for the other."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.terminal import silence_stdout, tell

END_SEC = 5.0
"""So long the page may take to end."""
READY = "-"
"""The line after the address."""


def require_page() -> None:
    """Raise UserError where NiceGUI is not installed."""
    if find_spec("nicegui") is None:
        raise UserError("The page needs NiceGUI, which is not installed: pip install 'ganforge[view]'.")


@contextlib.contextmanager
def page_beside(root: Path) -> Iterator[list[str]]:
    """While the context lasts, a process shows ``root``, which may come into being later. Gives the lines to print.

    Where the page cannot be had, the lines say why, and nothing else is wrong. The page ends with the context, or when
    this process ends in any other way. Raises UserError where NiceGUI is not installed.
    """
    require_page()
    command = [sys.executable, "-m", "ganforge.viewer.background_page", str(root)]
    # The page's stdin is a pipe from here, which the system closes when this process is gone.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="backslashreplace",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield _lines(process)
    finally:
        process.stdin.close()
        process.terminate()
        try:
            process.wait(END_SEC)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _lines(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        if line.rstrip() == READY:
            return lines
        lines.append(line.rstrip())
    return [*lines, "The page could not be started; training continues without it."]


def main(root: Path) -> None:
    """The page's process: say the address, serve, and end when the training's process does."""
    from ganforge.viewer.app import Visitors, serve

    lines: list[str] = []
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            serve(root, Visitors("127.0.0.1"), False, say=lines.append, ready=lambda: _tell(lines))
    except UserError as error:
        tell(str(error))


def _tell(lines: list[str]) -> None:
    tell("\n".join([*lines, READY]))
    silence_stdout()  # nobody reads on


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
