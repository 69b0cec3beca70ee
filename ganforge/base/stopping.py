"""Stopping on request: SIGINT, SIGTERM and SIGHUP set a flag, and whatever takes long asks for it by ``poll``."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from types import FrameType
from typing import TypeVar

from ganforge.base.terminal import complain_at_once, tell

SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
"""Windows has no SIGHUP, which a terminal sends when it is closed."""
POLL_EVERY_S = 0.05
T = TypeVar("T")

_ASKED = ContextVar[Callable[[], None]]("asked", default=lambda: None)


def poll() -> None:
    """To be called now and then by whatever takes long: raises what stops it, where that was asked for. A thread that
    is to be stopped, too, needs the context of the one that started it, or a ``polled_by`` of its own."""
    _ASKED.get()()


@contextlib.contextmanager
def polled_by(ask: Callable[[], None]) -> Iterator[None]:
    """In the context, ``poll`` calls ``ask``, which raises to stop."""
    token = _ASKED.set(ask)
    try:
        yield
    finally:
        _ASKED.reset(token)


def polling(work: Callable[[], T]) -> T:
    """What ``work`` returns, done in a thread beside this one, which polls: a request to stop need not wait for a slow
    network, or for a library that encodes for long."""
    raised: list[BaseException] = []
    made: list[T] = []

    def catch() -> None:
        try:
            made.append(work())
        except BaseException as error:
            raised.append(error)

    # When ``poll`` raises, it is left alone to end with its file.
    thread = threading.Thread(target=copy_context().run, args=[catch], daemon=True)
    thread.start()
    while thread.is_alive():
        poll()
        thread.join(POLL_EVERY_S)
    if raised:
        raise raised.pop()  # popped, so that the error is in no cycle
    return made[0]


class Stopped(Exception):  # noqa: N818 - a request that was met, not an error
    """Raised by ``StopRequest.poll`` in a phase that has nothing to save."""


class StopRequest:
    """Has somebody asked this process to stop? ``signum`` says with which signal, 0 while nobody has."""

    def __init__(self) -> None:
        self.signum = 0

    def __bool__(self) -> bool:
        return self.signum != 0

    def poll(self) -> None:
        """Raise ``Stopped`` if a stop was requested."""
        if self:
            raise Stopped(signal.Signals(self.signum).name)


def heard() -> list[signal.Signals]:
    """``SIGNALS``, without a SIGHUP that is ignored: `nohup` asks for that."""
    ignored = signal.SIG_IGN
    return [signum for signum in SIGNALS if signum.name != "SIGHUP" or signal.getsignal(signum) is not ignored]


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """While the context lasts, the first of ``SIGNALS`` only sets the flag, which ``poll`` asks for; a second SIGINT
    interrupts at once.

    Outside the main thread, where Python delivers no signals, the flag is never set.
    """
    request = StopRequest()

    def on_signal(signum: int, frame: FrameType | None) -> None:
        if request and signum == signal.SIGINT:
            raise KeyboardInterrupt
        if not request:
            name = signal.Signals(signum).name
            again = "; press Ctrl-C again to stop at once" if signum == signal.SIGINT else ""
            complain_at_once(f"\n{name}: stopping{again}")
        request.signum = request.signum or signum

    with handled_by(on_signal), polled_by(request.poll):
        yield request


@contextlib.contextmanager
def handled_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """While the context lasts, ``heard`` signals go to the handler. Outside the main thread, where Python delivers no
    signals, nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {signum: signal.signal(signum, handler) for signum in heard()}
    try:
        yield
    finally:
        for signum, before in previous.items():
            signal.signal(signum, before)


def answer(question: str, stop: StopRequest) -> str:
    """What somebody types on the terminal, "" at its end. A signal ends the waiting at once: raises ``Stopped``."""

    def on_signal(signum: int, frame: FrameType | None) -> None:
        stop.signum = stop.signum or signum
        complain_at_once("")
        stop.poll()

    tell(question.rstrip(), sys.stderr)
    with handled_by(on_signal):
        return sys.stdin.readline()
