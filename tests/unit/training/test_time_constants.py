"""Whatever has a length in pictures, updates or seconds has the length that was asked for, not a multiple of it."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from ganforge.base.images import to_float
from ganforge.base.schedules import is_due
from ganforge.base.stopping import StopRequest
from ganforge.data.batches import Batches
from ganforge.data.digits import load_digits
from ganforge.metrics.trend import plateau_since
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.training.actions import Actions
from ganforge.training.build import build_state
from ganforge.training.feed import Feed, penalty_scale
from ganforge.training.loop import Loop
from ganforge.training.measure import say_what_it_means
from ganforge.training.progress import Progress
from ganforge.training.start import resume_run, start_run

CPU = torch.device("cpu")
N = 8
SETTINGS: dict[str, Any] = {
    "data": "digits", "batch_size": N, "z_dim": 4, "g_hidden": (8,), "d_hidden": (8,), "metric_samples": 0,
    "device": "cpu", "grid_size": 2, "keep_snapshots": 99, "keep_checkpoints": 99, "checkpoint_sec": 1e9,
}  # fmt: skip


def loop_of(tmp_path: Path, **changes: Any) -> Loop:
    config, dataset = recipe("note", **(SETTINGS | changes)), load_digits()
    feed, state = Feed(config, dataset, CPU), build_state(config, dataset, CPU)
    folder = RunFolder(tmp_path)
    folder.write_config({"settings": {}, "data": {}, "environment": [{}]})
    actions = Actions(config, feed, state, folder, Progress(), None)
    return Loop(config, feed, state, actions, StopRequest())


def run_of(out: Path, stop: StopRequest | None = None, **changes: Any) -> RunFolder:
    return start_run(recipe("note", **(SETTINGS | changes)), out, Progress(), stop or StopRequest())


@pytest.mark.parametrize(
    ("changes", "images"),
    [
        ({}, N),
        ({"d_steps": 3}, 3 * N),
        ({"d_steps": 3, "accumulate": 2}, 3 * N),
        ({"d_steps": 5, "wgan_schedule": True, "shared_noise": False}, 100 * N),
    ],
    ids=str,
)
@pytest.mark.parametrize("rampup", [False, True], ids=["", "ramped"])
def test_the_averages_half_life(changes: dict[str, Any], images: int, rampup: bool, tmp_path: Path) -> None:
    """The average is far away, so that what a step keeps of it is seen to six digits. Ramped, the half-life is a
    twentieth of the pictures shown by the end of the step."""
    halflife = 1.5 * images
    loop = loop_of(tmp_path, ema_halflife_nimg=int(halflife) if not rampup else 10**9, ema_rampup=rampup, **changes)
    loop.state.nimg = loop.state.step = 0
    if rampup:
        loop.state.nimg = 29 * images
    G_ema = loop.state.G_ema
    assert G_ema is not None
    with torch.no_grad():
        for weight in G_ema.parameters():
            weight.fill_(1000.0)
    loop.step()
    for average, new in zip(G_ema.parameters(), loop.state.G.parameters(), strict=True):
        kept = ((average - new).double() / (1000 - new).double()).mean().item()
        assert kept == pytest.approx(0.5 ** (1 / 1.5), rel=1e-5)


@pytest.mark.parametrize("interval", [1, 2, 3, 16])
@pytest.mark.parametrize("d_steps", [1, 2, 5])
def test_a_lazy_penalty_weighs_the_same_on_average(interval: int, d_steps: int) -> None:
    """Over 80 intervals: at each first update it is there, so many times as strong, and at no other."""
    config = recipe("note", **SETTINGS, d_steps=d_steps, r1_gamma=1.0, penalty_interval=interval)
    feed = Feed(config, load_digits(), CPU)
    scales = [
        batch.penalty_scale
        for step in range(math.ceil(interval * 80 / d_steps))
        for batch in feed.batches(step * d_steps * N, step)[0]
    ]
    assert [scale for scale in scales if scale] == [float(interval)] * math.ceil(len(scales) / interval)
    assert scales[::interval] == [scale for scale in scales if scale]


def test_a_lazy_penaltys_place_is_counted_in_updates_of_d() -> None:
    config = recipe("note", **SETTINGS, r1_gamma=1.0, penalty_interval=4)
    assert [penalty_scale(config, nimg) for nimg in range(0, 6 * N, N)] == [4.0, 0.0, 0.0, 0.0, 4.0, 0.0]


@pytest.mark.parametrize(("d_steps", "gammas"), [(1, [2.0, 1.8, 1.6]), (2, [2.0, 1.6, 1.2])])
def test_schedules_go_by_the_pictures_before_the_step(
    d_steps: int, gammas: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Along a line from 1 to 0 over ten batches."""
    ends = {"burn_in_nimg": 10 * N, "burn_in_curve": "linear", "lr_end": 0.0, "beta2_end": 0.0, "gamma_end": 0.0}
    loop = loop_of(tmp_path, d_steps=d_steps, r1_gamma=2.0, lr=1e-3, d_lr=5e-3, beta2=0.5, **ends)
    played: list[tuple[float, ...]] = []

    def train_step(G: Any, D: Any, G_opt: Any, D_opt: Any, options: Any, *_: Any) -> dict[str, Any]:
        [penalty] = options.penalties
        played.append((penalty.weight, 2000 * G_opt.lr, 400 * D_opt.lr, 4 * G_opt.betas[1], 4 * D_opt.betas[1]))
        return {"real_logits": torch.zeros(N), "fake_logits": torch.zeros(N)}

    monkeypatch.setattr("ganforge.training.whole_step.train_step", train_step)
    for _ in gammas:
        loop.step()
    assert played == [pytest.approx((gamma,) * 5) for gamma in gammas]


@pytest.mark.parametrize(("step", "updates"), [(0, 100), (24, 100), (25, 3), (499, 3), (500, 100)])
def test_as_many_updates_of_d_as_pictures_are_counted(
    step: int, updates: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By WGAN's schedule, each with the pictures that come next."""
    loop = loop_of(tmp_path, d_steps=3, wgan_schedule=True, shared_noise=False)
    loop.state.step, loop.state.nimg = step, 5 * N
    seen: list[torch.Tensor] = []

    def train_step(G: Any, D: Any, G_opt: Any, D_opt: Any, options: Any, d_batches: Any, *_: Any) -> dict[str, Any]:
        seen.extend(batch.reals for batch in d_batches)
        return {"real_logits": torch.zeros(N), "fake_logits": torch.zeros(N)}

    monkeypatch.setattr("ganforge.training.whole_step.train_step", train_step)
    loop.step()
    assert (loop.state.step, loop.state.nimg) == (step + 1, (5 + updates) * N)
    stream = Batches(load_digits(), N, seed=0)
    assert [torch.equal(to_float(stream((5 + at) * N)[0]), reals) for at, reals in enumerate(seen)] == [True] * updates


def multiples(total: int, images: int, every: int) -> list[int]:
    """By hand: the first end of a step at or past each multiple, and the run's end."""
    ends = range(images, total + images, images)
    first = {next(end for end in ends if end >= multiple) for multiple in range(every, total + 1, every)}
    return sorted(first | {ends[-1]})


@pytest.mark.parametrize("d_steps", [1, 3])
def test_cadences(d_steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them is a multiple of a step."""
    total, images = 30 * N * d_steps, N * d_steps
    every = {"report_nimg": 50 * d_steps, "snapshot_nimg": 71 * d_steps, "checkpoint_nimg": 101 * d_steps}
    measured: list[int] = []
    monkeypatch.setattr(Actions, "measure", lambda self, provisional: measured.append(self.state.nimg))
    folder = run_of(tmp_path / "run", total_nimg=total, d_steps=d_steps, **every)
    assert [row["nimg"] for row in folder.rows()] == multiples(total, images, every["report_nimg"])
    assert [nimg for nimg, _ in folder.all_fakes()] == [0, *multiples(total, images, every["report_nimg"])]
    assert [nimg for nimg, _ in folder.all_snapshots()] == multiples(total, images, every["snapshot_nimg"]) == measured
    assert [nimg for nimg, _ in folder.all_checkpoints()] == [0, *multiples(total, images, every["checkpoint_nimg"])]
    assert [row["step"] for row in folder.rows()] == [row["nimg"] // images for row in folder.rows()]


def test_due_is_what_a_step_reached() -> None:
    assert [is_due(nimg, 8, 20) for nimg in (0, 8, 16, 24, 32, 40, 48, 60)] == [
        True, False, False, True, False, True, False, True,
    ]  # fmt: skip


def test_due_goes_by_the_length_of_the_step_that_is_over(tmp_path: Path) -> None:
    """By WGAN's schedule the one that ends at 2,500 batches had 100, and the next has 5."""
    loop = loop_of(tmp_path, d_steps=5, wgan_schedule=True, shared_noise=False, report_nimg=60 * N)

    def report_due_at(step: int, nimg: int) -> bool:
        loop.state.step, loop.state.nimg = step, nimg
        resumed = Loop(loop.config, loop.feed, loop.state, loop.actions, loop.stop)
        return loop.actions.due(resumed.step_nimg, is_whole=True, finished=False).report

    assert report_due_at(25, 2500 * N)  # 2,460 lies in it
    assert not report_due_at(26, 2505 * N)
    assert not report_due_at(500, 4880 * N)  # the next one has 100 again


class Clock:
    """A second passes in every step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        step = Loop.step

        def slow(loop: Loop) -> Any:
            self.now += 1.0
            return step(loop)

        monkeypatch.setattr(Loop, "step", slow)
        monkeypatch.setattr("time.monotonic", lambda: self.now)


def test_a_checkpoint_is_saved_once_the_last_one_is_so_many_seconds_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    folder = run_of(tmp_path / "run", total_nimg=15 * N, checkpoint_sec=3.5, checkpoint_nimg=10**6)
    assert [nimg for nimg, _ in folder.all_checkpoints()] == [0, 4 * N, 8 * N, 12 * N, 15 * N]


def test_a_row_tells_the_speed_since_the_last_one_and_the_time_over_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two updates of D a second; made longer twice, 100 seconds later each time."""
    clock = Clock(monkeypatch)
    folder = run_of(tmp_path / "run", total_nimg=10 * N, d_steps=2, report_nimg=4 * N)
    for total in (20, 24):
        clock.now += 100.0
        resume_run(folder, {"total_nimg": total * N}, Progress(), StopRequest())
    rows = list(folder.rows())
    assert [row["nimg"] for row in rows] == [4 * N, 8 * N, 12 * N, 16 * N, 20 * N, 24 * N]
    assert [row["Timing/total_sec"] for row in rows] == [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]
    assert {row["Timing/images_per_sec"] for row in rows} == {2.0 * N}


def test_the_line_tells_the_speed_of_this_process_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [50.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress()
    progress.start(1000, 4000)
    now[0] += 4.0
    progress.nimg, progress.step = 2000, 20
    assert progress.describe(1.0, 2.0).endswith("250 images/s · 0:08 left")


def row(nimg: int, value: float) -> dict[str, Any]:
    figure = {"value": value, "floor": 0.5, "spread": None, "better": "lower"}
    head = {"nimg": nimg, "headline": "FD/random", "protocol": {"id": "p"}, "seconds": 0.1, "notes": []}
    return head | {"figures": {"FD/random": figure}}


def test_a_plateau_is_five_measurements_that_gain_less_than_five_per_cent() -> None:
    """As docs/vocabulary.md has it: by hand."""
    assert plateau_since([(n, value) for n, value in enumerate([100, 95.1, 95.1, 95.1, 95.1])]) is None
    assert plateau_since([(n, value) for n, value in enumerate([100, 95.1, 95.1, 95.1, 95.1, 95.1])]) == 0
    assert plateau_since([(n, value) for n, value in enumerate([100, 94.9, 94.9, 94.9, 94.9, 94.9])]) is None
    assert plateau_since([(n, value) for n, value in enumerate([100, 94.9, 94.9, 94.9, 94.9, 94.9, 94.9])]) == 1
    said = [len(say_what_it_means([row(at, 3.0) for at in range(count)])) for count in range(1, 9)]
    assert said == [1, 1, 1, 1, 1, 2, 1, 1]
