"""Completion: what is offered at the Tab key, asked for as bash does, and without PyTorch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from some_runs import make_run

from ganforge.cli.main import main
from ganforge.cli.options import choices_of
from ganforge.recipes.catalog import RECIPES

ROOT = Path(__file__).parents[3]
ASK = """
import sys
from ganforge.cli.main import program
import os
exit = os._exit
def ends(status):
    heavy = {"torch", "numpy", "PIL", "safetensors", "rich"} & sys.modules.keys()
    exit(3 if heavy else status)
os._exit = ends
program()
"""


def offered(line: str, place: Path) -> set[str]:
    """What bash would offer at the end of the line, in that folder."""
    out = place / "offered"
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9",
             "_ARGCOMPLETE_STDOUT_FILENAME": str(out), "PYTHONPATH": str(ROOT), "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
             "_ARGCOMPLETE_IFS": "\n"}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", ASK], cwd=place, env=os.environ | asked, capture_output=True)
    assert done.returncode == 0, done.stderr
    words = set(out.read_text().split("\n"))
    out.unlink()
    return words - {""}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, and one that is none."""
    folder = tmp_path_factory.mktemp("place")
    make_run(folder / "runs" / "first")
    make_run(folder / "runs" / "second")
    (folder / "runs" / "pictures").mkdir()
    (folder / "runs" / "x.safetensors").touch()
    (folder / "runs" / "x.txt").touch()
    return folder


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ganforge re", {"resume", "report", "recipes"}),
        ("ganforge train ", {*RECIPES}),
        ("ganforge train note --gene", {"--generator"}),
        ("ganforge train note --generator ", {"mlp", "dcgan", "upsample", "resnet", "r3gan", "smooth"}),
        ("ganforge train note --lr ", set()),
        ("ganforge train r3gan --paper ", {"stacked-mnist", "cifar10", "mnist"}),
        ("ganforge resume runs/", {"runs/first", "runs/second", "runs/pictures/"}),
        ("ganforge sample runs/", {"runs/first", "runs/second", "runs/pictures/", "runs/x.safetensors"}),
        ("ganforge runs rm runs/f", {"runs/first"}),
        ("ganforge runs r", {"rm", "runs/"}),
        ("ganforge help r1", {"r1", "r1_gamma"}),
        ("ganforge train --data m", {"mnist"}),
        ("ganforge train --log ", {"tensorboard", "wandb", "mlflow", "trackio", "none"}),
        ("ganforge resume runs/first --log mlflow,t", {"mlflow,tensorboard", "mlflow,trackio"}),
        ("ganforge push runs/f", {"runs/first"}),
        ("ganforge push runs/first ", {"hub:"}),
    ],
)
def test_what_is_offered(line: str, words: set[str], place: Path) -> None:
    assert offered(line, place) == words


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_lines_for_a_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "ganforge" in capsys.readouterr().out


def test_the_words_that_settings_may_be() -> None:
    assert choices_of("d_norm") == ["batch", "layer", "spectral", "unnormalised", "none"]
    assert choices_of("r1_gamma") == ["auto"]
    assert choices_of("lr") == choices_of("max_images") == choices_of("conditional") == []
