"""Promise 2: N images = k + resume + (N - k), with every tensor, log row and picture equal, for every recipe."""

import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from short_runs import Cut, Killed, begin, checkpoint_of, go_on_with, rows_of, snapshot_of

from ganforge.recipes import RECIPES
from ganforge.run.folder import RunFolder

STEPS = 20
VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "moving average": {"ema_halflife_nimg": 200},
    "plain Adam": {"fused_adam": False},
    "normal noise": {"noise": "normal"},
    "ring": {"data": "ring"},
    "uneven": {"batch_size": 30, "report_nimg": 100, "snapshot_nimg": 130, "checkpoint_nimg": 190},
}
CASES = [(name, variant) for name in RECIPES for variant in VARIANTS]
RANDOM_CUTS = sorted(random.Random(0).sample(range(1, STEPS), 4))
CUTS = sorted({1, 4, STEPS - 1, *RANDOM_CUTS})  # 4 is at a report, 1 and 19 are not


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def run(recipe_name: str, variant: str) -> RunFolder:
        out = tmp_path_factory.mktemp("uninterrupted") / "run"
        return begin(out, recipe_name, total_nimg=total(variant), **VARIANTS[variant])

    return run


def total(variant: str) -> int:
    return STEPS * VARIANTS[variant].get("batch_size", 32)


def assert_same(ours: RunFolder, whole: RunFolder) -> None:
    """Everything of the uninterrupted run is there, and equal; other rows and grids are not there."""
    assert rows_of(ours) == rows_of(whole)
    assert [nimg for nimg, _ in ours.all_fakes()] == [nimg for nimg, _ in whole.all_fakes()]
    assert len(whole.all_fakes()) >= 6
    for name in ["reals.png", "evolution.webp", *(path.name for _, path in whole.all_fakes())]:
        assert (ours.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    for every, read in ((whole.all_checkpoints(), checkpoint_of), (whole.all_snapshots(), snapshot_of)):
        assert len(every) >= 3
        for nimg, _ in every:
            (tensors, facts), (expected, expected_facts) = read(ours, nimg), read(whole, nimg)
            assert facts == expected_facts
            assert tensors.keys() == expected.keys()
            assert not [name for name, tensor in expected.items() if not torch.equal(tensors[name], tensor)], nimg
    status, expected_status = ours.read_status(), whole.read_status()
    assert [status[k] for k in ("state", "nimg", "total_nimg")] == [
        expected_status[k] for k in ("state", "nimg", "total_nimg")
    ]


@pytest.mark.parametrize(("recipe_name", "variant"), CASES)
def test_the_comparison_sees_all_that_training_changes(recipe_name: str, variant: str, uninterrupted: Any) -> None:
    """The uninterrupted run's tensors differ from checkpoint to checkpoint, all but the constant ones."""
    whole = uninterrupted(recipe_name, variant)
    (first, _), *_, (last, _) = (checkpoint_of(whole, nimg) for nimg, _ in whole.all_checkpoints())
    parts = {name.partition(".")[0] for name in last}
    assert parts >= {"G", "D", "G_opt", "D_opt"} | ({"G_ema"} if variant == "moving average" else set())
    for name in last:
        if not name.startswith("stats."):
            assert not torch.equal(first[name], last[name]), name


@pytest.mark.parametrize(("recipe_name", "variant"), CASES)
def test_stopped_and_resumed(recipe_name: str, variant: str, uninterrupted: Any, tmp_path: Path) -> None:
    """Stopped on request three times: at a random step, at the next, and just before the end."""
    out = tmp_path / "run"
    begin(out, recipe_name, cut=Cut(stop_after=RANDOM_CUTS[1]), total_nimg=total(variant), **VARIANTS[variant])
    assert RunFolder(out).read_status()["state"] == "stopped"
    go_on_with(out, cut=Cut(stop_after=1))
    go_on_with(out, cut=Cut(stop_after=STEPS - RANDOM_CUTS[1] - 2))
    assert RunFolder(out).read_status()["nimg"] == total(variant) * (STEPS - 1) // STEPS
    go_on_with(out)
    assert_same(RunFolder(out), uninterrupted(recipe_name, variant))


@pytest.mark.parametrize(("recipe_name", "variant"), CASES)
def test_finished_and_made_longer(recipe_name: str, variant: str, uninterrupted: Any, tmp_path: Path) -> None:
    """The last report of the shorter run, which the longer one does not make, is taken back."""
    out = tmp_path / "run"
    shorter = RANDOM_CUTS[2] * VARIANTS[variant].get("batch_size", 32)
    begin(out, recipe_name, total_nimg=shorter, **VARIANTS[variant])
    assert RunFolder(out).read_status()["state"] == "finished"
    go_on_with(out, total_nimg=total(variant))
    assert_same(RunFolder(out), uninterrupted(recipe_name, variant))


@pytest.mark.parametrize(("recipe_name", "variant"), CASES)
def test_killed_and_resumed(recipe_name: str, variant: str, uninterrupted: Any, tmp_path: Path) -> None:
    """Killed between checkpoints: what was made after the newest one is made again."""
    out = tmp_path / "run"
    with pytest.raises(Killed):
        begin(out, recipe_name, cut=Cut(kill_after=13), total_nimg=total(variant), **VARIANTS[variant])
    folder = RunFolder(out)
    saved = folder.all_checkpoints()[-1][0]
    assert max(row["nimg"] for row in folder.rows()) > saved  # there is something to take back
    go_on_with(out)
    assert_same(folder, uninterrupted(recipe_name, variant))


@pytest.mark.parametrize(("way", "cut"), [("stop", 0), *((way, n) for way in ("stop", "finish", "kill") for n in CUTS)])
def test_cut_anywhere(way: str, cut: int, uninterrupted: Any, tmp_path: Path) -> None:
    out = tmp_path / "run"
    if way == "kill":
        with pytest.raises(Killed):
            begin(out, cut=Cut(kill_after=cut), total_nimg=STEPS * 32)
    elif way == "stop":
        begin(out, cut=Cut(stop_after=cut), total_nimg=STEPS * 32)
    else:
        begin(out, total_nimg=cut * 32)
    go_on_with(out, total_nimg=STEPS * 32)
    assert_same(RunFolder(out), uninterrupted("note", "as it is"))


def test_stopped_after_every_step(uninterrupted: Any, tmp_path: Path) -> None:
    out = tmp_path / "run"
    begin(out, cut=Cut(stop_after=1), total_nimg=STEPS * 32)
    for _ in range(STEPS - 1):
        go_on_with(out, cut=Cut(stop_after=1))
    assert_same(RunFolder(out), uninterrupted("note", "as it is"))


@pytest.mark.parametrize("tail", ['{"nimg": 400, "step"', '{"nimg": 128, "Loss/D": 0.1', "\x00\x00\x00", "nul"])
def test_a_torn_last_line_is_cut(tail: str, uninterrupted: Any, tmp_path: Path) -> None:
    """A kill in the middle of a write leaves half a line; the rows made later must not be glued to it."""
    out = tmp_path / "run"
    with pytest.raises(Killed):
        begin(out, cut=Cut(kill_after=15), total_nimg=STEPS * 32)
    with RunFolder(out).stats.open("a") as file:
        file.write(tail)
    go_on_with(out)
    assert_same(RunFolder(out), uninterrupted("note", "as it is"))


def test_rows_and_grids_after_the_checkpoint_are_cut(tmp_path: Path) -> None:
    """What a killed process had made after its newest checkpoint is gone before anything new is made."""
    out = tmp_path / "run"
    with pytest.raises(Killed):
        begin(out, cut=Cut(kill_after=13), total_nimg=STEPS * 32)  # saved at 7 steps; reports at 4, 8 and 12
    folder = RunFolder(out)
    assert [row["nimg"] for row in folder.rows()] == [128, 256, 384]
    go_on_with(out, cut=Cut(stop_after=0))
    assert [row["nimg"] for row in rows_of(folder)] == [128]
    assert [nimg for nimg, _ in folder.all_fakes()] == [0, 128]


def test_cadences_may_change_and_weights_stay_the_same(uninterrupted: Any, tmp_path: Path) -> None:
    whole, out = uninterrupted("note", "as it is"), tmp_path / "run"
    begin(out, cut=Cut(stop_after=5), total_nimg=STEPS * 32)
    go_on_with(out, report_nimg=64, snapshot_nimg=64, checkpoint_nimg=64, grid_size=3)
    (ours, _), (expected, _) = checkpoint_of(RunFolder(out), STEPS * 32), checkpoint_of(whole, STEPS * 32)
    fixed = [name for name in expected if not name.startswith("stats.")]
    assert all(torch.equal(ours[name], expected[name]) for name in fixed)
