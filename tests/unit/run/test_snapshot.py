"""run/snapshot.py: weights go into a network only if every one of them fits."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.schedules import critic_steps, is_due
from ganforge.base.tensorfile import write_tensorfile
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import FORMAT, KIND, fill_network, load_snapshot, save_snapshot

CONFIG = recipe("note", z_dim=4, g_hidden=(8,), batch_size=32)
SETTINGS = CONFIG.model_dump(mode="json")
SHAPE = (1, 3, 3)


def generator(seed: int = 0) -> torch.nn.Module:
    return build_generator("mlp", 4, SHAPE, seed, hidden=(8,))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    run.create({"settings": SETTINGS, "data": {}, "environment": [{}]})
    return run


def damaged(fault: str) -> tuple[dict[str, Tensor], str]:
    weights = {name: tensor.clone() for name, tensor in generator(1).state_dict().items()}
    match fault:
        case "missing":
            del weights["layers.2.bias"]
            return weights, "layers.2.bias is missing"
        case "extra":
            return weights | {"layers.4.weight": torch.ones(2)}, "layers.4.weight is not known"
        case "shape":
            return weights | {"layers.0.bias": torch.ones(9)}, r"layers.0.bias is \(9,\) instead of \(8,\)"
        case "turned":
            turned = weights["layers.0.weight"].t().contiguous()
            return weights | {"layers.0.weight": turned}, r"layers.0.weight is \(4, 8\) instead of \(8, 4\)"
        case "dtype":
            half = weights["layers.2.weight"].half()
            return weights | {"layers.2.weight": half}, "layers.2.weight is torch.float16 instead of torch.float32"
        case "empty":
            return {}, "layers.0.bias is missing; layers.0.weight is missing"
        case _:
            weights["layers.0.weight"][2, 1] = float(fault)
            return weights, "layers.0.weight holds numbers that are not finite"


FAULTS = pytest.mark.parametrize(
    "fault", ["missing", "extra", "shape", "turned", "dtype", "empty", "nan", "inf", "-inf"]
)


@FAULTS
def test_weights_that_do_not_fit_are_not_copied(fault: str) -> None:
    weights, message = damaged(fault)
    network, untouched = generator(), generator()
    with pytest.raises(UserError, match=message):
        fill_network(network, weights, "the file")
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), untouched.parameters(), strict=True))


@FAULTS
def test_a_file_with_such_weights_is_refused(fault: str, tmp_path: Path) -> None:
    weights, message = damaged(fault)
    path = tmp_path / "x.safetensors"
    write_tensorfile(path, KIND, weights, {"format": FORMAT, "nimg": 1, "shape": list(SHAPE), "settings": SETTINGS})
    with pytest.raises(UserError, match=rf"x.safetensors does not fit its own settings: {message}"):
        ganforge.load(path, device="cpu")


def test_at_most_five_faults_are_told() -> None:
    extra = {f"new.{index}": torch.ones(1) for index in range(9)}
    with pytest.raises(UserError, match=r"new.4 is not known, and 4 more\.$"):
        fill_network(generator(), generator().state_dict() | extra, "the file")


def test_weights_that_fit_are_copied() -> None:
    network, other = generator(0), generator(1)
    fill_network(network, other.state_dict(), "the file")
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))
    assert not torch.equal(network.layers[0].weight, generator(0).layers[0].weight)


def test_saved_and_loaded(folder: RunFolder) -> None:
    save_snapshot(folder, 320, generator(1), SETTINGS, SHAPE, 0)
    for path in (folder.path, folder.snapshot(320)):
        snapshot = load_snapshot(path)
        assert (snapshot.path, snapshot.nimg, snapshot.shape) == (folder.snapshot(320), 320, SHAPE)
        assert snapshot.settings == json.loads(json.dumps(SETTINGS))
        assert all(torch.equal(snapshot.weights[k], v) for k, v in generator(1).state_dict().items())


def test_class_names_are_kept_with_the_weights(folder: RunFolder) -> None:
    for nimg, names in ((32, ()), (64, ("cat", "\u72d7 dog"))):
        save_snapshot(
            folder, nimg, generator(), SETTINGS, SHAPE, 2, class_names=names
        )  # fmt: skip
        assert load_snapshot(folder.path).class_names == names
    save_snapshot(folder, 96, generator(), SETTINGS, SHAPE, 3, class_names=("a", "b"))
    with pytest.raises(UserError, match="lacks valid settings, shape or nimg"):
        load_snapshot(folder.path)


def test_a_folders_newest_snapshot_is_taken(folder: RunFolder) -> None:
    for nimg in (999_999_968, 1_000_000_000, 320):  # ten digits sort after nine
        save_snapshot(folder, nimg, generator(), SETTINGS | {"keep_snapshots": 9}, SHAPE, 0)
    assert load_snapshot(folder.path).nimg == 1_000_000_000


def test_the_newest_and_the_milestones_are_kept(folder: RunFolder) -> None:
    settings = SETTINGS | {"keep_snapshots": 2, "milestone_nimg": 128}
    for nimg in range(32, 321, 32):
        save_snapshot(folder, nimg, generator(), settings, SHAPE, 0)
    assert [nimg for nimg, _ in folder.all_snapshots()] == [128, 256, 288, 320]


def test_what_a_killed_process_had_judged_of_later_images_does_not_count(folder: RunFolder) -> None:
    """Its snapshots of these stay until they are made again, and are no reason to let the best of now go."""
    settings = SETTINGS | {"keep_snapshots": 1}
    for nimg, value in ((32, 9.0), (64, 5.0), (96, 8.0), (128, 1.0)):
        save_snapshot(folder, nimg, generator(), SETTINGS | {"keep_snapshots": 9}, SHAPE, 0)
        figures = {"FD": {"value": value, "better": "lower"}}
        folder.append_metrics({"nimg": nimg, "protocol": {"id": "p"}, "headline": "FD", "figures": figures})
    save_snapshot(folder, 96, generator(), settings, SHAPE, 0)  # after a resumption from 64
    assert [nimg for nimg, _ in folder.all_snapshots()] == [64, 96, 128]


@pytest.mark.parametrize(("every", "exact"), [(400, True), (100, False)])
def test_milestones_of_a_schedule_whose_steps_differ(every: int, exact: bool, folder: RunFolder) -> None:
    """WGAN's steps are of 400 images in the beginning and now and then, else of 20. The first snapshot at or past each
    multiple stays; nothing else does, where snapshots are not nearer to each other than the longest step."""
    settings = {"batch_size": 4, "d_steps": 5, "wgan_schedule": True, "keep_snapshots": 2, "milestone_nimg": 2000}
    nimg, taken = 0, []
    for step in range(700):
        images = 4 * critic_steps(step, 5)
        nimg += images
        if is_due(nimg, images, every):
            taken.append(nimg)
            save_snapshot(folder, nimg, generator(), settings, SHAPE, 0)
    milestones = [next(at for at in taken if at >= multiple) for multiple in range(2000, nimg, 2000)]
    kept = [at for at, _ in folder.all_snapshots()]
    assert len(milestones) > 8
    assert {*milestones, *taken[-2:]} <= set(kept)
    assert (kept == sorted({*milestones, *taken[-2:]})) == exact


def test_where_there_is_none(folder: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no snapshot yet: wait"):
        load_snapshot(folder.path)
    with pytest.raises(UserError, match=r"There is no run or snapshot .*; check the path"):
        load_snapshot(tmp_path / "missing")
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="is not a run folder"):
        load_snapshot(tmp_path / "other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "has format 2, and this ganforge reads 1; install another"),
        ({"format": None}, "has format None"),
        ({"nimg": None}, "lacks valid settings, shape or nimg"),
        ({"nimg": "many"}, "lacks valid settings, shape or nimg"),
        ({"shape": 3}, "lacks valid settings, shape or nimg"),
        ({"shape": ["a"]}, "lacks valid settings, shape or nimg"),
        ({"settings": None}, "lacks valid settings, shape or nimg"),
        ({"settings": [1, 2]}, "lacks valid settings, shape or nimg"),
        ({"settings": {"zdim": 4}}, "There is no setting 'zdim'"),
        ({"settings": {"z_dim": "x"}}, "z_dim cannot be 'x'"),
        ({"settings": SETTINGS | {"z_dim": 5}}, r"layers.0.weight is \(8, 4\) instead of \(8, 5\)"),
        ({"settings": SETTINGS | {"g_hidden": [8, 8]}}, "does not fit its own settings"),
        ({"shape": [1, 3, 4]}, "does not fit its own settings"),
        ({"shape": []}, "lacks valid settings, shape or nimg"),
        ({"shape": [0, 3, 3]}, "lacks valid settings, shape or nimg"),
        ({"shape": [-1, 3, 3]}, "lacks valid settings, shape or nimg"),
        ({"shape": [1, 3, 10**12]}, "lacks valid settings, shape or nimg"),
        ({"shape": [9]}, "lacks valid settings, shape or nimg"),
        ({"shape": [3, 3]}, "lacks valid settings, shape or nimg"),
    ],
)
def test_facts_that_are_wrong_are_told(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    facts: dict[str, Any] = {"format": FORMAT, "nimg": 1, "shape": list(SHAPE), "settings": SETTINGS}
    write_tensorfile(path, KIND, generator().state_dict(), facts | change)
    with pytest.raises(UserError, match=message):
        ganforge.load(path, device="cpu")


def test_a_missing_fact_is_told(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"format": FORMAT, "nimg": 1, "shape": list(SHAPE), "settings": SETTINGS}
    for name in facts:
        path = tmp_path / "x.safetensors"
        write_tensorfile(path, KIND, generator().state_dict(), {k: v for k, v in facts.items() if k != name})
        with pytest.raises(UserError, match="has format None" if name == "format" else "lacks valid settings"):
            load_snapshot(path)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": SETTINGS | {"g_hidden": [20_000, 20_000]}},
        {"settings": SETTINGS | {"z_dim": 65_536, "g_hidden": [16_000]}},
        {"shape": [3, 4096, 4096]},
        {"num_classes": 2**30},
        {"num_classes": 2**62},
    ],
    ids=str,
)
def test_a_small_file_that_asks_for_a_large_network(
    change: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its shapes are compared before a network is made and before a weight is read."""
    path = tmp_path / "x.safetensors"
    facts: dict[str, Any] = {"format": FORMAT, "nimg": 1, "shape": list(SHAPE), "settings": SETTINGS}
    write_tensorfile(path, KIND, generator().state_dict(), facts | change)

    def only_outlines(*given: Any, meta: bool = False, **named: Any) -> torch.nn.Module:
        assert meta
        return build_generator(*given, meta=meta, **named)

    monkeypatch.setattr("ganforge.sampling.model.build_generator", only_outlines)
    monkeypatch.setattr("ganforge.base.tensorfile._digest", None)
    with pytest.raises(UserError, match=r"does not fit its own settings|are the most"):
        ganforge.load(path, device="cpu")


def test_a_snapshot_is_read_through_a_link_that_was_named_but_not_in_a_run(folder: RunFolder, tmp_path: Path) -> None:
    save_snapshot(folder, 320, generator(1), SETTINGS, SHAPE, 0)
    (tmp_path / "link.safetensors").symlink_to(folder.snapshot(320))
    assert load_snapshot(tmp_path / "link.safetensors").nimg == 320
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(UserError, match="cannot be read: a pipe, socket or device, not a file"):
        load_snapshot(tmp_path / "pipe.safetensors")
