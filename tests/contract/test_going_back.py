"""A run that is mended goes back to its best checkpoint where its weights are ruined: in one go as after a kill."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import planted_trouble
import pytest
import torch
from planted_trouble import RECORD, plant
from short_runs import Killed, begin, checkpoint_of, go_on_with, rows_of, tiny
from torch import Tensor

from ganforge.base.tensorfile import read_tensorfile
from ganforge.data.load import load
from ganforge.diagnosis import findings
from ganforge.run.checkpoint import KIND
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import load_snapshot
from ganforge.training.actions import Actions
from ganforge.training.build import build_state
from ganforge.training.opening_look import kept_bytes

BEST, AT, TOTAL = 192, 384, 704
SETTINGS = {"metric_samples": 20, "on_trouble": "mend", "augment": "ada", "ema_halflife_nimg": 500}
FIGURES = {BEST: 1.0, AT: 4.0, 576: 3.0}
MENDED = {"nimg": AT, "finding": "planted", "state": "mended", "change": {"lr": 1.5e-4}, "back_to": BEST}


@pytest.fixture(autouse=True)
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """By nimg, what is measured there; 9 elsewhere."""
    monkeypatch.setattr(findings, "DETECTORS", {"planted": RECORD})
    monkeypatch.setattr("ganforge.training.opening_look.CHECKS", {})
    told = dict(FIGURES)
    monkeypatch.setattr(
        "ganforge.training.actions.measure", lambda judge, G, config, nimg, feed: record(nimg, told.get(nimg, 9.0))
    )
    return told


def record(nimg: int, value: float | None) -> dict[str, Any]:
    figures = {"FD/random": {"value": value, "floor": 0.5, "spread": None, "better": "lower"}}
    headline = None if value is None else "FD/random"
    return {
        "nimg": nimg,
        "headline": headline,
        "notes": ["Why."],
        "protocol": {"id": "p"},
        "figures": figures,
        "seconds": 0.0,
    }


def run(out: Path, total_nimg: int = TOTAL, **changes: Any) -> RunFolder:
    return begin(out, total_nimg=total_nimg, **SETTINGS | changes)


def mends(folder: RunFolder) -> list[dict[str, Any]]:
    return [event for event in folder.finding_rows() if event["state"] == "mended"]


def learnt(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("stats.")}


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """In one go."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        patch.setattr(
            "ganforge.training.actions.measure", lambda judge, G, config, nimg, feed: record(nimg, FIGURES.get(nimg, 9))
        )
        return run(tmp_path_factory.mktemp("runs") / "whole")


def test_what_was_learnt_is_that_of_the_best_and_the_rest_goes_on(
    whole: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = run(tmp_path / "plain", on_trouble="say", checkpoint_nimg=BEST)
    best, facts = read_tensorfile(whole.best_checkpoint, KIND)
    assert facts["nimg"] == BEST and not plain.best_checkpoint.exists()
    assert_same(learnt(best), learnt(checkpoint_of(plain, BEST)[0]))
    assert {name.partition(".")[0] for name in learnt(best)} == {"G", "D", "G_opt", "D_opt", "G_ema", "ada"}
    tensors, counters = checkpoint_of(whole, AT)
    assert_same(learnt(tensors), learnt(best))
    assert counters == {"step": AT // 32, "nimg": AT, "reported_nimg": AT, "measured_nimg": AT}
    assert mends(whole) == [MENDED]
    assert rows_of(whole)[: AT // 128] == rows_of(plain)[: AT // 128] and rows_of(whole) != rows_of(plain)
    assert [load_snapshot(whole.snapshot(nimg)).mended for nimg in (AT, 576)] == [(), (MENDED,)]
    assert read_tensorfile(whole.checkpoint(AT), KIND)[1]["mended"] == [MENDED]
    capsys.readouterr()
    again = run(tmp_path / "again", total_nimg=AT)
    said = capsys.readouterr().out
    assert "FD/random is 4 now; at 192 images it was 1.\n" in said
    assert (
        "Mended from 384 images on: back to the best checkpoint, of 192 images; halve the rates (lr = 0.00015)" in said
    )
    assert mends(again) == [MENDED]


def assert_as_in_one_go(folder: RunFolder, whole: RunFolder) -> None:
    assert folder.findings.read_bytes() == whole.findings.read_bytes()
    assert rows_of(folder) == rows_of(whole)
    assert_same(checkpoint_of(folder, TOTAL)[0], checkpoint_of(whole, TOTAL)[0])
    assert_same(*(read_tensorfile(one.best_checkpoint, KIND)[0] for one in (folder, whole)))


@pytest.mark.parametrize("place", ["take_best", "save_checkpoint", "trackers.look", "keep_best"])
def test_killed_anywhere_about_it_a_run_that_goes_on_is_the_same(
    place: str, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the weights are taken; between the event and the checkpoint; and after a better one was saved."""
    folder, looked = RunFolder(tmp_path / "run"), Actions.run

    def killed(*_: Any) -> None:
        raise Killed

    def until(actions: Actions, due: Any, *, is_whole: bool) -> None:
        if actions.state.nimg == AT:
            owner, _, name = place.rpartition(".")
            setattr(getattr(actions, owner) if owner else actions, name, killed)
        looked(actions, due, is_whole=is_whole)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Actions, "run", until)
        run(folder.path)
    assert folder.all_checkpoints()[-1][0] == 224
    assert len(mends(folder)) == (place in ("save_checkpoint", "trackers.look"))
    go_on_with(folder.path)
    assert_as_in_one_go(folder, whole)


@pytest.mark.parametrize("first", [[288], [AT], [448], [256, 576]], ids=str)
def test_a_run_that_was_made_longer_is_the_same(first: list[int], whole: RunFolder, tmp_path: Path) -> None:
    """Ends between reports, where it goes back, just after that, and at a snapshot."""
    folder = run(tmp_path / "run", first[0])
    for total_nimg in (*first[1:], TOTAL):
        go_on_with(folder.path, total_nimg=total_nimg)
    assert_as_in_one_go(folder, whole)


def test_the_best_of_a_runs_end_is_none_that_a_longer_run_would_have(figures: dict[int, float], tmp_path: Path) -> None:
    """Neither the figures of an end between snapshots, nor the state after a step that a longer run makes whole."""
    figures |= {256: 0.6, 160: 0.6}
    folder = run(tmp_path / "run", 256)
    assert read_tensorfile(folder.best_checkpoint, KIND)[1]["nimg"] == BEST
    short = run(tmp_path / "short", 160, d_steps=2, snapshot_nimg=160, checkpoint_nimg=160)
    assert [row["nimg"] for row in short.metrics_rows()] == [160] and not short.best_checkpoint.exists()


@pytest.mark.parametrize("fault", ["missing", "damaged", "another"])
def test_a_best_checkpoint_that_is_of_no_use_is_said_and_another_mend_made(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep = Actions.keep_best

    def spoilt(actions: Actions) -> None:
        keep(actions)
        best = actions.folder.best_checkpoint
        if fault == "missing":
            best.unlink()
        elif fault == "damaged":
            best.write_bytes(best.read_bytes()[:-9])
        else:
            best.write_bytes(actions.folder.checkpoint(0).read_bytes())
        monkeypatch.setattr(Actions, "keep_best", lambda actions: None)

    monkeypatch.setattr(Actions, "keep_best", spoilt)
    folder = run(tmp_path / "run")
    assert mends(folder) == [{name: value for name, value in MENDED.items() if name != "back_to"}]
    [line] = [line for line in capsys.readouterr().out.splitlines() if "not possible to go back" in line]
    reason = {"missing": "No such file", "damaged": "is damaged or cut off", "another": "is of 0 images"}[fault]
    assert reason in line and str(folder.best_checkpoint) in line
    assert folder.read_status()["state"] == "finished"


@pytest.mark.parametrize(("now", "says"), [(1.2, ""), (None, "What G makes now has no figure"), (0.7, "")])
def test_without_far_better_figures_weights_stay(
    now: float | None, says: str, figures: dict[int, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures[AT] = now
    folder = run(tmp_path / "run", AT)
    assert mends(folder) == [{name: value for name, value in MENDED.items() if name != "back_to"}]
    said = capsys.readouterr().out
    assert ("no figure, so that nobody can say whether to go back: Why." in said) == bool(says)
    assert "not possible to go back" not in said


@pytest.mark.parametrize("ruins", [True, False])
def test_it_goes_back_alone_where_no_setting_is_to_be_changed(
    ruins: bool, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(findings, "DETECTORS", {"planted": replace(RECORD, remedies=(), ruins=ruins)})
    folder = run(tmp_path / "run")
    assert mends(folder) == ([MENDED | {"change": {}}] if ruins else [])
    assert ("It is not mended: there is no remedy" in capsys.readouterr().out) != ruins
    if ruins:
        assert_same(learnt(checkpoint_of(folder, AT)[0]), learnt(checkpoint_of(whole, AT)[0]))


def test_it_is_kept_whatever_checkpoints_are_and_replaced_by_a_better_one(
    figures: dict[int, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures |= {576: 0.6}
    monkeypatch.setattr(planted_trouble, "AT", 9_999)
    folder = run(tmp_path / "run", keep_checkpoints=1)
    assert [nimg for nimg, _ in folder.all_checkpoints()] == [TOTAL]
    assert read_tensorfile(folder.best_checkpoint, KIND)[1]["nimg"] == 576
    go_on_with(folder.path, total_nimg=1_024)
    assert read_tensorfile(folder.best_checkpoint, KIND)[1]["nimg"] == 576


def test_the_disk_that_it_takes_is_counted_beforehand() -> None:
    sizes = {}
    for on_trouble in ("say", "mend"):
        config, dataset = tiny("note", on_trouble=on_trouble), load("digits", max_images=100)
        state = build_state(config, dataset, torch.device("cpu"))
        sizes[on_trouble] = kept_bytes(config, state)
    assert sizes["mend"] - sizes["say"] == sum(tensor.nbytes for tensor in state.tensors().values())
