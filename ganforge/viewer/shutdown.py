"""The page ends when it is told to, in every phase: it has nothing to save, so nothing is worth waiting for."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from ganforge.base.stopping import Stopped, StopRequest, handled_by

LAST_SEC = 3.0
"""So long after a signal the process is ended, whatever it is about."""


@contextlib.contextmanager
def ends_at_once(stop: StopRequest) -> Iterator[None]:
    """In the context the signals that stop raise ``Stopped`` where the program happens to be; ``stop`` knows which."""

    def on_signal(signum: int, frame: FrameType | None) -> None:
        stop.signum = stop.signum or signum
        ends_soon(signum)
        raise Stopped(signal.Signals(signum).name)

    with handled_by(on_signal):
        stop.poll()
        yield


@contextlib.contextmanager
def noting(caught: list[int], end: Callable[[], object]) -> Iterator[None]:
    """In the context those signals are appended to ``caught``, and ``end`` is called; see ``ends_soon``, too."""

    def on_signal(signum: int, frame: FrameType | None) -> None:
        caught.append(signum)
        ends_soon(signum)
        end()

    with handled_by(on_signal):
        yield


def ends_soon(signum: int) -> None:
    """End this process in ``LAST_SEC``, if it has not ended by then: a thread that is reading cannot be interrupted."""
    timer = threading.Timer(LAST_SEC, os._exit, [128 + signum])
    timer.daemon = True
    timer.start()
