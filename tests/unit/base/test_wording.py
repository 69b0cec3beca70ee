"""base/wording.py: guesses at what was meant, values as they are typed, and paths as they can be pasted."""

import os
import shlex
import subprocess
import sys

import pytest

from ganforge.base.errors import UserError
from ganforge.base.wording import LONGEST, as_typed, pasted, refuse_odd_name, suggestion


def test_a_guess_where_there_is_one() -> None:
    assert suggestion("mnits", ["mnist", "digits"]) == "; did you mean 'mnist'?"
    assert suggestion("xyz", ["mnist", "digits"]) == ""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("--foo", ""), ("--totl-nimg", "--total-nimg"), ("--batch", "--batch-size"), ("--lrr", "--lr"),
     ("--step", "--d-steps"), ("--FIT", "--fit"), ("--epochs", ""), ("--gpu", ""), ("--d_steps", "--d-steps"),
     ("--wat", "--watch")],
)  # fmt: skip
def test_only_what_is_near_is_a_guess(typed: str, meant: str) -> None:
    options = ["--fit", "--lr", "--watch", "--batch-size", "--total-nimg", "--d-steps", "--help", "--data"]
    assert suggestion(typed, options) == (f"; did you mean {meant!r}?" if meant else "")


def test_values_as_they_are_typed() -> None:
    assert (as_typed((1024, 8)), as_typed(None), as_typed(0.5), as_typed("mnist")) == ("1024,8", "None", "0.5", "mnist")
    assert as_typed("x" * 60) == "x" * 60
    assert as_typed("x" * 61) == "x" * 57 + "..."


def test_values_that_no_setting_has_are_shown_in_one_short_line() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    for value in (
        nested,
        {"a": nested},
        [nested] * 9,
        {"\x1b": "\n"},
        "\x1b[2J\n",
        ["\n"] * 1_000_000,
        "\r" * 1_000_000,
    ):
        text = as_typed(value)
        assert text.isprintable()
        assert len(text) <= 4 * LONGEST
    assert as_typed("a\nb") == r"a\nb"
    while nested:  # taken apart here, since Python's own way would go as deep
        nested = nested.pop()  # type: ignore[assignment]


def test_nothing_is_guessed_of_what_is_long() -> None:
    assert suggestion("mnits" * 13, ["mnits" * 13 + "x"]) == ""


def test_a_name_that_is_no_text() -> None:
    refuse_odd_name("runs/caf\u00e9")
    with pytest.raises(UserError, match=r"The name runs/\\xff is not valid UTF-8; choose another\."):
        refuse_odd_name("runs/\udcff")


@pytest.mark.skipif(os.name == "nt", reason="another shell")
@pytest.mark.parametrize("path", ["runs/note", "my runs/café", "it's; $HOME"])
def test_a_path_survives_being_pasted(path: str) -> None:
    assert shlex.split(pasted(path)) == [path]
    printed = subprocess.run(
        f"{shlex.quote(sys.executable)} -c 'import sys; print(ascii(sys.argv[1]))' {pasted(path)}",
        shell=True, text=True, capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert printed.strip() == ascii(path)


@pytest.mark.skipif(os.name == "nt", reason="another shell")
def test_a_plain_path_is_left_as_it_is() -> None:
    assert pasted("/tmp/runs/note-digits_2.x") == "/tmp/runs/note-digits_2.x"
