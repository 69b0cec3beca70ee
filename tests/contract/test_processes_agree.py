"""What one of several processes is told or finds, all do: stops, mends, settings; and all end with the same status."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from planted_trouble import plant
from process_groups import together
from short_runs import begin, figures_of, tiny
from test_processes_equal import assert_equal_to_rounding

from ganforge.base.errors import RunError, UserError
from ganforge.base.launch import Launch
from ganforge.base.stopping import Stopped, StopRequest
from ganforge.cli.main import main
from ganforge.data.load import load as load_data
from ganforge.judging.evaluation import Wanted, evaluate
from ganforge.run.folder import RunFolder
from ganforge.sampling.model import load
from ganforge.training.feed import Feed
from ganforge.training.heartbeats import here
from ganforge.training.measure import measure, prepare_judge
from ganforge.training.processes import FoundByAllError, Processes
from ganforge.training.several import AGREE_STEPS, Several

CPU = torch.device("cpu")
LONGER = {"total_nimg": 704}
BACK = {"on_trouble": "mend", "metric_samples": 20, "snapshot_nimg": 96, "lr": 0.3}
STALE = {"nimg": 64, "finding": "planted", "state": "mended", "change": {"lr": 3e-5}}
"""Of work that was lost when a run was killed before its next checkpoint."""


class Answering(Several):
    """One of two, whose exchanges are played: what the largest is, and what happens meanwhile."""

    def __init__(self, stop: StopRequest, largest: int, meanwhile: int = 0) -> None:
        self.asked, self.largest, self.meanwhile = stop, largest, meanwhile

    def _largest(self, number: int) -> int:
        found = max(number, self.largest)
        self.asked.signum = self.asked.signum or self.meanwhile
        return found


def test_a_stop_that_comes_while_all_agree_on_none_waits_for_the_next_time() -> None:
    stop = StopRequest()
    assert not Answering(stop, 0, meanwhile=15).stops(stop, 0)
    assert stop and not Answering(stop, 0).stops(stop, AGREE_STEPS - 1)
    assert Answering(stop, 0).stops(stop, AGREE_STEPS)


def test_a_stop_of_another_is_everybodys() -> None:
    stop = StopRequest()
    assert Answering(stop, 2).stops(stop, AGREE_STEPS) and stop.signum == 2


class Heartless:
    """Beats of nobody: keeps what the others are told."""

    fault = None

    def __init__(self) -> None:
        self.told: list[str] = []

    def tell(self, text: str, rank: int, *, is_users: bool) -> None:
        self.told.append(text)


HAS_ENDED = f"The process of rank 1 ({here()}) has ended: "


@pytest.mark.parametrize(
    ("error", "told", "is_said", "status"),
    [
        (RunError("It broke."), f"{HAS_ENDED}It broke.", True, 1),
        (FoundByAllError("They differ."), "They differ.", False, 1),
        (UserError("No."), f"{HAS_ENDED}No.", False, 2),
        (Stopped("SIGTERM"), f"{HAS_ENDED}SIGTERM", False, None),
    ],
    ids=["its own fault", "a fault of all", "bad input", "a stop"],
)
def test_how_a_second_process_ends(
    error: Exception, told: str, is_said: bool, status: int | None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What all have found, and what the user gave, the first process says."""
    left: list[int] = []
    monkeypatch.setattr("os._exit", left.append)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    heard: Any = Heartless()
    Several(Launch(1, 2, 1), heard, None).end_with(error)
    assert (heard.told, left) == ([told], [] if status is None else [status])
    assert capsys.readouterr().err == f"ganforge: {told}\n" * is_said


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs by two processes."""
    out = tmp_path_factory.mktemp("shared")
    begin(out / "after a stale mend", total_nimg=32).append_finding(STALE)
    short = ["--data=digits", "--report-nimg=128", "--metric-samples=0", "--batch-size=32", "--device=cpu"]
    jobs: list[dict[str, Any]] = [
        {"argv": ["train", "note", *short, "--total-nimg=640", "--on-trouble=stop", f"--out={out / 'ended'}"],
         "status": 4, "planted": True},
        {"out": str(out / "mended"), "recipe": "note", "settings": LONGER | {"on_trouble": "mend"}, "planted": True},
        {"out": str(out / "gone back"), "recipe": "note", "settings": LONGER | BACK, "planted": True},
        {"out": str(out / "after a stale mend"), "settings": {"total_nimg": 96}},
        *({"out": str(out / f"stopped by {rank}"), "recipe": "note", "settings": LONGER, "stop": [rank, 3]}
          for rank in (0, 1)),
        {"out": str(out / "judged"), "recipe": "note", "settings": {"total_nimg": 192, "metric_samples": 1_300}},
        {"out": str(out / "judged"), "settings": {"total_nimg": 384}},
        {"argv": ["evaluate", str(out / "judged"), "--samples=1300", "--device=cpu", f"--out={out / 'figures'}"],
         "status": 0},
        {"argv": ["evaluate", str(out / "judged"), "--samples=1300", "--device=cpu", f"--out={out / 'uneven'}"],
         "status": 0, "threads": [1, 2]},
    ]  # fmt: skip
    together(2, jobs)
    return out


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As the others have: the bits of a product depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_stop_of_one_stops_all_at_the_same_step(rank: int, shared: Path) -> None:
    folder = RunFolder(shared / f"stopped by {rank}")
    assert (folder.read_status()["state"], folder.read_status()["nimg"]) == ("stopped", AGREE_STEPS * 32)
    assert folder.all_checkpoints()[-1][0] == AGREE_STEPS * 32


def told_of(folder: RunFolder) -> list[dict[str, Any]]:
    """Its findings, without the run's own name."""
    events = [json.loads(line) for line in folder.findings.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in event.items() if key != "do"} for event in events]


def test_two_processes_mend_as_one(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    one, ours = begin(tmp_path / "one", on_trouble="mend", **LONGER), RunFolder(shared / "mended")
    assert [event["change"] for event in told_of(ours) if event["state"] == "mended"] == [{"lr": 1.5e-4}]
    assert told_of(ours) == told_of(one)
    assert_equal_to_rounding(ours, one, 2e-5)
    assert ours.read_status()["state"] == "finished"


def test_two_processes_go_back_as_one(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All help to tell that it is worth while, and take the same weights: each checkpoint is compared by all."""
    plant(monkeypatch)
    one, ours = begin(tmp_path / "one", **LONGER | BACK), RunFolder(shared / "gone back")
    [mended] = [event for event in told_of(ours) if event["state"] == "mended"]
    assert mended["back_to"] < mended["nimg"] and told_of(ours) == told_of(one)
    assert ours.checkpoint(mended["nimg"]).exists()
    assert_equal_to_rounding(ours, one, 2e-5)


def test_trouble_ends_all(shared: Path) -> None:
    status = RunFolder(shared / "ended").read_status()
    assert (status["state"], status["nimg"]) == ("stopped", 384)
    assert status["reason"] == "something went wrong: somebody has planted this"


def test_torchrun_does_not_start_again_what_trouble_has_ended(
    shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    again = Processes()
    again.begun = str(shared / "ended")
    monkeypatch.setattr("ganforge.training.start.joined", lambda _: nullcontext(again))
    assert main(["train", "note", "--data=digits", "--device=cpu", f"--out={again.begun}"]) == 4
    assert RunFolder(again.begun).read_status()["nimg"] == 384
    assert "was stopped since something went wrong" in capsys.readouterr().out


def test_all_go_on_by_the_log_that_the_first_has_cut(shared: Path, tmp_path: Path) -> None:
    """And not by what they had read of it before."""
    ours = RunFolder(shared / "after a stale mend")
    assert [event for event in told_of(ours) if event["state"] == "mended"] == []
    assert_equal_to_rounding(ours, begin(tmp_path / "one", total_nimg=96), 2e-5)


def test_figures_while_training_are_those_of_one_process(shared: Path, one_thread: None) -> None:
    """Of the same weights, to the bit."""
    folder = RunFolder(shared / "judged")
    config, dataset = tiny("note", metric_samples=1_300), load_data("digits", max_images=100)
    feed, judge = Feed(config, dataset, CPU), prepare_judge(config, dataset, CPU, print)
    assert judge is not None
    rows = figures_of(folder)
    assert [row["nimg"] for row in rows] == [nimg for nimg, _ in folder.all_snapshots()] == [192, 384]
    for row in rows:
        G = load(folder.snapshot(row["nimg"]), "cpu").G
        expected = measure(judge, G, config, row["nimg"], feed)
        assert row == {key: value for key, value in json.loads(json.dumps(expected)).items() if key != "seconds"}


def test_two_processes_evaluate_as_one(shared: Path, tmp_path: Path, one_thread: None) -> None:
    evaluate(shared / "judged", wanted=Wanted(samples=1_300), device="cpu", out=tmp_path)
    [mine], [theirs] = (list(folder.glob("*.json")) for folder in (tmp_path, shared / "figures"))
    assert mine.name == theirs.name
    one, two = (json.loads(path.read_text(encoding="utf-8")) for path in (mine, theirs))
    assert {key: one[key] for key in one if key != "seconds"} == {key: two[key] for key in two if key != "seconds"}
    for picture in tmp_path.glob("*.png"):
        assert picture.read_bytes() == (shared / "figures" / picture.name).read_bytes()


def test_uneven_threads_change_figures_by_rounding_only(shared: Path) -> None:
    records = (next((shared / name).glob("*.json")).read_text(encoding="utf-8") for name in ("figures", "uneven"))
    one, two = (json.loads(record)["figures"] for record in records)
    assert one.keys() == two.keys()
    for name, figure in one.items():
        assert two[name]["value"] == (figure["value"] and pytest.approx(figure["value"], rel=1e-4, abs=1e-6)), name


class Asking(Processes):
    """Keeps what all are asked to have alike."""

    def refuse_differences(self, what: str, facts: Callable[[], dict[str, str]]) -> None:
        self.facts = facts()


def test_all_judge_the_same_model_by_the_same_data(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name in ("judged", "mended"):
        asking = Asking()
        monkeypatch.setattr("ganforge.judging.evaluation.joined", lambda _, asking=asking: nullcontext(asking))
        evaluate(shared / name, wanted=Wanted(samples=20), device="cpu", out=tmp_path)
        found.append(asking.facts)
    assert found[0].keys() == {"data", "subject"} and found[0]["data"] == found[1]["data"]
    assert found[0]["subject"] != found[1]["subject"]
