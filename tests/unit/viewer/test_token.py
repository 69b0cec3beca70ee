"""Where the token comes from; an empty one would let anybody in."""

from pathlib import Path

import pytest

from ganforge.base.errors import UserError
from ganforge.viewer.token import VARIABLE, given_token


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_the_option_goes_before_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert given_token(None, None) is None
    monkeypatch.setenv(VARIABLE, "of-the-environment")
    assert given_token(None, None) == "of-the-environment"
    assert given_token("of-the-option", None) == "of-the-option"
    (tmp_path / "token").write_text("  of-the-file\n", encoding="utf-8")
    assert given_token(None, tmp_path / "token") == "of-the-file"


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "\x1b[31m", "x" * 1_001, "caf\u00e9"])
def test_an_empty_or_odd_one_is_refused(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--token gives must have 1 to"):
        given_token(token, None)
    monkeypatch.setenv(VARIABLE, token)
    with pytest.raises(UserError, match="with an empty one anybody could look"):
        given_token(None, None)


def test_a_file_that_holds_none(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name, words in (("empty", "must have 1 to"), ("bytes", "holds no text"), ("none", "cannot be read")):
        with pytest.raises(UserError, match=words):
            given_token(None, tmp_path / name)
    with pytest.raises(UserError, match="both given"):
        given_token("a", tmp_path / "empty")
