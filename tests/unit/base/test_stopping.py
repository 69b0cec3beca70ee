"""base/stopping.py, with real signals sent to this process."""

import os
import signal
import sys
import threading

import pytest

from ganforge.base.stopping import SIGNALS, Stopped, StopRequest, poll, polled_by, stop_on_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send itself these signals")


def send(signum: int) -> None:
    """Send a signal to this process; Python has run its handler when this returns."""
    os.kill(os.getpid(), signum)
    for _ in range(1000):  # the handler runs between two bytecodes of the main thread
        pass


def test_nobody_has_asked() -> None:
    with stop_on_signals() as stop:
        assert not stop
        assert stop.signum == 0
        stop.poll()
        poll()


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_sets_the_flag_and_says_so(signum: int, capfd: pytest.CaptureFixture[str]) -> None:
    with stop_on_signals() as stop:
        send(signum)
        assert stop
        assert stop.signum == signum
        with pytest.raises(Stopped, match=f"^{signal.Signals(signum).name}$"):
            stop.poll()
        with pytest.raises(Stopped):
            poll()
    poll()  # the request was met
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.count(f"{signal.Signals(signum).name}: stopping") == 1


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_sigint_interrupts_at_once(first: int) -> None:
    with stop_on_signals() as stop:
        send(first)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert stop.signum == first


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_sigterm_changes_nothing(first: int, capfd: pytest.CaptureFixture[str]) -> None:
    with stop_on_signals() as stop:
        send(first)
        send(signal.SIGTERM)
        assert stop.signum == first
    assert capfd.readouterr().err.count("stopping") == 1


def test_a_closed_terminal_is_a_request_unless_that_is_ignored() -> None:
    """`nohup` starts a program with SIGHUP ignored."""
    assert signal.SIGHUP in SIGNALS
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            send(signal.SIGHUP)
            assert not stop
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            send(signal.SIGTERM)
            assert stop.signum == signal.SIGTERM
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_takes_long_asks_whoever_is_nearest() -> None:
    asked: list[str] = []
    with polled_by(lambda: asked.append("outer")):
        poll()
        with polled_by(lambda: asked.append("inner")), pytest.raises(ZeroDivisionError):
            poll()
            raise ZeroDivisionError
        poll()
    poll()
    assert asked == ["outer", "inner", "outer"]


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(signum) for signum in SIGNALS]
    with stop_on_signals():
        assert all(signal.getsignal(signum) not in before for signum in SIGNALS)
    assert [signal.getsignal(signum) for signum in SIGNALS] == before


def test_handlers_are_put_back_after_an_error() -> None:
    before = [signal.getsignal(signum) for signum in SIGNALS]
    with pytest.raises(ZeroDivisionError), stop_on_signals():
        raise ZeroDivisionError
    assert [signal.getsignal(signum) for signum in SIGNALS] == before


def test_requests_do_not_share_a_flag() -> None:
    with stop_on_signals() as first:
        send(signal.SIGTERM)
    with stop_on_signals() as second:
        assert first
        assert not second
    assert not StopRequest()


def test_outside_the_main_thread_nothing_is_installed() -> None:
    before = [signal.getsignal(signum) for signum in SIGNALS]
    seen: list[object] = []

    def work() -> None:
        with stop_on_signals() as stop:
            seen.extend([signal.getsignal(signum) for signum in SIGNALS])
            seen.append(bool(stop))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [*before, False]
