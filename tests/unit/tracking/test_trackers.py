"""A tracker's process, seen from the training: when it is said to hang, and what is said at the end."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_runs import NOTHING, make_run

from ganforge.base.stopping import StopRequest
from ganforge.run.folder import RunFolder
from ganforge.tracking import trackers
from ganforge.tracking.taken import Taken, newest, write_taken
from ganforge.tracking.trackers import HANG_SEC, Following, TrackersOfRun, tracked


class Clock:
    """time.monotonic and time.sleep."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    one = Clock()
    monkeypatch.setattr(trackers, "time", one)
    return one


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Any:
    """In the place of every process; it lives until ``ended`` is set."""
    one = SimpleNamespace(ended=None, arguments=[], stdin=SimpleNamespace(close=lambda: None), returncode=None)
    one.poll = lambda: one.ended

    def start(arguments: list[str]) -> Any:
        one.arguments = arguments
        return one

    monkeypatch.setattr(trackers, "start_process", start)
    monkeypatch.setattr(trackers, "LET_GO", [])
    return one


def take(folder: RunFolder, rows: int, **more: Any) -> None:
    write_taken(folder, "wandb", Taken(1, "id", "there", NOTHING | {"rows": rows, "grids": rows}, **more))


def test_it_hangs_only_where_it_does_not_take_what_was_there(tmp_path: Path, clock: Clock, process: Any) -> None:
    """A long time between two reports is no hanging."""
    folder = make_run(tmp_path / "run")
    one = Following(folder, "wandb", newest(folder))
    assert one.fault(0) == ""
    clock.sleep(2 * HANG_SEC)
    assert one.fault(10) == ""
    take(folder, 10)
    clock.sleep(2 * HANG_SEC)
    assert one.fault(20) == ""
    clock.sleep(2 * HANG_SEC)
    assert one.fault(30) == "it has taken nothing for 120 s"


def test_one_that_is_behind_but_moves_does_not_hang(tmp_path: Path, clock: Clock, process: Any) -> None:
    folder = make_run(tmp_path / "run")
    one = Following(folder, "wandb", newest(folder))
    one.fault(1000)
    for nimg in (10, 20, 30):
        take(folder, nimg)
        clock.sleep(0.8 * HANG_SEC)
        assert one.fault(1000 + nimg) == ""


def test_one_that_never_begins_hangs(tmp_path: Path, clock: Clock, process: Any) -> None:
    folder = make_run(tmp_path / "run")
    one = Following(folder, "wandb", newest(folder))
    one.fault(10)
    clock.sleep(1.1 * HANG_SEC)
    assert one.fault(20) != ""


def test_what_the_process_before_has_told_is_not_this_ones(tmp_path: Path, process: Any) -> None:
    folder = make_run(tmp_path / "run")
    take(folder, 10, error="an old fault")
    one = Following(folder, "wandb", newest(folder))
    assert one.taken() is None
    assert one.fault(20) == ""
    assert process.arguments[1:] == ["wandb", '[2, {"rows": -1, "figures": -1, "grids": -1}]']


def test_each_is_warned_of_once_and_shown_once(tmp_path: Path, process: Any) -> None:
    folder, said = make_run(tmp_path / "run"), []
    both = TrackersOfRun(folder, said.append)
    both.start(["wandb", "mlflow"], 0)
    take(folder, 10, error="no key")
    for nimg in (10, 20):
        both.look(nimg)
    assert said == [
        "wandb: there",
        "Warning: the tracker wandb does not work: no key. It is tried again every 30 s; training goes on, and its log "
        "keeps everything.",
    ]


@pytest.mark.parametrize(("asked", "waited"), [(0, 10.0), (15, 0.3)], ids=["finished", "stopped"])
def test_the_end_waits_so_long_and_says_what_is_left(
    asked: int, waited: float, tmp_path: Path, clock: Clock, process: Any
) -> None:
    folder, said, stop = make_run(tmp_path / "run", (10, 20, 30), (10,)), [], StopRequest()
    with tracked(folder, ["wandb"], said.append, stop, 0):
        take(folder, 10)
        stop.signum = asked
    assert clock.now - 1000 == pytest.approx(waited, abs=0.05)
    assert said == [
        "wandb is still taking what is left (rows: 2, figures: 1, grids: 2); that goes on by itself for 30 s at most, "
        "and what is lacking then is sent when the run is resumed."
    ]
    assert [process] == trackers.LET_GO


def test_a_stop_cuts_the_wait_at_the_end_short(tmp_path: Path, clock: Clock, process: Any) -> None:
    stop = StopRequest()

    def look() -> None:
        stop.signum = 2 if clock.now > 1005 else 0

    process.poll = look
    with tracked(make_run(tmp_path / "run"), ["wandb"], lambda _: None, stop, 0):
        pass
    assert clock.now - 1000 == pytest.approx(5.3, abs=0.05)


def test_a_run_that_raises_waits_for_none(tmp_path: Path, clock: Clock, process: Any) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        tracked(make_run(tmp_path / "run"), ["wandb"], lambda _: None, StopRequest(), 0),
    ):
        raise KeyboardInterrupt
    assert clock.now == 1000


def test_one_that_has_closed_is_not_spoken_of_twice(tmp_path: Path, process: Any) -> None:
    folder, said = make_run(tmp_path / "run", (10,)), []
    with tracked(folder, ["wandb"], said.append, StopRequest(), 0) as all_of_them:
        take(folder, 10, closed=True)
        all_of_them.look(10)
        process.ended = 0
    assert said == ["wandb: there"]


def test_resuming_says_what_a_tracker_keeps(tmp_path: Path, process: Any) -> None:
    folder, said = make_run(tmp_path / "run", (10, 20)), []
    take(folder, 30)
    folder.tracker("tensorboard").write_bytes(folder.tracker("wandb").read_bytes())
    TrackersOfRun(folder, said.append).start(["wandb", "tensorboard"], 25)  # the second takes back what it has to
    assert said == [
        "Note: wandb has this run up to 30 images, and takes nothing back; what it has is not sent a second time "
        "when it is done anew after 25."
    ]
    TrackersOfRun(folder, said.append).start(["wandb"], 30)  # the row of 30 was only of the end
    assert len(said) == 1


def test_a_process_that_cannot_be_started_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Any) -> Any:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(trackers, "start_process", refused)
    said: list[str] = []
    with tracked(make_run(tmp_path / "run"), ["wandb"], said.append, StopRequest(), 0) as none:
        none.look(10)
    assert said == [
        "Warning: the tracker wandb cannot be started (Resource temporarily unavailable); training goes on without."
    ]


def test_nothing_is_written_through_a_link(tmp_path: Path, process: Any) -> None:
    folder, said = make_run(tmp_path / "run"), []
    folder.trackers.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.trackers.symlink_to(tmp_path / "elsewhere")
    with tracked(folder, ["wandb"], said.append, StopRequest(), 0):
        pass
    (text,) = said
    assert "the tracker wandb cannot be started" in text
    assert "a link" in text
    assert not process.arguments
