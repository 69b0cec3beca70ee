"""What is in a run folder: the documented files and keys, and of snapshots and checkpoints those to be kept."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from short_runs import TINY, Cut, Killed, begin, go_on_with
from toy_troubles import only, toy

import ganforge.run.folder
from ganforge.base.errors import RunError, UserError
from ganforge.config import Config
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import load_snapshot

TOTAL = 20 * 32
DOCS = Path(__file__).parents[2] / "docs" / "run-folder.md"


def files_of(folder: RunFolder) -> list[str]:
    """Every file, by its path in the folder, without the lock, whose presence depends on the system."""
    found = (p.relative_to(folder.path).as_posix() for p in folder.path.rglob("*") if p.is_file())
    return sorted(name for name in found if name != ".lock")


def numbers(found: list[tuple[int, Path]]) -> list[int]:
    return [nimg for nimg, _ in found]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return begin(tmp_path_factory.mktemp("runs") / "run", total_nimg=TOTAL)


def test_the_files_are_the_documented_ones(run: RunFolder) -> None:
    fakes = [f"fakes-{nimg:09d}.png" for nimg in (0, 128, 256, 384, 512, 640)]
    snapshots = [f"snapshots/{nimg:09d}.safetensors" for nimg in (192, 384, 576, 640)]
    checkpoints = [f"checkpoints/{nimg:09d}.safetensors" for nimg in (0, 224, 448, 640)]
    single = ["config.json", "evolution.webp", "findings.jsonl", "reals.png", "stats.jsonl", "status.json"]
    assert files_of(run) == sorted([*single, *fakes, *snapshots, *checkpoints])


def test_each_file_is_in_the_docstring(run: RunFolder) -> None:
    described = [line.split("   ")[0].strip() for line in (ganforge.run.folder.__doc__ or "").splitlines()]
    for name in files_of(run):
        stem = "".join("<nimg>" if part.isdigit() else part for part in split_digits(name))
        assert stem in described, name


def split_digits(name: str) -> list[str]:
    return [part for part in name.replace("-0", "-\t0").replace("/0", "/\t0").replace(".", "\t.").split("\t") if part]


def test_config_json(run: RunFolder) -> None:
    content = json.loads(run.config.read_text(encoding="utf-8"))
    assert list(content) == ["settings", "data", "environment"]
    assert list(content["settings"]) == list(Config.model_fields)
    assert (
        content["settings"] | {k: list(v) if isinstance(v, tuple) else v for k, v in TINY.items()}
        == (content["settings"])
    )
    assert set(content["data"]) == {"name", "source", "count", "shape", "num_classes", "fingerprint"}
    assert (content["data"]["count"], content["data"]["shape"]) == (100, [1, 8, 8])
    [environment] = content["environment"]
    assert set(environment) == {
        "ganforge", "git_commit", "python", "torch", "platform", "device", "device_name", "threads", "processes",
    }  # fmt: skip


def test_rows(run: RunFolder) -> None:
    rows = [json.loads(line) for line in run.stats.read_text(encoding="utf-8").splitlines()]
    assert [(row["nimg"], row["step"]) for row in rows] == [(128, 4), (256, 8), (384, 12), (512, 16), (640, 20)]
    fixed = [
        "nimg", "step", "Gradient/D", "Gradient/G", "Loss/D", "Loss/D/fakes", "Loss/D/reals", "Loss/G", "Loss/G/fakes",
        "Loss/scores/real", "Accuracy/real", "Loss/scores/fake", "Accuracy/fake", "Logits/separation", "Logits/spread",
        "Health/spread", "Health/duplicates", "Health/shares", "Health/overlap", "Health/missing", "Health/contrast",
        "Health/roughness", "Health/level", "Health/nearest", "Weights/G", "Step/G", "Weights/D", "Step/D",
        "Timing/images_per_sec", "Timing/total_sec", "Timing/feeding_share", "Timing/reporting_share",
    ]  # fmt: skip
    described = DOCS.read_text(encoding="utf-8")
    for row in rows:
        assert [key for key in row if not key.startswith("Resources/")] == fixed
        assert [key for key in row if f"`{key}`" not in described] == []
        assert row["Loss/D"] == pytest.approx(row["Loss/D/reals"] + row["Loss/D/fakes"], rel=1e-6)
        assert row["Loss/G"] == row["Loss/G/fakes"]
        assert all(0 <= row[f"Accuracy/{side}"] <= 1 for side in ("real", "fake"))
        assert row["Gradient/D"] > 0 < row["Gradient/G"]
    times = [row["Timing/total_sec"] for row in rows]
    assert times == sorted(times)
    assert times[0] > 0


def test_findings(tmp_path: Path) -> None:
    with only(toy("Accuracy/real", grave=False)):
        folder = begin(tmp_path / "run", total_nimg=TOTAL)
    [event] = [row for row in folder.finding_rows() if row["finding"] == "Accuracy/real"]
    keys = ["nimg", "finding", "state", "title", "grave", "since", "seen", "sure"]
    assert list(event) == keys
    assert (event["nimg"], event["state"], event["since"]) == (128, "found", 128)
    [lasting] = [one for one in folder.read_status()["findings"] if one["finding"] == "Accuracy/real"]
    assert list(lasting) == [key for key in keys if key not in ("nimg", "state")]
    section = DOCS.read_text(encoding="utf-8").partition("## findings.jsonl")[2].partition("\n## ")[0]
    assert [key for key in [*keys, "until", "change"] if f"| `{key}` |" not in section] == []


def test_status_states(tmp_path: Path, run: RunFolder) -> None:
    status = run.read_status()
    assert set(status) == {"state", "nimg", "total_nimg", "reason", "findings", "pid", "time"}
    assert (status["state"], status["nimg"], status["total_nimg"], status["reason"]) == ("finished", TOTAL, TOTAL, "")
    assert status["pid"] == os.getpid()

    killed = RunFolder(tmp_path / "killed")
    with pytest.raises(Killed):
        begin(killed.path, cut=Cut(kill_after=6), total_nimg=TOTAL)
    assert (killed.read_status()["state"], killed.read_status()["nimg"]) == ("running", 128)
    go_on_with(killed.path, cut=Cut(stop_after=3))
    assert (killed.read_status()["state"], killed.read_status()["nimg"]) == ("stopped", 96)
    assert killed.read_status()["reason"]

    class Broken(Cut):
        def wants_update(self) -> bool:
            raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match="could not be saved: No space left on device"):
        go_on_with(killed.path, cut=Broken())
    assert killed.read_status()["state"] == "failed"
    assert "No space left on device" in killed.read_status()["reason"]


def test_pictures(run: RunFolder) -> None:
    with Image.open(run.reals) as reals, Image.open(run.fakes(TOTAL)) as fakes, Image.open(run.evolution) as evolution:
        assert reals.size == fakes.size == evolution.size
        assert evolution.n_frames == 6


def test_a_stopped_run_has_the_same_kinds_of_files(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", cut=Cut(stop_after=5), total_nimg=TOTAL)
    assert files_of(folder) == [
        "checkpoints/000000000.safetensors", "checkpoints/000000160.safetensors", "config.json", "evolution.webp",
        "fakes-000000000.png", "fakes-000000128.png", "findings.jsonl", "reals.png", "stats.jsonl", "status.json",
    ]  # fmt: skip


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", total_nimg=TOTAL, keep_snapshots=2, keep_checkpoints=1)
    assert numbers(folder.all_snapshots()) == [576, 640]
    assert numbers(folder.all_checkpoints()) == [640]


def test_milestones_are_kept_for_ever(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", total_nimg=TOTAL, snapshot_nimg=64, milestone_nimg=256, keep_snapshots=1)
    assert numbers(folder.all_snapshots()) == [256, 512, 640]


def test_milestones_of_uneven_batches(tmp_path: Path) -> None:
    """Batches of 30 pass 100, 200, ... at 120, 210, 300, ...: these snapshots are the milestones."""
    folder = begin(
        tmp_path / "run", batch_size=30, total_nimg=450, snapshot_nimg=50, milestone_nimg=100, keep_snapshots=1
    )
    assert numbers(folder.all_snapshots()) == [120, 210, 300, 420, 450]


@pytest.mark.parametrize("variant", [{}, {"ema_halflife_nimg": 100}])
def test_a_snapshot_carries_its_settings(variant: dict[str, Any], tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", total_nimg=64, **variant)
    snapshot = load_snapshot(folder.path)
    assert snapshot.path == folder.snapshot(64)
    assert Config.model_validate(snapshot.settings) == Config.model_validate(folder.read_config()["settings"])
    assert (snapshot.shape, snapshot.nimg) == ((1, 8, 8), 64)


def test_resuming_adds_its_environment_and_new_settings(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", total_nimg=64)
    go_on_with(folder.path, total_nimg=128)
    content = folder.read_config()
    assert content["settings"]["total_nimg"] == 128
    assert len(content["environment"]) == 2
    assert content["data"]["count"] == 100


def test_a_finished_run_is_not_touched(run: RunFolder) -> None:
    before = {name: (run.path / name).read_bytes() for name in files_of(run)}
    with pytest.raises(UserError, match=r"is finished: .*640 images.*--total-nimg 1280"):
        go_on_with(run.path)
    with pytest.raises(UserError, match="already holds a run"):
        begin(run.path, total_nimg=TOTAL)
    with pytest.raises(UserError, match="z_dim: 8 in the run, 9 asked for"):
        go_on_with(run.path, z_dim=9, total_nimg=2 * TOTAL)
    assert {name: (run.path / name).read_bytes() for name in files_of(run)} == before


def test_what_auto_came_to_is_in_config_json_and_stays(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"d_hidden": (8,), "r1_gamma": "auto", "total_nimg": 64}
    folder = begin(tmp_path / "run", cut=Cut(stop_after=1), **settings)
    assert folder.read_config()["settings"]["r1_gamma"] == pytest.approx(0.064)
    with pytest.raises(UserError, match=r"r1_gamma: 0\.064 in the run, 2\.0 asked for"):
        go_on_with(folder.path, r1_gamma=2.0)
    go_on_with(folder.path)
    assert folder.read_config()["settings"]["r1_gamma"] == pytest.approx(0.064)
    assert load_snapshot(folder.snapshot(64)).settings["r1_gamma"] == pytest.approx(0.064)
