"""The progress bar in a real pseudo-terminal, and plain lines where there is none."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

TRAIN = [sys.executable, "-m", "ganforge", "train", "note", "--data", "digits", "--g-hidden", "32", "--d-hidden", "32"]
LENGTH = ["--total-nimg", "64000", "--report-nimg", "32000"]


def test_a_bar_in_a_terminal_with_the_notes_lines_above_it(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [*TRAIN, *LENGTH, "--out", str(tmp_path / "run")]
    child = subprocess.Popen(
        command, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm", "COLUMNS": "140"}
    )
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
    assert child.wait() == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "\n")
    assert re.search(
        r"━+ +\d+% step [\d,]+ · [\d,]+ of 64,000 images · D \d\.\d+ G \d\.\d+ · [\d,]+ images/s · \d+:\d\d left", text
    )
    assert re.search(r"^Iter: 0, D: \d\.\d+, G:0\.\d+\s*$", text, re.MULTILINE)
    assert re.search(r"^Iter: 250, D: ", text, re.MULTILINE)


def test_plain_lines_where_the_output_is_a_file(tmp_path: Path) -> None:
    done = subprocess.run([*TRAIN, *LENGTH, "--out", str(tmp_path / "run")], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout + done.stderr
    assert re.findall(r"^Iter: (\d+), D: [\d.]+, G:[\d.]+$", done.stdout, re.MULTILINE) == ["0", "250"]
    assert "evolution.webp" in done.stdout.splitlines()[-2]
    assert "ganforge watch" in done.stdout.splitlines()[-1]
