"""Fine-tuning end to end: a run that starts from another's weights begins with its pictures, and resumes without it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from short_runs import Cut, Killed, begin, checkpoint_of, go_on_with, rows_of

import ganforge.training.start
from ganforge.base.errors import UserError
from ganforge.data.dataset import Dataset
from ganforge.run.folder import RunFolder

SMALL: dict[str, Any] = {"g_width": 8, "d_width": 8, "batch_size": 32, "ema_halflife_nimg": 200}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return begin(tmp_path_factory.mktemp("source") / "run", "dcgan", total_nimg=320, **SMALL)


def weights_of(folder: RunFolder, nimg: int) -> dict[str, torch.Tensor]:
    return {k: t for k, t in checkpoint_of(folder, nimg)[0].items() if k.partition(".")[0] in ("G", "D", "G_ema")}


def test_it_begins_with_the_sources_pictures_and_counts_from_0(source: RunFolder, tmp_path: Path) -> None:
    """Weights of G, D and the moving average; fresh optimizers; the same picture of the same noise."""
    folder = begin(tmp_path / "run", "dcgan", init_from=str(source.path), total_nimg=64, **SMALL)
    (first, facts), theirs = checkpoint_of(folder, 0), weights_of(source, 320)
    assert facts["step"] == 0
    assert theirs
    assert all(torch.equal(first[name], tensor) for name, tensor in theirs.items())
    assert all(not t.any() for name, t in first.items() if "_opt." in name)
    assert folder.fakes(0).read_bytes() == source.fakes(320).read_bytes()
    assert folder.fakes(64).read_bytes() != folder.fakes(0).read_bytes()
    stored = folder.read_config()
    assert stored["settings"]["init_from"] == str(source.path)
    assert stored["init_from"] == {"file": str(source.checkpoint(320)), "nimg": 320}


def test_from_a_snapshot(source: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snapshot = source.snapshot(192)
    folder = begin(tmp_path / "run", "dcgan", init_from=str(snapshot), total_nimg=32, **SMALL)
    assert f"From {snapshot} (192 images): G " in "".join(capsys.readouterr())
    first = checkpoint_of(folder, 0)[0]
    average = {k.removeprefix("G_ema."): t for k, t in first.items() if k.startswith("G_ema.")}
    assert all(torch.equal(first[f"G.{name}"], tensor) for name, tensor in average.items())


def test_resuming_is_exact_and_does_not_need_the_source(source: RunFolder, tmp_path: Path) -> None:
    copy = tmp_path / "source"
    shutil.copytree(source.path, copy)
    settings = {"init_from": str(copy), "total_nimg": 320, **SMALL}
    whole = begin(tmp_path / "whole", "dcgan", **settings)
    with pytest.raises(Killed):
        begin(tmp_path / "run", "dcgan", cut=Cut(kill_after=3), **settings)  # before its first regular checkpoint
    shutil.rmtree(copy)
    ours = go_on_with(tmp_path / "run")
    (tensors, facts), (expected, expected_facts) = checkpoint_of(ours, 320), checkpoint_of(whole, 320)
    assert facts == expected_facts
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected.items())
    assert rows_of(ours) == rows_of(whole)


def test_killed_before_anything_was_saved(source: RunFolder, tmp_path: Path) -> None:
    settings = {"init_from": str(source.path), "total_nimg": 64, **SMALL}
    whole, ours = (begin(tmp_path / name, "dcgan", **settings) for name in ("whole", "run"))
    for path in [path for path in ours.path.rglob("*") if path.is_file() and path != ours.config]:
        path.unlink()
    ours.write_status("running", 0, 64)
    go_on_with(ours.path)
    (tensors, _), (expected, _) = checkpoint_of(ours, 64), checkpoint_of(whole, 64)
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected.items())


def test_to_colour_and_another_size(
    source: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 x 8 in grey -> 28 x 20 in colour: the layer that makes the pictures goes on, drawing grey."""
    items = torch.randint(256, (64, 3, 28, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(ganforge.training.start, "load", lambda *_, **__: Dataset("photos", "drawn", items))
    folder = begin(tmp_path / "run", "dcgan", init_from=str(source.path), total_nimg=64, **SMALL)
    said = "".join(capsys.readouterr())
    assert "1 adapted (1 -> 3 channels)" in said
    assert "fresh: start.weight" in said
    assert folder.read_status()["state"] == "finished"
    with Image.open(folder.fakes(0)) as grid:
        red, green, blue = grid.convert("RGB").split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()


def test_a_damaged_checkpoint_is_passed_over_aloud(
    source: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = RunFolder(tmp_path / "source")
    shutil.copytree(source.path, copy.path)
    copy.checkpoint(320).write_bytes(b"nothing")
    begin(tmp_path / "run", "dcgan", init_from=str(copy.path), total_nimg=32, **SMALL)
    said = "".join(capsys.readouterr())
    assert f"{copy.checkpoint(320)} is not a safetensors file" in said
    assert f"Starting from the one before it. From {copy.checkpoint(224)} (224 images): G " in said


def test_a_config_json_without_the_shape_is_refused(source: RunFolder, tmp_path: Path) -> None:
    copy = RunFolder(tmp_path / "source")
    shutil.copytree(source.path, copy.path)
    copy.write_config(copy.read_config() | {"data": {"shape": "wide"}})
    with pytest.raises(UserError, match=r"config.json does not tell the data's shape and classes; put back a copy"):
        begin(tmp_path / "run", "dcgan", init_from=str(copy.path), **SMALL)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"z_dim": 5, "g_width": 16}, r"other networks \(z_dim: 8 there, 5 here; g_width: 8 there, 16 here\); give its"),
    ({"noise": "normal"}, r"other networks \(noise: uniform there, normal here\)"),
    ({"d_norm": "layer"}, r"\(d_norm: None there, layer here\); give its settings, or start from a snapshot, which"),
    ({"generator": "resnet"}, r"other networks \(generator: dcgan there, resnet here\); give its settings\.$"),
    ({"data": "ring"}, r"makes pictures, and the data are points"),
    ({"init_from": "nowhere"}, r"^There is no run or snapshot nowhere; check the path\.$"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD)
def test_what_does_not_fit_makes_no_folder(
    changes: dict[str, Any], sentence: str, source: RunFolder, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(UserError, match=sentence):
        begin(out, "dcgan", **({"init_from": str(source.path), "total_nimg": 32, **SMALL} | changes))
    assert not out.exists()


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run folder: it has no config.json\.$"):
        begin(tmp_path / "run", "dcgan", init_from=str(tmp_path), **SMALL)
    with pytest.raises(UserError, match=r"with other settings \(init_from: None in the run, x asked for\)"):
        go_on_with(begin(tmp_path / "run", total_nimg=32).path, init_from="x")
