"""A system that refuses: whichever file cannot be opened or looked at, the answer is one sentence and no traceback."""

import builtins
import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganforge.cli.main import main

SMALL = [
    "--data=digits", "--g-hidden=8", "--d-hidden=8", "--z-dim=4", "--batch-size=64", "--device=cpu",
    "--metric-samples=300", "--report-nimg=128", "--snapshot-nimg=128", "--checkpoint-nimg=128",
]  # fmt: skip
COMMANDS = {
    "train": ["train", "note", *SMALL, "--total-nimg=256", "--out=new"],
    "fine-tune": ["train", "note", *SMALL, "--total-nimg=256", "--out=new", "--init-from=run"],
    "resume": ["resume", "run", "--total-nimg=384"],
    "sample": ["sample", "run", "--device=cpu", "--seeds=0-3"],
    "evaluate": ["evaluate", "run", "--samples=20", "--device=cpu"],
    "judge": ["evaluate", "pictures", "--against=digits", "--samples=10", "--device=cpu"],
    "compare": ["compare", "run", "kept"],
    "report": ["report", "run"],
    "data": ["data"],
    "inspect": ["data", "inspect", "pictures"],
}
FUNCTIONS = [(os, name) for name in ("open", "stat", "lstat", "scandir", "listdir", "mkdir", "replace", "unlink")]
FUNCTIONS += [(io, "open"), (builtins, "open")]
FAULTS = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG)
TRIES = 12
"""Places of each command at which a fault is tried, spread evenly; benchmarks/attack.py tries them all."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with a run, a copy of it, and pictures."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "note", *SMALL, "--total-nimg=256", "--out=kept"]) == 0
    Path("pictures").mkdir()
    for shade in range(40):
        Image.new("L", (8, 8), 6 * shade).save(f"pictures/{shade}.png")
    return tmp_path


def with_fault(here: Path, arguments: list[str], at: int, number: int) -> tuple[int, int]:
    """The exit status, and how often files of the user's were asked for; the ``at``-th time there is a fault."""
    asked = 0

    def faulty(function: Callable[..., Any]) -> Callable[..., Any]:
        def asking(*given: Any, **named: Any) -> Any:
            nonlocal asked
            path = given[0] if given else named.get("path")
            if isinstance(path, str | os.PathLike) and here in Path(path).absolute().parents:
                asked += 1
                if asked == at:
                    raise OSError(number, os.strerror(number), os.fspath(path))
            return function(*given, **named)

        return asking

    for name in ("run", "new"):
        shutil.rmtree(name, ignore_errors=True)
    shutil.copytree("kept", "run")
    with pytest.MonkeyPatch.context() as patch:
        for module, name in FUNCTIONS:
            patch.setattr(module, name, faulty(getattr(module, name)))
        return main(arguments), asked


@pytest.mark.parametrize("command", COMMANDS)
def test_files_that_cannot_be_had(command: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, asked = with_fault(here, COMMANDS[command], 0, 0)
    assert status == 0, capsys.readouterr().err
    statuses = set()
    for number, at in enumerate(range(1, asked + 1, max(1, asked // TRIES))):
        capsys.readouterr()
        status, _ = with_fault(here, COMMANDS[command], at, FAULTS[number % len(FAULTS)])
        said = capsys.readouterr().err
        statuses.add(status)
        assert status in (0, 1, 2)
        assert said.count("ganforge: ") == int(status != 0), said
    assert statuses != {0} or not asked
