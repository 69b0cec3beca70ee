"""`ganforge runs`: what is listed, what is removed and what never is, and where a run may go."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from some_runs import make_run, record_at

from ganforge.base.errors import UserError
from ganforge.base.stopping import Stopped, StopRequest, polled_by
from ganforge.cli.main import main
from ganforge.run.folder import RunFolder
from ganforge.run.removal import LAST, content_of, move_run, remove_run

RECORD = '{"format": 1, "nimg": 1, "protocol": {}, "figures": {}}'
PAGE = '<meta name="generator" content="ganforge">'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run() -> RunFolder:
    """With a file of each kind that ganforge writes."""
    folder = make_run(Path("runs/a"))
    weights = folder.snapshot(1), folder.checkpoint(1), folder.best_checkpoint
    for path in (*weights, folder.evolution, folder.metrics, folder.removed):
        path.write_bytes(b"x")
    folder.checkpoint(1).with_name("000000001.safetensors.damaged-2").touch()
    (folder.path / ".ganforge-tmp-abcdefgh.png").touch()
    for name in ("trackers/wandb.json", "trackers/wandb.lock", "tensorboard/events.out.tfevents.1.host.2.0"):
        (folder.path / name).parent.mkdir(exist_ok=True)
        (folder.path / name).touch()
    folder.report.write_text(PAGE)
    folder.evaluation(1, "ab12").write_text(RECORD)
    return folder


FOREIGN = (
    "notes.txt", "fakes-12.png", "report.html", "evaluation-000000001-ab12.json", "nearest-000000001.png", "own/x.txt",
    "snapshots/best.safetensors", "snapshots/000000001.safetensors.damaged", "checkpoints/x/y", ".ganforge-tmp-mine",
    "tensorboard/notes", "trackers/mine.txt", "config.json.bak", "checkpoints/000000001.safetensors.damaged-x",
)  # fmt: skip


def test_a_run_is_removed_as_a_whole(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("runs/b"))
    assert main(["runs", "rm", "runs/a", "--yes"]) == 0
    assert [path.name for path in Path("runs").iterdir()] == ["b"]
    said = capsys.readouterr().out
    assert said.count("runs/a: ") == 1
    assert "would be" not in said


@pytest.mark.parametrize("words", ["rm --yes runs/a runs/b", "--yes rm runs/a runs/b", "rm runs/a --yes runs/b",
                                   "rm --yes runs/a -- runs/b"])  # fmt: skip
def test_options_may_stand_anywhere(words: str, run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("runs/b"))
    make_run(Path("runs/c"))
    assert main(["runs", *words.split()]) == 0
    assert [path.name for path in Path("runs").iterdir()] == ["c"]
    for wrong, said in (
        ("rm --yse runs/c", "no option '--yse' here"), ("mv --yes runs/c d", "--yes goes with"),
        ("--yes runs rm", "--yes goes with"), ("rm --yes", "Which run?"), ("rm --yes -- -x", "no folder -x"),
    ):  # fmt: skip
        assert main(["runs", *wrong.split()]) == 2
        assert said in capsys.readouterr().err
    assert Path("runs/c/config.json").exists()


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_the_runs_own_stays_and_is_told(
    name: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = run.path / name
    mine.parent.mkdir(exist_ok=True)
    mine.unlink(missing_ok=True)
    mine.write_bytes(b"mine")
    assert main(["runs", "rm", "runs/a", "--yes"]) == 0
    assert [path for path in run.path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_bytes() == b"mine"
    top = (
        name
        if name.startswith(("snapshots", "checkpoints/0", "tensorboard", "trackers"))
        else "checkpoints/x"
        if "/y" in name
        else name
    )
    assert top.removesuffix("/x.txt") in capsys.readouterr().out


def test_nothing_is_reached_through_a_link(run: RunFolder, here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine/000000001.safetensors").touch()
    (here / "mine.png").touch()
    for path in (run.path / "snapshots").iterdir():
        path.unlink()
    (run.path / "snapshots").rmdir()
    (run.path / "snapshots").symlink_to(here / "mine")
    run.fakes(7).symlink_to(here / "mine.png")
    assert content_of(run).foreign == ["fakes-000000007.png", "snapshots"]
    remove_run(run)
    assert (here / "mine/000000001.safetensors").exists()
    assert (here / "mine.png").exists()
    assert sorted(path.name for path in run.path.iterdir()) == ["fakes-000000007.png", "snapshots"]


def test_what_is_no_run_or_a_link_to_one_is_refused(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    Path("link").symlink_to("runs/a")
    Path("folder").mkdir()
    for name, said in (("link", "is a link"), ("folder", "not a run folder"), ("runs", "not a run folder"),
                       ("nothing", "There is no folder")):  # fmt: skip
        assert main(["runs", "rm", "runs/a", name, "--yes"]) == 2
        assert said in capsys.readouterr().err
        assert main(["runs", "mv", name, "elsewhere"]) == 2
    assert run.snapshot(1).exists()


ELSEWHERE = {"data": {"name": "x"}, "environment": [{"python": "3.11"}]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"model_type": "bert", "settings": 3}', "holds no settings"),
        ("{}", "holds no settings"),
        ("model: bert", "cannot be read as JSON"),
        ('{"settings": {}}', "lacks the run's data and environment"),
        (json.dumps(ELSEWHERE | {"settings": {"hidden_size": 768}}), "There is no setting 'hidden_size'"),
        (json.dumps(ELSEWHERE | {"settings": {"recipe": 3}}), "settings that this ganforge cannot use"),
        (json.dumps(ELSEWHERE | {"settings": {"seed": 1}}), "names no recipe"),
    ],
)
def test_another_programs_folder_is_neither_removed_nor_moved(
    content: str, said: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though all its files have a run's names."""
    run.config.write_text(content)
    run.lock_file.unlink()
    before = {path: path.lstat().st_mtime_ns for path in Path("runs").rglob("*")}
    for words in (["rm", "runs/a", "--yes"], ["mv", "runs/a", "b"]):
        assert main(["runs", *words]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert "If it is a run all the same, remove or move it by hand." in error
    assert {path: path.lstat().st_mtime_ns for path in Path("runs").rglob("*")} == before


def test_a_run_that_is_written_is_refused(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    hold = f"from ganforge.run.folder import RunFolder\nwith RunFolder({str(run.path)!r}).lock():\n print()\n input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=-1, stdout=-1, env=os.environ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert main(["runs", "rm", "runs/a", "--yes"]) == 2
        assert "Another process is training" in capsys.readouterr().err
        assert main(["runs", "mv", "runs/a", "b"]) == 2
        other.communicate(b"\n")
    assert run.snapshot(1).exists()


def test_a_run_that_a_tracker_is_told_of_is_refused(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_run(Path("runs/b"))
    with run.hold_tracker("wandb", 0):
        assert main(["runs", "rm", "runs/b", "runs/a", "--yes"]) == 2
        assert "The tracker wandb is still told of runs/a; wait" in capsys.readouterr().err
        assert main(["runs", "mv", "runs/a", "b"]) == 2
        for change in (lambda: remove_run(run), lambda: move_run(run, Path("b"))):  # it may have begun since
            with pytest.raises(UserError, match="still told"):
                change()
        other.trackers.symlink_to(run.trackers.resolve())
        remove_run(other)  # whose tracker it is not
    assert run.snapshot(1).exists()
    assert main(["runs", "rm", "runs/a", "--yes"]) == 0


def test_nothing_is_removed_unless_somebody_says_so(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert main(["runs", "rm", "runs/a"]) == 2
    assert "add --yes" in capsys.readouterr().err
    other = make_run(Path("runs/b"))
    for typed, there in ((b"\n", True), (b"no\n", True), (b"y\n", False)):
        ours, theirs = pty.openpty()
        os.write(ours, typed * 9)
        with os.fdopen(theirs) as terminal:
            monkeypatch.setattr(sys, "stdin", terminal)
            assert main(["runs", "rm", "runs/a", "runs/b"]) == 0
        os.close(ours)
        assert run.exists() == other.exists() == there
        said = capsys.readouterr()
        assert said.err == "Remove 2 runs for good? [y/N]\n"  # once for all
        for name in ("runs/a", "runs/b"):
            assert [line.endswith("would be removed") for line in said.out.splitlines() if f"{name}: " in line] == (
                [True] if there else [True, False]
            )


def test_a_signal_ends_the_question(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    _, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert main(["runs", "rm", "runs/a"]) == 143
    assert run.snapshot(1).exists()


def test_a_removal_that_is_stopped_leaves_a_run_that_can_be_removed(run: RunFolder) -> None:
    stop, left = StopRequest(), 4

    def poll() -> None:
        nonlocal left
        left -= 1
        stop.signum = 2 if not left else 0
        stop.poll()

    with pytest.raises(Stopped), polled_by(poll):
        remove_run(run)
    assert run.exists()
    assert [path.name for path in content_of(run).own][-3:] == [*LAST]
    remove_run(run)
    assert not run.path.exists()


def test_a_run_is_moved_with_all_that_is_in_it(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    (run.path / "notes.txt").write_text("mine")
    for target, place in (("b", "b"), ("runs", "runs/b"), ("runs/c", "runs/c")):
        was = next(path.parent for path in Path().rglob("notes.txt"))
        assert main(["runs", "mv", str(was), target]) == 0
        assert f"{was} is now {place}" in capsys.readouterr().out
        assert Path(place, "notes.txt").read_text() == "mine"
        assert RunFolder(place).exists()
    assert [path.name for path in Path("runs").iterdir()] == ["c"]


def test_a_run_goes_nowhere_it_would_change_anything(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("runs/b"))
    Path("file").touch()
    for target, said in (
        ("runs", "something at runs/a already"), ("file", "something at file"), ("nowhere/b", "no folder nowhere"),
        ("runs/a/inner", "in the run itself"), ("runs/a/snapshots", "in the run itself"),
        ("runs/a", "in the run itself"), ("runs/b", "is a run, and no run"),
    ):  # fmt: skip
        assert main(["runs", "mv", "runs/a", target]) == 2
        assert said in capsys.readouterr().err
    assert run.snapshot(1).exists()


def test_the_list_tells_state_progress_size_and_best_figure(
    run: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    run.metrics.unlink()
    for nimg, value in ((1_000, 0.75), (2_000, 0.625), (3_000, 0.9)):
        run.append_metrics(record_at(nimg, value))
    (run.path / "large.bin").write_bytes(bytes(3 << 20))
    failed = make_run(Path("runs/b"), state="failed")
    failed.write_status("failed", 1_000, 3_000, reason="the disk is full")
    failed.stats.unlink()
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [first] = [line for line in lines if line.startswith("runs/a")]
    assert all(text in first for text in ("finished", "3,000 of 3,000", "3.0 MiB", "FD/random 0.625 at 2,000"))
    assert "runs/b: the disk is full" in lines
    assert lines[-1].startswith("2 runs in runs, 3.0 MiB")


def test_lists_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    Path("empty").mkdir()
    assert main(["runs", "empty"]) == 0
    said = capsys.readouterr().out
    assert "There is no run yet" in said
    assert "There is no run in empty" in said
    for wrong in (["empty", "other"], ["--yes"], ["rm"], ["mv", "a"], ["ls"]):
        assert main(["runs", *wrong]) == 2
    assert "ls is no folder; give the one that your runs are in (default: runs)." in capsys.readouterr().err
