"""Faults of the page, a line each."""

import asyncio
import logging

import pytest

from ganforge.viewer.error_log import MOST_LINES, SILENT, TOLD, OneLine, tell_in_one_line


@pytest.fixture
def loggers() -> object:
    """The loggers as they are after ``tell_in_one_line``; then as they were."""
    names = (*TOLD, *SILENT)
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).propagate) for name in names}
    tell_in_one_line()
    yield
    for name, (handlers, propagate) in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagate


def fail(name: str, text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError as error:
        logging.getLogger(name).exception(error)


def test_a_fault_is_one_harmless_line_and_told_once(loggers: object, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(100):
        fail("nicegui", f"a\x1b[31m\nfault {number}")
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("The page continues after an error: ValueError: a\\x1b[31m\\nfault 0 (")
    assert "test_error_log.py:" in line
    assert "Traceback" not in line


def test_what_comes_through_a_socket_is_told_nobody(loggers: object, capsys: pytest.CaptureFixture[str]) -> None:
    for name in SILENT:
        fail(name, "junk")
    for name in (*SILENT, *TOLD):
        logging.getLogger(name).error("\x1b[31m a visitor's text")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_what_is_under_way_at_the_end_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    OneLine().emit(logging.LogRecord("x", logging.ERROR, "x.py", 1, asyncio.CancelledError(), None, None))
    assert capsys.readouterr().err == ""


def test_there_is_an_end_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    handler = OneLine()
    for number in range(5 * MOST_LINES):
        error = type(f"Fault{number}", (Exception,), {})()
        handler.emit(logging.LogRecord("nicegui", logging.ERROR, "x.py", 1, error, None, None))
    assert len(capsys.readouterr().err.splitlines()) == MOST_LINES
