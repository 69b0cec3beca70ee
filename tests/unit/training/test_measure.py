"""Figures while training: rows, the best snapshot kept, the lines for the person."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganforge
from ganforge.cli.main import main
from ganforge.metrics.copying import Copying
from ganforge.metrics.figure import Figures
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import find_snapshot
from ganforge.sampling.model import load
from ganforge.training.measure import say_what_it_means

SMALL = {"data": "digits", "g_hidden": [8], "d_hidden": [8], "z_dim": 4, "batch_size": 64, "device": "cpu"}
TRAIN = [
    "train", "note", "--data=digits", "--g-hidden=8", "--d-hidden=8", "--batch-size=64", "--device=cpu",
    "--total-nimg=640", "--snapshot-nimg=320",
]  # fmt: skip


def row(nimg: int, value: float, headline: str | None = "FD/random") -> dict[str, Any]:
    figure = {"value": value, "floor": 0.5, "spread": None, "better": "lower"}
    return {
        "nimg": nimg, "headline": headline, "protocol": {"id": "p"}, "figures": {"FD/random": figure}, "seconds": 0.1,
        "notes": ["why not"],
    }  # fmt: skip


def test_every_snapshot_is_measured_by_one_protocol(tmp_path: Path) -> None:
    run = ganforge.train(out=tmp_path / "run", total_nimg=1_000, snapshot_nimg=320, keep_snapshots=9, **SMALL)
    rows = list(run.metrics_rows())
    assert [line["nimg"] for line in rows] == [nimg for nimg, _ in run.all_snapshots()] == [320, 640, 960, 1_024]
    assert len({line["protocol"]["id"] for line in rows}) == 1
    assert {"FD/random", "precision/random", "recall/random", "coverage/random"} < set(rows[0]["figures"])
    assert rows[0]["protocol"]["kernel_subsets"] == 0


def test_measuring_changes_no_weight(tmp_path: Path) -> None:
    with_figures = ganforge.train(out=tmp_path / "with", total_nimg=640, snapshot_nimg=128, **SMALL)
    without = ganforge.train(out=tmp_path / "without", total_nimg=640, snapshot_nimg=128, metric_samples=0, **SMALL)
    assert not without.metrics.exists()
    one, two = load(with_figures.path), load(without.path)
    assert all((a == b).all() for a, b in zip(one.G.parameters(), two.G.parameters(), strict=True))


def test_the_best_snapshot_outlives_newer_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures are made up, so that the second snapshot is the best."""
    values = iter([5.0, 1.0, 4.0, 3.0, 2.0])
    monkeypatch.setattr(
        "ganforge.training.actions.measure", lambda judge, G, config, nimg, device: row(nimg, next(values))
    )
    run = ganforge.train(out=tmp_path / "run", total_nimg=640, snapshot_nimg=128, keep_snapshots=1, **SMALL)
    assert [nimg for nimg, _ in run.all_snapshots()] == [256, 640]
    assert find_snapshot(run.path) == run.snapshot(640)
    assert find_snapshot(run.path, best=True) == run.snapshot(256)
    assert load(run.path, best=True).nimg == 256


def test_no_figures_no_best(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ganforge.train(out=tmp_path / "run", total_nimg=64, metric_samples=0, **SMALL)
    assert main(["sample", str(run.path), "--best", "--out", str(tmp_path / "x.png")]) == 2
    assert "none is known to be best; leave --best out" in capsys.readouterr().err


def test_lines() -> None:
    assert say_what_it_means([row(64, 3.0)]) == [
        "FD/random 3 at 64 images, the first measurement (lower is better; floor, of fresh real pictures: 0.5; "
        "measured in 0.10 s)"
    ]
    (line,) = say_what_it_means([row(64, 3.0), row(128, 4.0)])
    assert "FD/random 4 at 128 images" in line
    assert "No better than at the first measurement: FD/random 3 at 64 (floor 0.5; lowest 3 at 64)" in line
    (line,) = say_what_it_means([row(64, 3.0), row(128, 2.0), row(192, 4.0)])
    assert line.endswith("Best so far: FD/random 2 at 128 (floor 0.5, first 3)")
    assert say_what_it_means([row(64, 3.0, headline=None)]) == ["No figure at 64 images: why not"]
    assert say_what_it_means([row(64, 3.0, headline=None), row(128, 3.0, headline=None)]) == []


def test_a_plateau_is_said_once() -> None:
    rows = [row(64 * n, 3.0 + 0.01 * n) for n in range(1, 9)]
    said = [len(say_what_it_means(rows[:n])) for n in range(1, 9)]
    assert said == [1, 1, 1, 1, 1, 2, 1, 1]
    plateau = say_what_it_means(rows[:6])[1]
    assert "A plateau: nothing gained since 64 images" in plateau
    assert plateau.endswith("no snapshot is better than the first that was measured.")
    better = [row(64, 9.0), *(row(64 * n, 3.0) for n in range(2, 8))]
    assert say_what_it_means(better)[1].endswith("the best snapshot so far is that of 128 images, and it is kept.")


def test_why_a_figure_is_missing_is_said_when_it_begins_to_be() -> None:
    rows = [row(64 * n, 3.0) for n in range(1, 6)]
    for each, recall in zip(rows, (0.5, None, None, 0.5, None), strict=True):
        each["figures"]["recall/random"] = {"value": recall, "floor": 0.5}
    said = ["Not every figure" in " ".join(say_what_it_means(rows[:n])) for n in range(1, 6)]
    assert said == [False, True, False, False, True]


def test_too_few_pictures_to_measure_is_said_and_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, "--max-images=20", f"--out={tmp_path / 'run'}"]) == 0
    assert "No figures while training: digits has 20 items, too few" in capsys.readouterr().out
    assert not RunFolder(tmp_path / "run").metrics.exists()


def test_the_cost_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TRAIN, f"--out={tmp_path / 'run'}"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("FD/random") == 3
    assert shown.count("the first measurement (lower is better") == 1
    assert "% of the time (--metric-samples 0: none)" in shown


def test_a_longer_run_takes_its_last_figures_back(tmp_path: Path) -> None:
    run = ganforge.train(out=tmp_path / "run", total_nimg=448, snapshot_nimg=320, **SMALL)
    assert [line["nimg"] for line in run.metrics_rows()] == [320, 448]
    ganforge.resume(run.path, total_nimg=704)
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [line["nimg"] for line in lines] == [320, 640, 704]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send itself this signal")
def test_a_request_to_stop_while_copies_are_looked_for_is_met_after_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the pictures that the features are taken of come in pieces, between which others may stop."""
    levels = np.random.default_rng(0).integers(0, 256, (220, 8, 8), np.uint8)
    np.save(tmp_path / "pictures.npy", levels)
    figures = Copying.figures

    def stopped(self: Copying) -> Figures:
        os.kill(os.getpid(), signal.SIGTERM)
        return figures(self)

    monkeypatch.setattr(Copying, "figures", stopped)
    small = SMALL | {"data": str(tmp_path / "pictures.npy")}
    run = ganforge.train("note", tmp_path / "run", total_nimg=640, snapshot_nimg=128, metric_samples=50, **small)
    status = run.read_status()
    assert (status["state"], status["nimg"]) == ("stopped", run.all_checkpoints()[-1][0])
    assert [line["nimg"] for line in run.metrics_rows()] == [status["nimg"]]
