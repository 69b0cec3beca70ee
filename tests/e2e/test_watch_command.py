"""`ganforge watch` and `train --watch` as one types them."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from pages import ENVIRONMENT

from ganforge.cli import main

TRAIN = ("train", "note", "--data", "digits", "--threads", "1", "--total-nimg", "600", "--metric-samples", "0")


@pytest.mark.skipif(find_spec("nicegui") is None, reason="the page needs nicegui: pip install .[view]")
def test_the_address_comes_before_the_training_and_the_way_back_after_it(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "ganforge", *TRAIN, "--watch", "--out", str(out)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=True)
    lines = done.stdout.splitlines()
    assert re.fullmatch(rf"Watching {re.escape(str(out))}: http://127\.0\.0\.1:\d+/", lines[0])
    assert lines[-1].startswith(f"The page has ended with the training; look again: `ganforge watch {out}`")
    assert "Finished." in done.stdout
    assert done.stderr == ""


def test_an_occupied_folder_is_refused_before_there_is_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "something").touch()
    assert main([*TRAIN, "--watch", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert "is not empty" in said.err
    assert "Watching" not in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-folder"], "no-such-folder is no folder"),
        ([".", "--port", "70000"], "a port is between 1 and 65535"),
        ([".", "--port", "x"], "invalid int value"),
        ([".", "--port", "0", "--host", "192.0.2.1"], "choose another with --port, or another --host"),
        ([".", "extra"], "'extra' is one argument too many"),
    ],
)
def test_what_cannot_be_watched_is_one_sentence(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["watch", *arguments]) == 2
    assert words in capsys.readouterr().err
