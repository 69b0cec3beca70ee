"""A run that ended before its first snapshot: its pictures can be had all the same, and what was lost is said."""

from pathlib import Path
from typing import Any

import pytest
import torch
from short_runs import Cut, Killed, begin, go_on_with
from torch import Tensor

from ganforge import load
from ganforge.base.errors import UserError
from ganforge.base.images import to_uint8
from ganforge.base.tensorfile import read_tensorfile
from ganforge.cli.main import main
from ganforge.run.checkpoint import KIND, part_of
from ganforge.run.folder import RunFolder

FEW = {"snapshot_nimg": 10_000, "checkpoint_nimg": 10_000, "total_nimg": 640}


def stopped(out: Path, recipe_name: str = "note", **changes: Any) -> RunFolder:
    """After three steps of 32 pictures."""
    folder = begin(out, recipe_name, cut=Cut(stop_after=3), **(FEW | changes))
    assert folder.all_snapshots() == []
    return folder


def weights_of(folder: RunFolder, part: str) -> dict[str, Tensor]:
    return part_of(read_tensorfile(folder.checkpoint(96), KIND)[0], part)


@pytest.mark.parametrize(
    ("changes", "part", "which"),
    [({}, "G", "G's weights"), ({"ema_halflife_nimg": 100}, "G_ema", "the average of G's weights")],
)
def test_its_newest_checkpoint_is_taken_and_that_is_said(
    changes: dict[str, Any], part: str, which: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stopped(tmp_path / "run", **changes)
    capsys.readouterr()
    model = load(folder.path, "cpu")
    told = capsys.readouterr().err
    assert told == f"{folder.path} has no snapshot yet: taken is {which} in its checkpoint of 96 images.\n"
    assert (model.nimg, model.path) == (96, folder.checkpoint(96))
    expected = weights_of(folder, part)
    assert expected.keys() == model.G.state_dict().keys()
    assert all(torch.equal(expected[name], tensor) for name, tensor in model.G.state_dict().items())


def test_every_verb_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stopped(tmp_path / "run", max_images=None)
    said = f"{folder.path} has no snapshot yet: taken is G's weights in its checkpoint of 96 images."
    out = str(tmp_path / "made")
    for arguments in (
        ["sample", "--out", f"{out}.png"],
        ["sample", "--interpolate", "1,2", "--frames", "2", "--out", f"{out}.webp"],
        ["sample", "--around", "3", "--count", "4", "--out", f"{out}.png"],
        ["evaluate", "--samples", "60", "--features", "random"],
    ):
        assert main([arguments[0], str(folder.path), *arguments[1:], "--device=cpu"]) == 0
        assert said in capsys.readouterr().err.splitlines()
    assert len(folder.all_evaluations()) == 1


def test_a_conditional_run_knows_its_classes(tmp_path: Path) -> None:
    model = load(stopped(tmp_path / "run", "cgan").path, "cpu")
    assert (model.num_classes, model.shape) == (10, (1, 8, 8))
    assert model.sample(range(4)).shape == (4, 1, 8, 8)


def test_pictures_are_those_of_the_snapshot_that_would_be_there(tmp_path: Path) -> None:
    changes = {"precision": "bfloat16", "g_width": 4, "d_width": 4}
    early = load(stopped(tmp_path / "early", "dcgan", **changes).path, "cpu")
    late = load(begin(tmp_path / "late", "dcgan", **(FEW | changes | {"total_nimg": 96})).path, "cpu")
    assert (early.path.parent.name, late.path.parent.name) == ("checkpoints", "snapshots")
    assert torch.equal(early.sample(range(8)), late.sample(range(8)))
    assert early.sample([1]).dtype == to_uint8(torch.zeros(1, 1, 2, 2)).dtype


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stopped(tmp_path / "run")
    go_on_with(folder.path, cut=Cut(stop_after=2))
    folder.checkpoint(160).write_bytes(folder.checkpoint(160).read_bytes()[:-9])
    capsys.readouterr()
    assert load(folder.path, "cpu").nimg == 96
    told = capsys.readouterr().err
    assert "000000160.safetensors is damaged" in told
    assert "Taken is the one before it." in told
    assert "in its checkpoint of 96 images" in told


def test_nothing_is_taken_from_before_the_first_picture_nor_as_the_best(tmp_path: Path) -> None:
    folder = begin(tmp_path / "new", cut=Cut(stop_after=0), **FEW)
    assert [nimg for nimg, _ in folder.all_checkpoints()] == [0]
    with pytest.raises(UserError, match="has no snapshot yet: wait"):
        load(folder.path, "cpu")
    with pytest.raises(UserError, match="has no snapshot yet: wait"):
        load(stopped(tmp_path / "run").path, "cpu", best=True)


def test_a_checkpoint_that_asks_for_a_large_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its shapes, before a weight is read."""
    folder = stopped(tmp_path / "run")
    text = folder.config.read_text(encoding="utf-8")
    folder.config.write_text(text.replace('"shape": [\n      1,\n      8,\n      8', '"shape": [3, 512, 512'))
    monkeypatch.setattr("ganforge.base.tensorfile._digest", None)  # what would be called if weights were read
    with pytest.raises(UserError, match="does not fit its own settings"):
        load(folder.path, "cpu")


def said_by(folder: RunFolder, capsys: pytest.CaptureFixture[str], **changes: Any) -> str:
    capsys.readouterr()
    go_on_with(folder.path, cut=Cut(stop_after=1), **changes)
    return capsys.readouterr().out


WHY = "(a checkpoint is made every 10,000 images and 300 s)."


def test_a_killed_run_says_what_is_done_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Killed):
        begin(tmp_path / "run", cut=Cut(kill_after=6), **FEW)
    folder = RunFolder(tmp_path / "run")
    told = said_by(folder, capsys)
    lost = "its work after 0 images, up to 128 by the log, is done again"
    assert f"The process that trained here ended without saving: {lost} {WHY}" in told
    assert "at 0 of 640 images" in told
    assert "done again" not in said_by(folder, capsys)  # it was stopped, which saves


def test_a_killed_run_without_a_row_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Killed):
        begin(tmp_path / "run", cut=Cut(kill_after=2), **FEW)
    assert f"ended without saving: its work after 0 images is done again {WHY}" in said_by(
        RunFolder(tmp_path / "run"), capsys
    )


def test_an_end_that_a_longer_run_makes_whole_is_no_lost_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = begin(tmp_path / "run", d_steps=3, **(FEW | {"total_nimg": 160}))
    assert "done again" not in said_by(folder, capsys, total_nimg=640)
