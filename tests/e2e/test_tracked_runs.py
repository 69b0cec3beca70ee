"""Runs with trackers: the same runs, whatever a tracker does; and trackers that are told all, however a run ends."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pages import patience

import ganforge
from ganforge.base.errors import UserError
from ganforge.cli.main import main
from ganforge.run.folder import RunFolder
from ganforge.tracking import catalog, trackers
from ganforge.tracking.taken import KINDS, Taken, read_taken, write_taken

SPEC = importlib.util.spec_from_file_location("crash", Path(__file__).parents[2] / "benchmarks" / "crash.py")
assert SPEC is not None and SPEC.loader is not None
crash = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(crash)

TINY: dict[str, Any] = {
    "data": "digits", "max_images": 200, "batch_size": 32, "z_dim": 8, "g_hidden": [16], "d_hidden": [16],
    "grid_size": 2, "device": "cpu", "threads": 1, "metric_samples": 50, "total_nimg": 960, "report_nimg": 256,
    "snapshot_nimg": 512,
}  # fmt: skip
RAISES = "raise ConnectionError('the server is away')"
HANGS = "import os, time; open(__file__ + '.pid', 'w').write(str(os.getpid())); time.sleep(1000)"
DIES = "import os; os._exit(7)"
SOON_S = 5.0 * patience()
"""From the signal to the end of the process, on a slow and busy machine."""


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Training in this process sets the run's number of threads; a tracker that hangs is ended with the test."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
    for process in trackers.LET_GO:
        process.kill()
        process.wait()


def in_trackios_place(does: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package called trackio that does this when a run begins."""
    (place / "trackio").mkdir()
    (place / "trackio" / "__init__.py").write_text(f"def init(**_):\n    {does}\n", encoding="utf-8")
    (place / "trackio" / "utils.py").write_text("TRACKIO_DIR = 'nowhere'\n", encoding="utf-8")
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")])))


def in_tensorboard(folder: RunFolder, name: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder.tensorboard), {"scalars": 0, "images": 0})
    reader.Reload()
    tags = reader.Tags()
    if name not in tags["scalars"] + tags["images"]:
        return []
    if name == "grid":
        return [(event.step, 0.0) for event in reader.Images(name)]
    return [(event.step, event.value) for event in reader.Scalars(name)]


def check_tensorboard(folder: RunFolder) -> None:
    """It shows what the log holds, no more and no less."""
    losses = [(row["nimg"], pytest.approx(row["Loss/D"])) for row in folder.rows()]
    assert in_tensorboard(folder, "Loss/D") == losses
    for kind, key in (("Figures", "value"), ("Floors", "floor")):
        expected = [(row["nimg"], pytest.approx(row["figures"]["KID/random"][key])) for row in folder.metrics_rows()]
        assert in_tensorboard(folder, f"{kind}/KID/random") == expected
    assert [nimg for nimg, _ in in_tensorboard(folder, "grid")] == [nimg for nimg, _ in folder.all_fakes()]


def test_tensorboard_shows_a_run_and_the_same_run_made_longer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorboard")
    folder = ganforge.train("note", out=tmp_path / "run", log="tensorboard", **TINY)
    assert f"tensorboard: {folder.tensorboard}\n" in capsys.readouterr().out
    assert [row["nimg"] for row in folder.rows()][-1] == 960  # no multiple of report_nimg, so it goes on resuming
    check_tensorboard(folder)
    plain = ganforge.train("note", out=tmp_path / "plain", **TINY)
    assert crash.run_differences(plain, folder) == []
    assert not plain.trackers.exists()
    ganforge.resume(folder, total_nimg=1536)
    assert 960 not in [row["nimg"] for row in folder.rows()]
    check_tensorboard(folder)


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (RAISES, "Warning: the tracker trackio does not work: ConnectionError: the server is away. It is tried again"),
        (DIES, "Warning: the tracker trackio does not work: its process has ended with exit status 7; training goes"),
        (HANGS, "Warning: the tracker trackio does not work: it has taken nothing for 0.5 s; training goes on"),
    ],
    ids=["raises", "dies", "hangs"],
)
def test_a_tracker_at_fault_neither_stops_nor_changes_a_run(
    does: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_trackios_place(does, tmp_path, monkeypatch)
    monkeypatch.setattr(trackers, "HANG_SEC", 0.5)
    monkeypatch.setattr(trackers, "END_SEC", 0.5)
    look = trackers.TrackersOfRun.look

    def late(one: trackers.TrackersOfRun, nimg: int) -> None:
        if nimg > 0:  # from the first row on
            until(lambda: one.following[0].fault(nimg), 60)  # a run so short would end before its trackers begin
        look(one, nimg)

    monkeypatch.setattr(trackers.TrackersOfRun, "look", late)
    folder = ganforge.train("note", out=tmp_path / "run", log=["trackio"], **TINY)
    out = capsys.readouterr().out
    assert folder.read_status()["state"] == "finished"
    assert out.count("Warning: the tracker trackio does not work") == 1
    assert said in out
    lacking = "rows: 4, figures: 2, grids: 5"
    if does == HANGS:
        assert f"trackio is still taking what is left ({lacking}); that goes on by itself for 30 s at most" in out
    else:
        assert f"Warning: the tracker trackio did not take all ({lacking} left):" in out
    assert not read_taken(folder, "trackio").closed


def test_a_process_that_hangs_ends_soon_after_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_trackios_place(HANGS, tmp_path, monkeypatch)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.make_trackers()
    folder.write_config({"settings": {}, "data": {}, "environment": [{}]})
    code = "import sys, ganforge.tracking.worker as it; it.CLOSE_SEC = 0.5; it.main(sys.argv[1:])"
    start = '[1, {"rows": -1, "figures": -1, "grids": -1}]'
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder.path), "trackio", start],
        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(1)
    assert process.poll() is None
    process.communicate(timeout=20)
    assert process.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "SIGKILL"])
def test_a_run_that_is_stopped_or_killed_is_closed_in_the_tracker(
    signum: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C reaches all processes of the terminal. Beside the tracker that works, one hangs."""
    pytest.importorskip("tensorboard")
    in_trackios_place(HANGS, tmp_path, monkeypatch)
    folder = RunFolder(tmp_path / "run")
    changes = TINY | {"total_nimg": 10**9, "report_nimg": 2048, "snapshot_nimg": 10**8, "g_hidden": 16, "d_hidden": 16}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in changes.items()]
    command = [*crash.ganforge(["train", "note", f"--out={folder.path}", "--log=tensorboard,trackio"]), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        until(lambda: read_taken(folder, "tensorboard").upto["rows"] > 0, 60)
        sent = time.monotonic()
        os.killpg(process.pid, signum)
        out, _ = process.communicate(timeout=60)
        assert time.monotonic() - sent < SOON_S
        assert process.returncode == {signal.SIGINT: 130, signal.SIGKILL: -9}[signum]
        assert ("trackio is still taking what is left" in out) == (signum == signal.SIGINT)
        until(lambda: read_taken(folder, "tensorboard").closed, 20)
        check_tensorboard(folder)
    finally:
        process.kill()
        os.kill(int((tmp_path / "trackio" / "__init__.py.pid").read_text(encoding="utf-8")), signal.SIGKILL)


def until(holds: Any, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_tracker_that_is_not_installed_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalog, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="The tracker tensorboard is not installed: pip install 'ganforge\\[log\\]'"):
        ganforge.train("note", out=tmp_path / "run", log="tensorboard", **TINY)
    with pytest.raises(UserError, match=r"trackio is not installed: every release .* Pillow before 13"):
        ganforge.train("note", out=tmp_path / "run", log="trackio", **TINY)
    assert not (tmp_path / "run").exists()
    folder = ganforge.train("note", out=tmp_path / "run", **TINY | {"total_nimg": 64})
    before = folder.config.read_bytes()
    assert main(["resume", str(folder.path), "--total-nimg=128", "--log=tensorboard"]) == 2
    assert folder.config.read_bytes() == before


def test_a_run_made_longer_does_nothing_anew_that_a_tracker_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though the row and the figures of its former end are no part of its log any more."""
    in_trackios_place(RAISES, tmp_path, monkeypatch)
    folder = ganforge.train("note", out=tmp_path / "run", **TINY)
    folder.make_trackers()
    write_taken(folder, "trackio", Taken(1, "id", "there", dict.fromkeys(KINDS, 960)))
    ganforge.resume(folder, total_nimg=1024, log=["trackio"])
    assert 960 not in [row["nimg"] for row in folder.rows()]
    out = capsys.readouterr().out
    assert "at 960 of 1,024 images" in out
    assert "takes nothing back" not in out


def test_a_resumed_run_may_do_without_its_trackers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    folder = ganforge.train("note", out=tmp_path / "run", log="tensorboard", **TINY | {"total_nimg": 64})
    before = len(in_tensorboard(folder, "Loss/D"))
    assert main(["resume", str(folder.path), "--total-nimg=512", "--log=none"]) == 0
    assert len(in_tensorboard(folder, "Loss/D")) == before
    assert folder.read_config()["settings"]["log"] is None
