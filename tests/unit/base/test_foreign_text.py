"""Foreign text on the terminal: shown, never obeyed."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganforge.base.terminal import Careful, complain, harmless, mention, printable, tell


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain, ü, 数字, café", "plain, ü, 数字, café"),
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("over\rwritten\x08", "over\\rwritten\\x08"),
        ("\x9b31m", "\\x9b31m"),  # one byte in 8-bit terminals
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("line\u2028break", "line\\u2028break"),
        ("half \ud800, byte \udcff", "half \\ud800, byte \\xff"),
        ("می‌خواهم\u00a0x", "می‌خواهم\u00a0x"),  # a joiner that Persian needs, and a space that does not break
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, written: str) -> None:
    assert harmless(text) == written
    stream = io.StringIO()
    tell(text, stream)
    assert stream.getvalue() == written + "\n"


def test_a_name_stays_in_its_line() -> None:
    assert printable("a\nb\tc") == "a\\nb\\tc"
    assert printable("plain name") == "plain name"
    assert printable("no\u00a0break, \u200c, \u0378 and \ue000") == "no\\xa0break, \\u200c, \\u0378 and \\ue000"


@given(st.text())
def test_a_name_is_printable_whatever_it_is(name: str) -> None:
    assert printable(name).isprintable()


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", b"FD 3 +- 1 - 2... \\u5199\n"),
        ("cp1252", b"FD 3 \xb1 1 \xb7 2\x85 \\u5199\n"),
        ("utf-8", "FD 3 ± 1 · 2… 写\n".encode()),
    ],
)
def test_what_the_terminal_has_no_letters_for_is_spelled_out(encoding: str, written: bytes) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    tell("FD 3 ± 1 · 2… 写", stream)
    assert raw.getvalue() == written


class Odd(io.StringIO):
    """Says an encoding that nobody knows, and takes ASCII only."""

    encoding = "cp-nobody"  # type: ignore[assignment]

    def write(self, text: str) -> int:
        text.encode("ascii")
        return super().write(text)


class Bare(Odd):
    """Says none."""

    encoding = None  # type: ignore[assignment]


@pytest.mark.parametrize("odd", [Odd, Bare])
def test_a_file_that_tells_no_encoding_or_a_wrong_one(odd: type[Odd]) -> None:
    file = odd()
    tell("写", file)
    assert file.getvalue() == "\\u5199\n"


def test_a_file_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    file.close()
    with pytest.raises(OSError, match="it is closed"):
        tell("x", file)
    monkeypatch.setattr("sys.stdout", file)
    monkeypatch.setattr("sys.stderr", file)
    mention("x")
    complain("x")
    Careful(file).write("x")
    Careful(file).flush()


def test_a_stand_in_for_stderr_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Odd, "write", lambda *given: 1 / 0)
    monkeypatch.setattr("sys.stderr", Odd())
    complain("x")


def test_without_a_terminal_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    tell("x")
    complain("x")
