"""What is found in a run is said, logged and, if asked for, acted upon: in one go as after any interruption."""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from planted_trouble import RECORD, UNTIL, plant
from short_runs import Cut, Killed, begin, checkpoint_of, go_on_with

from ganforge.base.errors import UserError
from ganforge.base.tensorfile import read_tensorfile
from ganforge.cli.main import main
from ganforge.diagnosis import findings
from ganforge.diagnosis.catalog import DETECTORS, Detector, Remedy, Seen
from ganforge.diagnosis.history import History
from ganforge.run.checkpoint import KIND as CHECKPOINT
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import load_snapshot
from ganforge.training.optimizer import Adam


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)


def events(folder: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in folder.findings.read_text(encoding="utf-8").splitlines()]


def test_what_is_found_is_said_logged_and_over_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = begin(tmp_path / "run", total_nimg=448)
    told = capsys.readouterr()
    text = told.out + told.err
    assert "Trouble since 256 images: somebody has planted this (likely): at 384. Try: halve the rates" in text
    assert "--lr 0.00015" in text
    assert "Finished, and it went wrong: somebody has planted this (since 256 images)." in text
    [found] = events(folder)
    assert (found["nimg"], found["finding"], found["state"], found["since"]) == (384, "planted", "found", 256)
    [lasting] = folder.read_status()["findings"]
    assert (lasting["finding"], lasting["grave"], lasting["since"]) == ("planted", True, 256)
    go_on_with(folder.path, total_nimg=704)
    assert [(event["nimg"], event["state"]) for event in events(folder)] == [(384, "found"), (640, "over")]
    assert events(folder)[1]["until"] == UNTIL
    assert folder.read_status()["findings"] == []
    assert "Finished. Pictures" in capsys.readouterr().out


def test_an_interrupted_run_finds_the_same(tmp_path: Path) -> None:
    whole = begin(tmp_path / "whole", total_nimg=704)
    for kill_after in (11, 13, 17):
        cut = RunFolder(tmp_path / f"cut-{kill_after}")
        with pytest.raises(Killed):
            begin(cut.path, total_nimg=704, cut=Cut(kill_after=kill_after))
        go_on_with(cut.path)
        assert cut.findings.read_bytes() == whole.findings.read_bytes()


def test_a_provisional_rows_finding_goes_with_it(tmp_path: Path) -> None:
    """A run that ends between two reports has a row there, which a longer run has not."""
    folder = begin(tmp_path / "run", total_nimg=288)
    assert [event["nimg"] for event in events(folder)] == [288]
    go_on_with(folder.path, total_nimg=704)
    assert [event["nimg"] for event in events(folder)] == [384, 640]


def test_stop_saves_and_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    short = ["--data=digits", "--report-nimg=128", "--metric-samples=0", "--batch-size=32", "--device=cpu"]
    assert main(["train", "note", *short, "--total-nimg=640", f"--out={run}", "--on-trouble=stop"]) == 4
    folder = RunFolder(run)
    status = folder.read_status()
    assert (status["state"], status["nimg"]) == ("stopped", 384)
    assert status["reason"] == "something went wrong: somebody has planted this"
    assert folder.all_checkpoints()[-1][0] == 384
    assert f"ganforge diagnose {run}" in "".join(capsys.readouterr())
    assert main(["resume", str(run)]) == 0  # what was found already stops nobody again
    assert folder.read_status()["nimg"] == 640


def test_mending_changes_the_setting_and_is_repeated_by_a_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rates: list[float] = []
    step = Adam.step
    monkeypatch.setattr(
        Adam, "step", lambda self, *given, **more: (rates.append(float(self.lr)), step(self, *given, **more))[1]
    )
    whole = begin(tmp_path / "whole", total_nimg=704, on_trouble="mend")
    per_step = rates[::2]
    assert per_step == [3e-4] * (384 // 32) + [1.5e-4] * (320 // 32)
    assert "Mended from 384 images on: halve the rates (lr = 0.00015)." in capsys.readouterr().out
    [mended] = [event for event in events(whole) if event["state"] == "mended"]
    assert mended == {"nimg": 384, "finding": "planted", "state": "mended", "change": {"lr": 1.5e-4}}
    assert [load_snapshot(whole.snapshot(nimg)).mended for nimg in (384, 576)] == [(), (mended,)]
    saved = {nimg: read_tensorfile(path, CHECKPOINT)[1].get("mended") for nimg, path in whole.all_checkpoints()}
    assert saved == {0: None, 224: None, 448: [mended], 672: [mended], 704: [mended]}
    whole.snapshot(704).unlink()
    for nimg, path in whole.all_snapshots():
        path.rename(tmp_path / f"{nimg}.safetensors")
    assert load_snapshot(whole.path).mended == (mended,)  # of the newest checkpoint
    expected = checkpoint_of(whole, 672)[0]
    for kill_after in (12, 13, 15):
        cut = tmp_path / f"cut-{kill_after}"
        with pytest.raises(Killed):
            begin(cut, total_nimg=704, on_trouble="mend", cut=Cut(kill_after=kill_after))
        go_on_with(cut)
        found = checkpoint_of(RunFolder(cut), 672)[0]
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    said = begin(tmp_path / "said", total_nimg=704)
    assert not torch.equal(checkpoint_of(said, 672)[0]["G.layers.0.weight"], expected["G.layers.0.weight"])


def test_a_row_that_is_none_of_a_longer_runs_mends_nothing(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", total_nimg=288, on_trouble="mend")
    assert [event["state"] for event in events(folder)] == ["found"]


def test_at_most_three_mends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Detector] = {}
    for place, name in enumerate(("often", "second", "third", "fourth")):
        found[name] = replace(RECORD, name=name, order=place, patience=1, module=name)
        look = staticmethod(partial(_every_other, 128 * place))
        monkeypatch.setitem(sys.modules, name, type(name, (), {"look": look}))
    monkeypatch.setattr(findings, "DETECTORS", found)
    folder = begin(tmp_path / "run", total_nimg=1_280, on_trouble="mend")
    assert sum(event["state"] == "found" for event in events(folder)) == 5 + 4 + 4 + 3
    changes = [event["change"] for event in events(folder) if event["state"] == "mended"]
    assert changes == [{"lr": 1.5e-4}, {"lr": 7.5e-5}, {"lr": 3.75e-5}]
    assert len({event["finding"] for event in events(folder) if event["state"] == "mended"}) == 3


def _every_other(since: int, history: History) -> Seen | None:
    return Seen("") if history.nimg > since and history.nimg // 128 % 2 else None


def test_what_was_mended_is_checked_where_it_is_read(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", total_nimg=288)
    folder.append_finding({"nimg": 128, "state": "mended", "change": {"lr": "fast"}})
    with pytest.raises(UserError, match="holds settings that this ganforge cannot use"):
        go_on_with(folder.path, total_nimg=704)


def test_a_penalty_is_mended_in_by_the_rule_for_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    penalised = replace(RECORD, remedies=(Remedy("penalise D", {"r1_gamma": "auto"}, mends=True),))
    monkeypatch.setattr(findings, "DETECTORS", {"planted": penalised})
    folder = begin(tmp_path / "run", total_nimg=512, on_trouble="mend")
    assert [event["change"] for event in events(folder) if event["state"] == "mended"] == [{"r1_gamma": 0.064}]
    assert ["Loss/D/r1" in row for row in folder.rows()] == [False, False, False, True]


MENDABLE = {"lr", "d_lr", "beta1", "r1_gamma", "r2_gamma", "gp_weight", "augment", "ema_halflife_nimg"}


@pytest.mark.parametrize("trouble", DETECTORS.values(), ids=DETECTORS)
def test_what_mends_changes_no_network(trouble: Detector) -> None:
    """A run that goes on keeps its networks and optimizers."""
    for remedy in trouble.remedies:
        if remedy.mends:
            assert remedy.change.keys() <= MENDABLE
