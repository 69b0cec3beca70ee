"""Finished runs that are made longer, again and again: where they end, and which snapshot is their best."""

import random
from pathlib import Path
from typing import Any

import pytest
from short_runs import Cut, Killed, begin, checkpoint_of, figures_of, go_on_with, rows_of, snapshot_of

from ganforge.base.errors import UserError
from ganforge.cli.main import main
from ganforge.judging.comparison import compare
from ganforge.run.folder import RunFolder
from ganforge.run.json_lines import write_rows
from ganforge.run.snapshot import find_snapshot
from ganforge.training.measure import say_what_it_means
from ganforge.viewer.read.figure_history import FigureReader

BATCH, STEPS = 8, 24
SMALL: dict[str, Any] = {
    "max_images": None, "batch_size": BATCH, "metric_samples": 20, "keep_snapshots": 1, "report_nimg": 4 * BATCH,
    "snapshot_nimg": 6 * BATCH, "checkpoint_nimg": 5 * BATCH, "total_nimg": STEPS * BATCH,
}  # fmt: skip


def record(nimg: int, value: float) -> dict[str, Any]:
    figure = {"value": value, "floor": 0.5, "spread": None, "better": "lower"}
    protocol = {"id": "p", "data": "ring", "split": "train", "num_fakes": 20, "num_reals": 20, "num_floor": 20}
    return {
        "format": 2, "nimg": nimg, "headline": "FD/random", "protocol": protocol | {"extractors": {}},
        "figures": {"FD/random": figure}, "seconds": 0.1, "notes": [],
    }  # fmt: skip


def plant(monkeypatch: pytest.MonkeyPatch, values: dict[int, float]) -> dict[int, float]:
    """Figures by nimg in place of measured ones; returns those that were asked for."""
    asked: dict[int, float] = {}

    def measure(judge: object, G: object, config: object, nimg: int, device: object) -> dict[str, Any]:
        asked[nimg] = values[nimg]
        return record(nimg, values[nimg])

    monkeypatch.setattr("ganforge.training.actions.measure", measure)
    return asked


def best_in(judged: dict[int, float]) -> int:
    return min(judged, key=lambda nimg: (judged[nimg], nimg))


def check_best(folder: RunFolder, judged: dict[int, float]) -> None:
    """Wherever a best snapshot is named, it is the best of all that were ever judged."""
    best = best_in(judged)
    assert find_snapshot(folder.path, best=True) == folder.snapshot(best)
    reader, curves = FigureReader(folder, keeps_points=False), FigureReader(folder)
    reader.look()
    curves.look()
    assert reader.best_so_far() is not None
    assert reader.best_so_far().best == (best, judged[best])
    points = curves.figures()["FD/random"].points
    assert points == sorted(points)
    assert (best, judged[best]) in points
    [run] = compare([folder.path]).runs
    assert run.measured["p"].shown.nimg == best


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """In one go, without any figure."""
    return begin(tmp_path_factory.mktemp("whole") / "run", **(SMALL | {"metric_samples": 0}))


@pytest.mark.parametrize("seed", range(6))
def test_the_best_snapshot_stays_over_any_number_of_extensions_and_cuts(
    seed: int, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures are made up. The log is that of one go, and so are the figures at the regular snapshots."""
    draws = random.Random(seed)
    figures = {nimg: draws.random() for nimg in range(0, STEPS * BATCH + 1, BATCH)}
    judged = plant(monkeypatch, figures)
    folder, steps, started = RunFolder(tmp_path / "run"), draws.randint(2, 8), False
    while True:
        cut = draws.choice([Cut(), Cut(), Cut(stop_after=draws.randint(1, 4)), Cut(kill_after=draws.randint(1, 9))])
        total = {"total_nimg": steps * BATCH}
        try:
            if started:
                go_on_with(folder.path, cut=cut, **total)
            else:
                begin(folder.path, cut=cut, **(SMALL | total))
        except Killed:
            pass
        started = True
        if judged:
            check_best(folder, judged)
        if folder.read_status()["state"] == "finished":
            if steps == STEPS:
                break
            steps = min(STEPS, steps + draws.randint(1, 7))
    told = [(row["nimg"], row["figures"]["FD/random"]["value"]) for row in folder.metrics_rows()]
    assert told == [(nimg, figures[nimg]) for nimg in range(6 * BATCH, STEPS * BATCH + 1, 6 * BATCH)]
    assert rows_of(folder) == rows_of(whole)
    assert len(judged) > len(told)  # some were of ends that the run has left behind


def test_a_lower_figure_than_that_of_the_end_is_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the files of the others go."""
    figures = {7 * BATCH: 1.0} | {n * BATCH: 2.0 for n in (6, 12, 18)} | {24 * BATCH: 0.5}
    plant(monkeypatch, figures)
    folder = begin(tmp_path / "run", **(SMALL | {"total_nimg": 7 * BATCH}))
    seen = Seen()
    go_on_with(folder.path, cut=seen, total_nimg=18 * BATCH)
    lines = [text for text in seen.said if "FD/random" in text]
    assert [line.split(" (")[0] for line in lines] == [f"FD/random 2 at {n * BATCH} images" for n in (12, 18)]
    assert all(f"Best so far: FD/random 1 at {7 * BATCH} (" in line for line in lines)
    assert [nimg // BATCH for nimg, _ in folder.all_snapshots()] == [7, 18]
    assert [row["nimg"] // BATCH for row in folder.removed_rows()] == [7]
    go_on_with(folder.path, total_nimg=24 * BATCH)
    assert find_snapshot(folder.path, best=True) == folder.snapshot(24 * BATCH)


def test_what_a_killed_process_had_made_later_does_not_push_out_what_is_made(tmp_path: Path) -> None:
    """A run that begins anew has the snapshot of 12 steps already: that of 6, made again, stays nevertheless."""
    changes = SMALL | {"checkpoint_nimg": 1000 * BATCH, "metric_samples": 0}
    with pytest.raises(Killed):
        begin(tmp_path / "run", cut=Cut(kill_after=14), **changes)
    folder = RunFolder(tmp_path / "run")
    assert [nimg // BATCH for nimg, _ in folder.all_snapshots()] == [12]
    go_on_with(folder.path, cut=Cut(stop_after=7))
    assert [nimg // BATCH for nimg, _ in folder.all_snapshots()] == [6, 12]
    go_on_with(folder.path)
    assert [nimg // BATCH for nimg, _ in folder.all_snapshots()] == [24]


def test_a_snapshot_that_is_made_and_judged_again_has_its_new_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another machine it may be another; what was removed of it counts no more."""
    changes = SMALL | {"checkpoint_nimg": 1000 * BATCH, "total_nimg": 12 * BATCH}
    plant(monkeypatch, {6 * BATCH: 1.0})
    with pytest.raises(Killed):
        begin(tmp_path / "run", cut=Cut(kill_after=8), **changes)
    judged = plant(monkeypatch, {6 * BATCH: 3.0, 12 * BATCH: 2.0})
    folder = go_on_with(tmp_path / "run")
    check_best(folder, judged)
    assert list(folder.removed_rows()) == []


def test_between_the_two_writes_of_taking_back_nothing_counts_twice(tmp_path: Path) -> None:
    """The log has the last word on a snapshot."""
    folder = RunFolder(tmp_path)
    write_rows(folder.removed, [record(64, 1.0), record(100, 2.0)])
    write_rows(folder.metrics, [record(64, 3.0)])
    assert [(row["nimg"], row["figures"]["FD/random"]["value"]) for row in folder.judged_rows()] == [
        (100, 2.0), (64, 3.0)
    ]  # fmt: skip


def test_figures_of_another_protocol_do_not_push_the_best_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each protocol's best snapshot stays; --best takes that of the newest one."""
    plant(monkeypatch, {6 * BATCH: 1.0})
    folder = begin(tmp_path / "run", **(SMALL | {"total_nimg": 6 * BATCH}))

    def other(judge: object, G: object, config: object, nimg: int, device: object) -> dict[str, Any]:
        made = record(nimg, 9.0 + nimg)
        return made | {"protocol": made["protocol"] | {"id": "q"}}

    monkeypatch.setattr("ganforge.training.actions.measure", other)
    go_on_with(folder.path, total_nimg=24 * BATCH)
    assert [nimg // BATCH for nimg, _ in folder.all_snapshots()] == [6, 12, 24]
    assert find_snapshot(folder.path, best=True) == folder.snapshot(12 * BATCH)


def test_the_line_names_a_best_that_is_not_in_the_log_any_more() -> None:
    rows = [record(nimg, value) for nimg, value in ((64, 5.0), (128, 4.0))]
    [line] = say_what_it_means(rows, [record(100, 3.0)])
    assert "Best so far: FD/random 3 at 100" in line
    assert "Best so far: FD/random 4 at 128" in say_what_it_means(rows, [record(100, 4.5)])[0]


def test_what_was_removed_is_no_measurement_of_a_plateau_but_may_be_its_gain() -> None:
    rows = [record(64 * n, 5.0) for n in range(1, 6)]
    between = [record(64 * n + 1, 5.0) for n in range(1, 5)]
    assert len(say_what_it_means(rows, between)) == 1
    assert "nothing gained since 64 images" in say_what_it_means([*rows, record(640, 5.0)], between)[1]
    assert len(say_what_it_means([*rows, record(640, 5.0)], [record(300, 3.0)])) == 1


SEVERAL = {"d_steps": 3, "batch_size": BATCH, "report_nimg": 4 * 3 * BATCH, "checkpoint_nimg": 5 * 3 * BATCH}
WGAN = {"batch_size": 4, "generator": "mlp", "discriminator": "mlp", "checkpoint_nimg": 1000}
ENDS = [
    ("note", SEVERAL | {"data": "ring", "metric_samples": 20, "snapshot_nimg": 6 * 3 * BATCH}, [40, 64, 240]),
    ("note", SEVERAL, [8, 16, 160, 176]),
    ("sngan", {"batch_size": BATCH, "g_width": 4, "d_width": 4, "d_steps": 2, "burn_in_nimg": 1000}, [40, 96, 104]),
    ("wgan", WGAN, [100, 404, 900]),
]


class Seen(Cut):
    """Remembers the last line of progress, and what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[int, int]] = []
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def update(self, nimg: int, step: int, d_loss: float, g_loss: float) -> None:
        self.shown.append((nimg, self.total_nimg))
        super().update(nimg, step, d_loss, g_loss)

    def wants_update(self) -> bool:
        return True


@pytest.mark.parametrize(("recipe_name", "changes", "totals"), ENDS, ids=["figures", "note", "sngan", "wgan"])
def test_several_steps_of_d_end_at_the_total_and_a_longer_run_equals_one_go(
    recipe_name: str, changes: dict[str, Any], totals: list[int], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    for total in totals:
        seen = Seen()
        if folder.exists():
            go_on_with(folder.path, cut=seen, total_nimg=total)
        else:
            begin(folder.path, recipe_name, cut=seen, **(changes | {"total_nimg": total}))
        status = folder.read_status()
        assert (status["state"], status["nimg"], status["total_nimg"]) == ("finished", total, total)
        assert seen.shown[-1] == (total, total)
        assert all(nimg <= of for nimg, of in seen.shown)
        with pytest.raises(UserError, match=f"is finished: it had {total:,} images, and the total is {total:,}"):
            go_on_with(folder.path)
    whole = begin(tmp_path / "whole", recipe_name, **(changes | {"total_nimg": totals[-1]}))
    assert rows_of(folder) == rows_of(whole)
    assert figures_of(folder) == figures_of(whole)
    assert [nimg for nimg, _ in folder.all_fakes()] == [nimg for nimg, _ in whole.all_fakes()]
    last, saved = totals[-1], whole.all_checkpoints()[-1][0]
    for read, nimg in ((snapshot_of, last), (checkpoint_of, saved)):
        (ours, facts), (theirs, expected) = read(folder, nimg), read(whole, nimg)
        assert facts == expected
        assert [name for name in theirs if not ours[name].equal(theirs[name])] == []


def test_a_short_last_step_is_said_and_not_gone_on_from(tmp_path: Path) -> None:
    seen = Seen()
    folder = begin(tmp_path / "run", cut=seen, **(SEVERAL | {"total_nimg": 40}))
    assert [text for text in seen.said if "of D" in text] == [
        "The last step has 2 of 3 updates of D, so that it ends at 40 images; a longer run makes it whole."
    ]
    assert [nimg for nimg, _ in folder.all_checkpoints()] == [0, 24]
    assert [nimg for nimg, _ in folder.all_snapshots()] == [40]


def test_a_total_that_batches_do_not_divide_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run ends with the first whole batch at or past it, and no total that is shown is smaller."""
    arguments = ["--data=digits", "--max-images=50", "--g-hidden=8", "--d-hidden=8", "--batch-size=32", "--device=cpu"]
    run = tmp_path / "run"
    assert main(["train", "note", *arguments, "--metric-samples=0", "--total-nimg=100", f"--out={run}"]) == 0
    shown = capsys.readouterr().out
    assert "the run ends at 128 images, since 100 are no whole number of batches of 32." in shown
    assert "128 of 128 images" in shown
    status = RunFolder(run).read_status()
    assert (status["nimg"], status["total_nimg"]) == (128, 128)
