"""Every verb where the terminal has few letters, and where nobody reads on: saying something never ends the work."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ganforge.base.wording import pasted
from ganforge.cli.main import main
from ganforge.run.folder import RunFolder

LETTERS_ONLY = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
TERMINALS = {"cp1252": {"PYTHONIOENCODING": "cp1252"}, "ascii": {"PYTHONIOENCODING": "ascii"}, "C": LETTERS_ONLY}
SMALL = [
    "--z-dim=4", "--g-hidden=8", "--d-hidden=8", "--batch-size=8", "--report-nimg=64", "--snapshot-nimg=64",
    "--device=cpu",
]  # fmt: skip
TRAIN = ["train", "note", "--data=写真", "--conditional", *SMALL, "--total-nimg=128"]
VERBS = [
    [*TRAIN, "--out=写runs/跑"],
    ["resume", "写runs/跑", "--total-nimg=256"],
    ["sample", "写runs/跑", "--class=猫", "--out=写runs/猫.png"],
    ["evaluate", "写runs/跑"],
    ["compare", "写runs/跑", "--out=写runs/比.png"],
    ["report", "写runs/跑"],
    ["recipes"],
    ["data", "prepare", "写真"],
    ["data", "inspect", "写真"],
    ["data"],
    ["data", "clear"],
    ["train", "--help"],
    ["sample", "写runs/跑", "--class=犬"],
]
ALL = """
import sys
from ganforge.base.utf8_names import take_names_as_utf8
from ganforge.cli.main import main
take_names_as_utf8()
verbs = open("verbs", encoding="utf-8").read().split("\\n\\n")
def status(arguments):
    try:
        return main(arguments)
    except SystemExit as ended:
        return ended.code
sys.exit("".join(str(status(verb.split("\\n"))) for verb in verbs))
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with pictures, a cache of its own, and names that few encodings have."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_COLOR", "1")
    for number in range(40):
        folder = Path("写真") / ("猫" if number % 2 else "собака")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 6 * number).save(folder / f"±{number}.png")
    return tmp_path


@pytest.mark.parametrize("terminal", TERMINALS)
def test_every_verb_where_the_terminal_lacks_letters(terminal: str, here: Path) -> None:
    Path("verbs").write_text("\n\n".join("\n".join(verb) for verb in VERBS), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", ALL], env=os.environ | TERMINALS[terminal], capture_output=True)
    out, err = (text.decode("cp1252" if terminal == "cp1252" else "ascii") for text in (done.stdout, done.stderr))
    assert err.splitlines()[-2:] == ["ganforge: There is no class '\\u72ac' (the classes: \\u0441\\u043e\\u0431\\u0430"
                                     "\\u043a\\u0430, \\u732b).", "0" * 12 + "2"], out + err  # fmt: skip
    assert "into \\u5199runs/\\u8dd1" in out
    assert "Written: \\u5199runs/\\u8dd1/evaluation-000000256" in out
    dot, plus = ("·", "±") if terminal == "cp1252" else ("-", "+-")
    assert f" {dot} 256 of 256 images {dot} D " in out
    assert f" {plus} " in out
    assert (RunFolder("写runs/跑").read_status()["state"], Path("写runs/猫.png").exists()) == ("finished", True)
    assert json.loads(Path("写runs/跑/config.json").read_text("utf-8"))["data"]["class_names"] == ["собака", "猫"]
    assert "写真" in Path("写runs/跑/report.html").read_text("utf-8")


def test_the_page_where_the_terminal_lacks_letters(here: Path) -> None:
    """The address is said, by `watch` itself and beside a training."""
    environment = os.environ | LETTERS_ONLY
    (here / "写runs").mkdir()
    command = [sys.executable, "-m", "ganforge", "watch", "写runs"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as watch:
        assert watch.stdout is not None
        said = watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        rest = watch.stdout.read()
    assert said.startswith(b"Watching \\u5199runs"), said + rest
    assert watch.returncode == 130
    beside = [sys.executable, "-m", "ganforge", *TRAIN, "--watch", "--out=é", "--metric-samples=0"]
    done = subprocess.run(beside, env=os.environ | TERMINALS["cp1252"], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b""), done
    assert done.stdout.startswith("Watching é".encode("cp1252"))


def test_nobody_reads_on(here: Path) -> None:
    """A run, and pictures prepared, outlive their reader, and end well."""
    for verb in (["data", "prepare", "写真"], [*TRAIN, "--out=run"]):
        command = " ".join(map(pasted, [sys.executable, "-m", "ganforge", *verb]))
        done = subprocess.run(
            ["bash", "-c", f"{command} | sleep 0; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), verb
    assert RunFolder("run").read_status()["state"] == "finished"


def test_nobody_reads_the_last_line(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            if "Look at it" in text:
                raise BrokenPipeError
            return super().write(text)

    monkeypatch.setattr("sys.stdout", Gone())
    assert main([*TRAIN, "--out=run"]) == 0


def test_a_stand_in_for_stdout_that_raises(here: Path) -> None:
    """Such as one that keeps a copy of all that is said, in a file without the letters for it."""
    code = """
import sys, ganforge
class Copying:
    def write(self, text):
        text.encode(sys.argv[1])
        raise RuntimeError("no copy")
    def flush(self): pass
class Letters(Copying):
    def write(self, text): text.encode("ascii")
for number, kind in enumerate((Copying, Letters)):
    sys.stdout = kind()
    ganforge.train("note", data="写真", z_dim=4, g_hidden=(8,), d_hidden=(8,), batch_size=8, total_nimg=16,
                   device="cpu", metric_samples=0, out=str(number))
"""
    done = subprocess.run([sys.executable, "-c", code, "ascii"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [RunFolder(str(number)).read_status()["state"] for number in range(2)] == ["finished", "finished"]
