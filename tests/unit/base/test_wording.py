"""base/wording.py: guesses at what was meant, values as they are typed, and paths as they can be pasted."""

import os
import shlex
import subprocess
import sys

import pytest

from ganforge.base.wording import as_typed, pasted, suggestion


def test_a_guess_where_there_is_one() -> None:
    assert suggestion("mnits", ["mnist", "digits"]) == "; did you mean 'mnist'?"
    assert suggestion("xyz", ["mnist", "digits"]) == ""


def test_values_as_they_are_typed() -> None:
    assert (as_typed((1024, 8)), as_typed(None), as_typed(0.5), as_typed("mnist")) == ("1024,8", "None", "0.5", "mnist")
    assert as_typed("x" * 60) == "x" * 60
    assert as_typed("x" * 61) == "x" * 57 + "..."


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
