"""Runs that start at the same moment, without a folder of their own choice."""

import errno
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ganforge.base.errors import UserError
from ganforge.base.stopping import StopRequest
from ganforge.recipes.catalog import recipe
from ganforge.run import folder as folder_module
from ganforge.run.folder import RunFolder
from ganforge.run.paths import SUBFOLDERS
from ganforge.run.place import usual_folder, usual_place
from ganforge.training.progress import Progress
from ganforge.training.start import start_run

TWELVE = [f"note-digits{n}" for n in ("", *(f"-{k}" for k in range(2, 13)))]
CHILD = """
import sys, time
from ganforge.run import place
from ganforge.run.place import usual_folder

def late(*given, look=place.usual_place):
    found = look(*given)
    time.sleep(0.1)
    return found

place.usual_place = late
print("ready", flush=True)
moment = float(sys.stdin.readline())
while time.time() < moment:
    pass
with usual_folder("note", "digits") as folder, folder.create({"by": moment}):
    print(folder.path.name, flush=True)
"""


def test_twelve_processes_get_twelve_folders(tmp_path: Path) -> None:
    """Each has looked which name is free before any of them has taken it."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in TWELVE
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    moment = f"{time.time() + 0.2}\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write(moment)
        child.stdin.flush()
    told = [child.communicate(timeout=60)[0].strip() for child in children]
    assert sorted(told) == sorted(TWELVE)
    assert sorted(path.parent.name for path in tmp_path.glob("runs/*/config.json")) == sorted(TWELVE)


def test_trainings_that_start_together_have_a_folder_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them come to the point where folders are made at once."""
    monkeypatch.chdir(tmp_path)
    together = threading.Barrier(6, timeout=60)

    def late(*given: str) -> Path:
        found = usual_place(*given)
        time.sleep(0.05)
        return found

    for module in ("ganforge.run.place", "ganforge.training.start"):
        monkeypatch.setattr(f"{module}.usual_place", late)
    monkeypatch.setattr("ganforge.training.start.prepare_judge", lambda *given: together.wait() * 0 or None)
    sizes = {"g_hidden": (8,), "d_hidden": (8,), "batch_size": 32, "grid_size": 2, "metric_samples": 0}
    config = recipe("note", data="digits", total_nimg=32, device="cpu", max_images=50, **sizes)
    folders: list[RunFolder] = []
    threads = [
        threading.Thread(target=lambda: folders.append(start_run(config, None, Progress(), StopRequest())))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(folder.path.name for folder in folders) == sorted(TWELVE[:6])
    assert all(folder.read_status()["state"] == "finished" for folder in folders)


def test_a_folder_that_stays_empty_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with usual_folder("note", "digits") as folder:
        assert folder.path.is_dir()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs").mkdir()
    with pytest.raises(UserError, match="no"), usual_folder("note", "digits"):
        raise UserError("no")
    assert list(tmp_path.rglob("*")) == [tmp_path / "runs"]


def test_where_none_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(UserError, match=r"The run folder cannot be made .*choose another place with --out"), (
        usual_folder("note", "digits")
    ):  # fmt: skip
        pass
    assert (tmp_path / "runs").read_text() == "mine"


def test_one_folder_for_several_is_given_to_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by --out: the others are told so, whichever of its folders somebody else makes first."""
    mkdir = Path.mkdir

    def late(path: Path, *given: Any, **named: Any) -> None:
        time.sleep(0.02)
        mkdir(path, *given, **named)

    monkeypatch.setattr(Path, "mkdir", late)
    together, told = threading.Barrier(8, timeout=60), []

    def make() -> None:
        together.wait()
        try:
            with RunFolder(tmp_path / "a" / "b" / "run").create({}):
                told.append("made")
        except UserError as error:
            told.append(str(error))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count("made") == 1
    others = [line for line in told if line != "made"]
    assert len(others) == 7
    assert all("already holds a run" in line or "Another process is training" in line for line in others), others


def test_who_was_too_late_takes_nothing_away_from_who_was_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that finds the folder held has made none of its sub-folders, which it would remove again."""
    made: list[Path] = []
    mkdir = Path.mkdir

    def noted(path: Path, *given: Any, **named: Any) -> None:
        mkdir(path, *given, **named)
        made.append(path)

    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    monkeypatch.setattr(Path, "mkdir", noted)
    with run.lock(), pytest.raises(UserError, match="Another process is training"):
        RunFolder(run.path).create({})
    subfolders = [run.path / name for name in SUBFOLDERS]
    assert not set(made) & set(subfolders)
    with run.create({}):
        assert set(subfolders) <= set(made)


def test_what_vanishes_while_one_looks_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that gives up takes its files away in that very moment."""
    run = RunFolder(tmp_path / "run")
    (run.path / "snapshots").mkdir(parents=True)
    (run.path / ".lock").touch()
    look = folder_module.entries

    def vanish(path: Path) -> Any:
        found = look(path)
        (run.path / ".lock").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(folder_module, "entries", vanish)
    run.refuse_occupied()
    assert not (run.path / ".lock").exists()


@pytest.mark.parametrize("fails", ["x" * 300, "snapshots"])
def test_what_was_made_before_a_failure_is_removed(fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is too long, and a disk that is full when the second sub-folder is made."""
    mkdir = Path.mkdir

    def full(path: Path, *given: Any, **named: Any) -> None:
        if path.name == fails == "snapshots":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        mkdir(path, *given, **named)

    monkeypatch.setattr(Path, "mkdir", full)
    monkeypatch.setattr(folder_module, "SUBFOLDERS", ("checkpoints", "snapshots"))
    name = fails if fails != "snapshots" else "run"
    with pytest.raises(UserError, match=r"cannot be (written|read)"):
        RunFolder(tmp_path / "a" / "b" / name).create({})
    assert list(tmp_path.iterdir()) == []
