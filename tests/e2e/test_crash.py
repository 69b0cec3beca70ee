"""Promise 3: SIGKILL at any moment, a full disk or a read-only folder lose nothing, and failing to save is an error."""

import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import ganforge
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and limits")

SPEC = importlib.util.spec_from_file_location("crash", Path(__file__).parents[2] / "benchmarks" / "crash.py")
assert SPEC is not None and SPEC.loader is not None
crash = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(crash)

KILLED = {"total_nimg": 2304}  # with a last report that a longer run would not have made
SHORT = {"total_nimg": 2560, "checkpoint_nimg": 1280}
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
from ganforge.cli.main import main
sys.exit(main(sys.argv[2:]))
"""
"""A file longer than the limit cannot be written: the same as on a full disk, but for the error's name."""
UNPRIVILEGED = """
import os, sys, tempfile
from ganforge.cli.main import main
with tempfile.TemporaryDirectory() as folder:  # so that all is imported that may not be readable in a moment
    tiny = ["--total-nimg=64", "--batch-size=64", "--g-hidden=4", "--d-hidden=4", "--device=cpu", "--threads=1"]
    assert main(["train", "note", "--data=ring", f"--out={folder}/run", *tiny]) == 0
if os.geteuid() == 0:
    os.seteuid(65534)  # root may write everywhere
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Resuming in this process sets the run's number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def train_here(out: Path, **changes: Any) -> RunFolder:
    """The same run in this process, without the seconds that a new one takes."""
    settings = crash.SETTINGS | SHORT | changes
    for name in ("g_hidden", "d_hidden"):
        settings[name] = [int(width) for width in str(settings[name]).split(",")]
    return ganforge.train("note", out=out, **settings)


def run_child(arguments: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=crash.LIMIT_S, **options)


def limited(limit: int, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return run_child([sys.executable, "-c", LIMITED, str(limit), *arguments])


def the_sentence(done: subprocess.CompletedProcess[str], status: int) -> str:
    """What the command complained of: one line, with the right exit status."""
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("ganforge: ") and done.stderr.endswith(".\n")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder with its content, and every folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


# --- SIGKILL


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, list[str]]:
    """A run that nobody killed, and its calls that changed the disk."""
    folder = tmp_path_factory.mktemp("whole")
    done = run_child(crash.child(folder / "calls", 0, "", crash.train(folder / "run", **KILLED)))
    assert done.returncode == 0, done.stderr
    calls = [line.partition(", ")[2] for line in (folder / "calls").read_text().splitlines()]
    return RunFolder(folder / "run"), calls


def test_random_kills_lose_nothing(tmp_path: Path) -> None:
    places, runs = crash.torture(tmp_path, 8, random.Random(3))
    assert places.total() == 8
    assert runs >= 1


@pytest.mark.parametrize(
    ("call", "nth", "stage"),
    [
        ("replace config", 0, "before"),
        ("write_bytes checkpoint", -1, "half"),
        ("unlink checkpoint", -1, "before"),
        ("append_row stats", 2, "half"),
        ("write_bytes picture", 0, "half"),  # reals.png
        ("save animation", 0, "before"),  # after the last checkpoint
        ("replace status", -1, "before"),
    ],
)
def test_a_kill_where_it_hurts(
    call: str, nth: int, stage: str, whole: tuple[RunFolder, list[str]], tmp_path: Path
) -> None:
    uninterrupted, calls = whole
    number = [n for n, name in enumerate(calls, start=1) if name == call][nth]
    run, arguments = RunFolder(tmp_path / "run"), crash.train(tmp_path / "run", **KILLED)
    place = crash.kill_from_inside(tmp_path / "calls", arguments, number, stage)
    assert place == f"{stage}, {call}"
    crash.check_whole(run, -1)
    assert run.read_status().get("state") in (None, "running")
    if run.exists():
        ganforge.resume(run.path)
    else:
        train_here(run.path, checkpoint_nimg=256, **KILLED)
    assert run.read_status()["state"] == "finished"
    assert crash.run_differences(uninterrupted, run) == []


# --- a full disk


@pytest.mark.parametrize(
    ("file", "limit", "changes"),
    [
        ("checkpoints/000002560.safetensors", 20_000, {}),
        ("snapshots/000002560.safetensors", 8_000, {"g_hidden": "40"}),
        ("fakes-000001920.png", 3_000, {}),
        ("stats.jsonl", -100, {"report_nimg": 64}),
        ("evolution.webp", 60_000, {"report_nimg": 64, "grid_size": 8}),
        ("stats.jsonl", 500, {}),
        ("config.json", 1_500, {"report_nimg": 1280}),
    ],
)
def test_what_cannot_be_saved_is_an_error(file: str, limit: int, changes: dict[str, Any], tmp_path: Path) -> None:
    uninterrupted = train_here(tmp_path / "uninterrupted", **changes)
    run = train_here(tmp_path / "run", **changes, total_nimg=1280)
    if limit < 0:  # so many bytes less than the next rows would need
        limit = run.stats.stat().st_size - limit
    done = limited(limit, ["resume", str(run.path), "--total-nimg=2560"])
    sentence = the_sentence(done, 1)
    assert f"could not be saved: {run.path / file}: File too large" in sentence
    assert f"`ganforge resume {run.path}`" in sentence
    assert run.read_status()["state"] in ("failed", "finished")
    newest = crash.check_whole(run, 1280)
    assert newest == (2560 if file == "evolution.webp" else 1280)
    assert crash.leftovers(run) == []
    ganforge.resume(run.path, total_nimg=2560)
    assert run.read_status()["state"] == "finished"
    assert crash.run_differences(uninterrupted, run) == []


def test_a_run_whose_first_picture_does_not_fit(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    sentence = the_sentence(limited(4_000, crash.train(run.path, **SHORT, grid_size=16)), 1)
    assert f"could not be saved: {run.reals}: File too large" in sentence
    assert run.read_status()["state"] == "failed"
    ganforge.resume(run.path)
    assert crash.run_differences(train_here(tmp_path / "uninterrupted", grid_size=16), run) == []


def test_a_run_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    sentence = the_sentence(limited(500, crash.train(tmp_path / "runs" / "run")), 2)
    assert f"The run folder {tmp_path / 'runs' / 'run'} cannot be written (File too large)" in sentence
    assert tree(tmp_path) == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = shutil.which("mount")
    if os.geteuid() != 0 or command is None or not sys.platform.startswith("linux"):
        pytest.skip("only root can mount a small disk, and only Linux has tmpfs")
    mounted = run_child([command, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)])
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True, timeout=crash.LIMIT_S)


@pytest.mark.parametrize("free_pages", [0, 6])
def test_a_full_disk(free_pages: int, small_disk: Path, tmp_path: Path) -> None:
    run = train_here(small_disk / "run", total_nimg=1280)
    room = os.statvfs(small_disk)
    (small_disk / "other").write_bytes(bytes((room.f_bavail - free_pages) * room.f_bsize))
    sentence = the_sentence(run_child(crash.ganforge(["resume", str(run.path), "--total-nimg=2560"])), 1)
    assert f"could not be saved: {run.path}/" in sentence
    assert "No space left on device" in sentence
    assert crash.check_whole(run, 1280) == 1280
    assert crash.leftovers(run) == []
    (small_disk / "other").unlink()
    ganforge.resume(run.path, total_nimg=2560)
    assert crash.run_differences(train_here(tmp_path / "uninterrupted"), run) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_training_outlives_its_output(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        arguments = crash.ganforge(crash.train(tmp_path / "run", **SHORT))
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, timeout=crash.LIMIT_S)
    assert (done.returncode, done.stderr) == (0, "")
    assert crash.run_differences(train_here(tmp_path / "uninterrupted"), RunFolder(tmp_path / "run")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_cannot_be_written_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        arguments = crash.ganforge(["recipes"])
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, timeout=crash.LIMIT_S)
    assert (done.returncode, done.stderr) == (1, "ganforge: The output cannot be written: No space left on device.\n")


# --- a folder that is read-only


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may read: pytest's own may be its owner's alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for path in [Path(name), *Path(name).rglob("*")]:
            path.chmod(0o755)


def close(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.mark.parametrize("name", ["run", "several/new/run", "."])
def test_training_into_a_read_only_folder(name: str, open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir()
    close(closed)
    out = closed / name
    train = ["train", "note", "--data=ring", f"--out={out}", "--device=cpu", "--metric-samples=0"]
    arguments = [sys.executable, "-c", UNPRIVILEGED, *train]
    sentence = the_sentence(run_child(arguments, cwd=open_folder), 2)
    assert f"The run folder {out} cannot be written (Permission denied); choose another with --out." in sentence
    assert tree(closed) == {}


@pytest.mark.parametrize("lock_mode", [0o444, 0o666])
def test_resuming_in_a_folder_that_became_read_only(lock_mode: int, open_folder: Path) -> None:
    run = train_here(open_folder / "run", data="ring", total_nimg=1280)
    run.status.write_text(json.dumps(run.read_status() | {"state": "stopped"}))
    close(run.path)
    (run.path / ".lock").chmod(lock_mode)
    before = tree(run.path)
    resume = ["resume", str(run.path), "--total-nimg=2560", "--metric-samples=0"]
    arguments = [sys.executable, "-c", UNPRIVILEGED, *resume]
    sentence = the_sentence(run_child(arguments, cwd=open_folder), 2 if lock_mode == 0o444 else 1)
    assert str(run.path) in sentence
    assert "Permission denied" in sentence
    assert tree(run.path) == before
    for path in [run.path, *run.path.rglob("*")]:
        path.chmod(0o755)
    _, facts, complaints = load_newest_checkpoint(run)
    assert (facts["nimg"], complaints) == (1280, {})
    ganforge.resume(run.path, total_nimg=2560)
    assert run.read_status()["state"] == "finished"
