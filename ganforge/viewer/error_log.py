"""Faults of the page, a line each: nothing that a visitor sends floods the terminal, or gets there unseen through."""

import asyncio
import logging
import traceback
from pathlib import Path

from ganforge.base.terminal import complain, printable

TOLD = ("nicegui", "uvicorn.error", "asyncio")
SILENT = ("socketio.server", "engineio.server", "uvicorn.access")
"""Their faults are those of what came through a socket: it is dropped."""
READERS = ("socketio", "engineio")
"""The packages that take apart what a socket brings; what they cannot read is junk."""
MOST_LINES = 20
"""After so many places where something went wrong, no further one is told."""


class OneLine(logging.Handler):
    """Tells a fault once for each place in the code where it arises, without its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line to stderr."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None and isinstance(record.msg, BaseException):
            error = record.msg
        frames = traceback.extract_tb(error.__traceback__) if error is not None else []
        if isinstance(error, asyncio.CancelledError | None) or (
            frames and Path(frames[-1].filename).parent.name in READERS
        ):
            return  # what was under way at the end; and what visitors do wrong, such as sending junk
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__
        if place in self.told or len(self.told) >= MOST_LINES:
            return
        self.told.add(place)
        what = printable(f"{type(error).__name__}: {error}"[:300])
        complain(f"The page continues after an error: {what} ({place})")


def tell_in_one_line() -> None:
    """Let what the page's libraries log be told so, and no other way."""
    handler = OneLine()
    for name in (*TOLD, *SILENT):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler if name in TOLD else logging.NullHandler()], False
