"""The progress bar in a real pseudo-terminal, and plain lines where there is none."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = [sys.executable, "-m", "ganforge", "train", "note", "--data", "digits", "--g-hidden", "32", "--d-hidden", "32"]
LENGTH = ["--total-nimg", "64000", "--report-nimg", "32000"]


def train_in_a_terminal(*options: str, **environment: str) -> tuple[int, str]:
    return in_a_terminal([*TRAIN, *LENGTH, *options], **environment)


def in_a_terminal(command: list[str], **environment: str) -> tuple[int, str]:
    """Run with a pseudo-terminal as stdout and stderr: the exit status, and all that was written to it."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command, stdout=theirs, stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "140"} | environment,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other end is closed: the child has ended
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    return child.wait(), shown.decode()


def test_a_bar_in_a_terminal_with_the_notes_lines_above_it(tmp_path: Path) -> None:
    status, shown = train_in_a_terminal("--out", str(tmp_path / "run"))
    assert status == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n")
    assert re.search(
        r"━+ +\d+% step [\d,]+ · [\d,]+ of 64,000 images · D \d\.\d+ G \d\.\d+ · [\d,]+ images/s · \d+:\d\d left", text
    )
    assert re.search(r"^Iter: 0, D: \d\.\d+, G:0\.\d+\s*$", text, re.MULTILINE)
    assert re.search(r"^Iter: 250, D: ", text, re.MULTILINE)


@pytest.mark.parametrize("columns", [80, 60, 40])
def test_the_time_left_is_seen_in_a_narrow_terminal(columns: int) -> None:
    code = "from ganforge.training.progress import Bar; import time; bar = Bar(); bar.start(0, 10_000_000); "
    code += "time.sleep(0.01); bar.update(4_000_000, 31_250, 1.31, 0.84); bar.close()"
    status, shown = in_a_terminal([sys.executable, "-c", code], COLUMNS=str(columns))
    assert status == 0, shown
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n")
    drawn = [line for line in text.split("\n") if "left" in line]
    assert drawn
    images = r"4,000,000 of 10,000,000 images · " if columns == 80 else ""
    assert re.fullmatch(rf"[━╸╺]{{5,40}} +40% {images}D 1.310 G 0.840 · 0:00 left *", drawn[-1]), drawn
    assert len(drawn[-1]) <= columns


NAME = "\x1b]0;owned\x07\x1b[2J[bold]:smile:\n\u202egnp"
SHOWN = r"\x1b]0;owned\x07\x1b[2J[bold]:smile:\n\u202egnp"


def test_a_name_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    """By the bar, by plain lines, and by a message of what is wrong."""
    status, shown = train_in_a_terminal("--out", str(tmp_path / NAME), "--total-nimg=640")
    assert status == 0
    assert "\x1b[2K" in shown  # the bar is drawn anew
    assert SHOWN in shown
    assert not [part for part in ("\x1b]", "\x1b[2J", "\x07", "\u202e", "\U0001f604", ":smile:\r\n") if part in shown]
    again = subprocess.run([*TRAIN, *LENGTH, "--out", str(tmp_path / NAME)], capture_output=True, text=True)
    assert again.returncode == 2
    assert again.stderr.startswith(f"ganforge: {tmp_path}/{SHOWN} already holds a run")
    assert again.stderr[:-1].isprintable()
    plain = subprocess.run([*TRAIN, *LENGTH, "--out", str(tmp_path / f"{NAME}2"), "--total-nimg=640"],
                           capture_output=True, text=True, check=True)  # fmt: skip
    assert f"{SHOWN}2" in plain.stdout
    assert all(line.isprintable() for line in plain.stdout.split("\n"))


def test_a_terminal_that_has_letters_only(tmp_path: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    status, shown = train_in_a_terminal("--out", str(tmp_path / "run"), **ascii_only, COLUMNS="60")
    assert status == 0, shown
    assert "of 64,000 images - D" in shown
    assert shown.isascii()


def test_plain_lines_where_the_output_is_a_file(tmp_path: Path) -> None:
    done = subprocess.run([*TRAIN, *LENGTH, "--out", str(tmp_path / "run")], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout + done.stderr
    assert re.findall(r"^Iter: (\d+), D: [\d.]+, G:[\d.]+$", done.stdout, re.MULTILINE) == ["0", "250"]
    assert "evolution.webp" in done.stdout.splitlines()[-2]
    assert "ganforge watch" in done.stdout.splitlines()[-1]
