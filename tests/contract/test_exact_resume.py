"""Promise 2: N images = k + resume + (N - k), with every tensor, log row and picture equal, for every recipe."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from short_runs import Cut, Killed, begin, checkpoint_of, figures_of, go_on_with, rows_of, snapshot_of, tiny

from ganforge.base.errors import UserError
from ganforge.base.files import _write_aside, append_plain
from ganforge.config import Config
from ganforge.recipes.catalog import RECIPES
from ganforge.run.folder import RunFolder
from ganforge.training.feed import images_in

STEPS = 20
SHORTER = 15  # no report is due there
NARROW = {"batch_size": 8, "g_width": 4, "d_width": 4}
R3GAN = {"batch_size": 8, "g_width": 8, "d_width": 8, "ema_halflife_nimg": 300, "burn_in_nimg": 100}
SNGAN = {**NARROW, "burn_in_nimg": 10_000}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "note": ("note", {}),
    "moving average": ("note", {"ema_halflife_nimg": 200}),
    "plain Adam": ("note", {"fused_adam": False}),
    "normal noise": ("note", {"noise": "normal"}),
    "ring": ("note", {"data": "ring", "metric_samples": 20}),
    "measured": ("note", {"metric_samples": 300, "max_images": None, "snapshot_nimg": 96}),
    "uneven": ("note", {"batch_size": 30, "report_nimg": 100, "snapshot_nimg": 130, "checkpoint_nimg": 190}),
    # The other recipes. WGAN's schedule, 100 updates of D in each of these steps, is only for small networks.
    "dcgan": ("dcgan", NARROW),
    "fast": ("fast", {**NARROW, "burn_in_nimg": 300, "ema_halflife_nimg": 100}),
    "r1": ("r1", {**NARROW, "burn_in_nimg": 300, "ema_halflife_nimg": 100, "penalty_interval": 3}),
    "lsgan": ("lsgan", NARROW),
    "wgan": ("wgan", {"batch_size": 4, "generator": "mlp", "discriminator": "mlp"}),
    "wgan-gp": ("wgan-gp", NARROW),
    "dragan": ("dragan", NARROW),
    "sngan": ("sngan", SNGAN),
    "r3gan": ("r3gan", R3GAN),
    "cgan": ("cgan", {}),
    # What recipes can be combined with.
    "wgan without its schedule": ("wgan", {**NARROW, "wgan_schedule": False}),
    "several steps of D, shared noise": ("note", {"d_steps": 3}),
    "diffaugment": ("dcgan", {**NARROW, "augment": "diffaugment"}),
    "told photo, shifted": ("photo", {**NARROW, "conditional": True, "penalty_interval": 3, "burn_in_nimg": 100}),
    "ada": ("dcgan", {**NARROW, "augment": "ada", "d_lr": 1e-2}),
    "all of r3gan": (
        "r3gan",
        {**R3GAN, "augment": "ada", "conditional": True, "precision": "bfloat16", "d_lr": 2e-2}
        | {"r1_gamma": 0.01, "r2_gamma": 0.01},
    ),
    "conditional dcgan": ("dcgan", {**NARROW, "conditional": True}),
    "conditional sngan": ("sngan", {**SNGAN, "conditional": True, "d_steps": 2}),
    "bfloat16": ("dcgan", {**NARROW, "precision": "bfloat16"}),
    "accumulated": ("r3gan", {**R3GAN, "accumulate": 4}),
    "accumulated, shared noise": ("dcgan", {**NARROW, "accumulate": 2}),
    "schedules": (
        "note",
        {"burn_in_nimg": 400, "burn_in_curve": "linear", "lr_end": 0.1, "d_lr": 1e-3, "beta2_end": 0.9, "gamma_end": 0}
        | {"r1_gamma": 1.0, "ema_halflife_nimg": 200, "ema_rampup": True},
    ),
    "lazy R1": (
        "note",
        {"r1_gamma": 1.0, "penalty_interval": 3, "d_steps": 2, "gamma_end": 0.5, "burn_in_nimg": 400},
    ),
    "lazy R2, accumulated": ("note", {"r2_gamma": 1.0, "penalty_interval": 7, "accumulate": 2}),
    "layer norm": ("wgan-gp", {**NARROW, "d_norm": "layer", "d_steps": 2}),
    "spectral norm": ("dcgan", {**NARROW, "d_norm": "spectral", "objective": "hinge"}),
    "upsample and recurrent": ("dcgan", {**NARROW, "generator": "upsample", "discriminator": "recurrent"}),
    "logistic": ("note", {"discriminator": "logistic"}),
    "convolutions on points": ("dcgan", {**NARROW, "data": "ring"}),
    "spectral norm on points": ("sngan", {**SNGAN, "data": "ring", "objective": "non-saturating"}),
    "deep r3gan": ("r3gan", {**R3GAN, "blocks": 2, "group_size": 4, "g_base_size": 2, "d_base_size": 3}),
    "r3gan on points": ("r3gan", {**R3GAN, "data": "ring"}),
}
"""name -> recipe and settings beside ``TINY``'s."""
ALL = pytest.mark.parametrize("case", CASES)
CUTS = (1, 4, 13, 14, STEPS - 1)  # 4 is at a report, 14 at a checkpoint, the others are at neither


def settings_of(case: str) -> dict[str, Any]:
    """The case's settings, with cadences that make a report every four steps, a snapshot every six, and a checkpoint
    every seven, unless it has its own."""
    recipe_name, changes = CASES[case]
    images = images_in(tiny(recipe_name, **changes), 0)
    return {"report_nimg": 4 * images, "snapshot_nimg": 6 * images, "checkpoint_nimg": 7 * images} | changes


def nimg_after(case: str, steps: int) -> int:
    """Real pictures that D sees in so many steps."""
    config = config_of(case)
    return sum(images_in(config, step) for step in range(steps))


def config_of(case: str) -> Config:
    return tiny(CASES[case][0], **settings_of(case))


def begin_case(out: Path, case: str, steps: int = STEPS, cut: Cut | None = None) -> RunFolder:
    return begin(out, CASES[case][0], cut=cut, total_nimg=nimg_after(case, steps), **settings_of(case))


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def run(case: str) -> RunFolder:
        return begin_case(tmp_path_factory.mktemp("uninterrupted") / "run", case)

    return run


def assert_same(ours: RunFolder, whole: RunFolder) -> None:
    """Everything of the uninterrupted run is there, and equal; other rows and grids are not there."""
    assert rows_of(ours) == rows_of(whole)
    assert figures_of(ours) == figures_of(whole)
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


def test_every_recipe_is_a_case() -> None:
    assert {recipe_name for recipe_name, _ in CASES.values()} == RECIPES.keys()


def constant(name: str, config: Config) -> bool:
    """The bias at D's end cancels out of WGAN's loss; a unit vector of one number is 1 or -1."""
    of_the_bias = ("head.logit.bias", "layers.2.bias")
    return name == "D.head.logit.u" or (config.objective == "wgan" and name.partition(".")[2].startswith(of_the_bias))


@ALL
def test_the_comparison_sees_all_that_training_changes(case: str, uninterrupted: Any) -> None:
    """The uninterrupted run's tensors differ from checkpoint to checkpoint, all but the constant ones."""
    whole, config = uninterrupted(case), config_of(case)
    (first, _), *_, (last, _) = (checkpoint_of(whole, nimg) for nimg, _ in whole.all_checkpoints())
    parts = {name.partition(".")[0] for name in last}
    expected = {"G", "D", "G_opt", "D_opt"}
    expected |= {"G_ema"} if config.ema_halflife_nimg else set()
    expected |= {"ada"} if config.augment == "ada" else set()
    assert parts - {"stats"} == expected
    same = [name for name in last if not name.startswith("stats.") and torch.equal(first[name], last[name])]
    assert [name for name in same if not constant(name, config)] == []


def test_there_are_figures_to_compare(uninterrupted: Any) -> None:
    for case, every in (("ring", 192), ("measured", 96)):
        rows = figures_of(uninterrupted(case))
        assert [row["nimg"] for row in rows] == [*range(every, 640, every), 640]
        assert len({json.dumps(row["figures"]) for row in rows}) == len(rows)


@ALL
def test_killed_stopped_finished_and_made_longer(case: str, uninterrupted: Any, tmp_path: Path) -> None:
    """Killed between checkpoints, so that what came after the newest one is made again; stopped on request after one
    more step; finished, and then made longer, so that the last report is taken back. (`test_cut_anywhere` has each of
    these alone.)"""
    out = tmp_path / "run"
    folder, shorter = RunFolder(out), nimg_after(case, SHORTER)
    with pytest.raises(Killed):
        begin(out, CASES[case][0], cut=Cut(kill_after=13), total_nimg=shorter, **settings_of(case))
    saved = folder.all_checkpoints()[-1][0]
    assert max(row["nimg"] for row in folder.rows()) > saved  # there is something to take back
    go_on_with(out, cut=Cut(stop_after=1))
    assert folder.read_status()["state"] == "stopped"
    go_on_with(out)
    assert folder.read_status() | {"state": "finished", "nimg": shorter} == folder.read_status()
    go_on_with(out, total_nimg=nimg_after(case, STEPS))
    assert_same(folder, uninterrupted(case))


def test_wgans_schedule_goes_on_where_it_was(tmp_path: Path) -> None:
    """Cut at the last step with 100 updates of D, and at the first one with 5."""
    steps = 28
    assert [images_in(config_of("wgan"), step) for step in (24, 25)] == [400, 20]
    whole = begin_case(tmp_path / "whole", "wgan", steps)
    out = tmp_path / "run"
    begin_case(out, "wgan", steps, cut=Cut(stop_after=25))
    go_on_with(out, cut=Cut(stop_after=1))
    go_on_with(out)
    assert_same(RunFolder(out), whole)


def test_killed_between_the_last_checkpoint_and_the_end(tmp_path: Path) -> None:
    """The last step of WGAN's schedule is short, and made again from the checkpoint before it."""
    out, changes = tmp_path / "run", settings_of("wgan") | {"total_nimg": 410}
    folder, whole = begin(out, "wgan", **changes), begin(tmp_path / "whole", "wgan", **changes)
    assert folder.read_status() | {"state": "finished", "nimg": 412} == folder.read_status()
    assert [nimg for nimg, _ in folder.all_checkpoints()] == [0, 400]
    folder.write_status("running", 412, 412)
    go_on_with(out)
    assert folder.read_status()["state"] == "finished"
    assert rows_of(folder) == rows_of(whole)
    assert folder.snapshot(412).read_bytes() == whole.snapshot(412).read_bytes()
    with pytest.raises(UserError, match="it had 412 images, and the total is 412"):
        go_on_with(out)


@pytest.mark.parametrize("steps", [18, STEPS])  # at the end of 18 the figures are due, at that of 20 they are not
def test_killed_after_the_last_checkpoint_again_and_again(steps: int, tmp_path: Path) -> None:
    """Nothing is made twice: not the last row, nor the last figures."""
    whole, out = begin_case(tmp_path / "whole", "measured", steps), tmp_path / "run"
    folder = begin_case(out, "measured", steps)
    for _ in range(3):
        folder.write_status("running", steps * 32, steps * 32)
        go_on_with(out)
        assert_same(folder, whole)


def test_killed_after_the_last_checkpoint_and_the_best_snapshots_stay(tmp_path: Path) -> None:
    """What was the best before the last figures were known is kept as in one go."""
    changes = settings_of("measured") | {"keep_snapshots": 1, "total_nimg": 18 * 32}
    folder = begin(tmp_path / "run", **changes)
    kept = [nimg for nimg, _ in folder.all_snapshots()]
    assert len(kept) == 2  # the newest, and the best before it
    folder.write_status("running", 18 * 32, 18 * 32)
    go_on_with(folder.path)
    assert [nimg for nimg, _ in folder.all_snapshots()] == kept


def test_killed_at_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each of them: the log and the figures are those of one go, the last row included."""
    changes: dict[str, Any] = {"total_nimg": 6 * 32, "report_nimg": 64, "snapshot_nimg": 64, "checkpoint_nimg": 96}
    changes |= {"metric_samples": 20, "max_images": None}
    calls, fatal = 0, 0

    def counted(write: Callable[..., None]) -> Callable[..., None]:
        def replacement(*given: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == fatal:
                raise Killed
            write(*given)

        return replacement

    monkeypatch.setattr("ganforge.base.files._write_aside", counted(_write_aside))
    monkeypatch.setattr("ganforge.run.json_lines.append_plain", counted(append_plain))
    whole = begin(tmp_path / "whole", **changes)
    assert len(figures_of(whole)) == 3
    for number in count(1):
        out = tmp_path / f"killed-{number}"
        calls, fatal = 0, number
        try:
            begin(out, **changes)
        except Killed:
            pass
        else:
            break  # there are no more writes
        if RunFolder(out).exists():
            go_on_with(out)
        else:
            begin(out, **changes)
        assert rows_of(RunFolder(out)) == rows_of(whole)
        assert figures_of(RunFolder(out)) == figures_of(whole)
    assert number > 20


LOST = ["running", "failed", "stopped", "finished", "no status"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return begin_case(tmp_path_factory.mktemp("measured") / "run", "measured", 8)


@pytest.mark.parametrize("sign", ["all", "status", "rows", "figures", "pictures", "snapshots"])
@pytest.mark.parametrize("state", LOST)
def test_a_run_without_its_checkpoints_is_not_begun_anew(
    state: str, sign: str, measured: RunFolder, tmp_path: Path
) -> None:
    """Whatever shows that it had come far: it is refused, and nothing is changed."""
    if (state, sign) == ("no status", "status"):
        return
    folder = RunFolder(shutil.copytree(measured.path, tmp_path / "run"))
    folder.write_status(state, 256, 640)
    shutil.rmtree(folder.checkpoint(0).parent)
    files = {
        "status": [folder.status], "rows": [folder.stats], "figures": [folder.metrics],
        "pictures": [path for _, path in folder.all_fakes()], "snapshots": [path for _, path in folder.all_snapshots()],
    }  # fmt: skip
    for path in [path for name, paths in files.items() if sign not in ("all", name) for path in paths]:
        path.unlink()
    if state == "no status":
        folder.status.unlink(missing_ok=True)
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"no checkpoint to go on from, but .*put its checkpoints back"):
        go_on_with(folder.path)
    assert {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()} == before


def test_a_run_killed_before_its_first_checkpoint_begins_anew(uninterrupted: Any, tmp_path: Path) -> None:
    out = tmp_path / "run"
    folder = begin(out, total_nimg=STEPS * 32)
    assert folder.all_checkpoints()[0] == (0, folder.checkpoint(0))
    for path in [path for path in folder.path.rglob("*") if path.is_file() and path != folder.config]:
        path.unlink()
    folder.write_status("running", 0, STEPS * 32)
    go_on_with(out)
    assert_same(folder, uninterrupted("note"))


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
    assert_same(RunFolder(out), uninterrupted("note"))


def test_stopped_after_every_step(uninterrupted: Any, tmp_path: Path) -> None:
    out = tmp_path / "run"
    begin(out, cut=Cut(stop_after=1), total_nimg=STEPS * 32)
    for _ in range(STEPS - 1):
        go_on_with(out, cut=Cut(stop_after=1))
    assert_same(RunFolder(out), uninterrupted("note"))


@pytest.mark.parametrize("tail", ['{"nimg": 400, "step"', '{"nimg": 128, "Loss/D": 0.1', "\x00\x00\x00", "nul"])
def test_a_torn_last_line_is_cut(tail: str, uninterrupted: Any, tmp_path: Path) -> None:
    """A kill in the middle of a write leaves half a line; the rows made later must not be glued to it."""
    out = tmp_path / "run"
    with pytest.raises(Killed):
        begin(out, cut=Cut(kill_after=15), total_nimg=STEPS * 32)
    with RunFolder(out).stats.open("a") as file:
        file.write(tail)
    go_on_with(out)
    assert_same(RunFolder(out), uninterrupted("note"))


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
    whole, out = uninterrupted("note"), tmp_path / "run"
    begin(out, cut=Cut(stop_after=5), total_nimg=STEPS * 32)
    go_on_with(out, report_nimg=64, snapshot_nimg=64, checkpoint_nimg=64, grid_size=3)
    (ours, _), (expected, _) = checkpoint_of(RunFolder(out), STEPS * 32), checkpoint_of(whole, STEPS * 32)
    fixed = [name for name in expected if not name.startswith("stats.")]
    assert all(torch.equal(ours[name], expected[name]) for name in fixed)


def test_two_threads_give_the_same_bits_each_time(tmp_path: Path) -> None:
    """In the other tests each process has one."""
    settings: dict[str, Any] = {"batch_size": 64, "g_width": 16, "d_width": 16, "total_nimg": 6 * 64, "threads": 2}
    before = torch.get_num_threads()
    try:
        whole = begin(tmp_path / "whole", "dcgan", **settings)
        begin(tmp_path / "run", "dcgan", cut=Cut(stop_after=3), **settings)
        assert torch.get_num_threads() == 2
        go_on_with(tmp_path / "run")
    finally:
        torch.set_num_threads(before)
    (ours, _), (expected, _) = (checkpoint_of(run, 6 * 64) for run in (RunFolder(tmp_path / "run"), whole))
    assert [name for name, tensor in expected.items() if not torch.equal(ours[name], tensor)] == []
