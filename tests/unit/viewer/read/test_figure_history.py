"""Figures of different protocols never meet."""

import json
from pathlib import Path
from typing import Any

import pytest
from some_runs import make_run, record_at

from ganforge.metrics.trend import BestSoFar, best_of, best_so_far, series
from ganforge.run.folder import RunFolder
from ganforge.viewer.read import figure_history, tail
from ganforge.viewer.read.figure_history import MAX_FIGURES, FigureReader, Records


def write(path: Path, *records: Any) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def test_the_best_figure_is_that_of_the_newest_records_protocol(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = FigureReader(RunFolder(tmp_path), keeps_points=False)
    reader.look()
    assert reader.best_so_far() is None
    records = [record_at(1, 5.0), record_at(2, 3.0), record_at(3, 4.0)]
    write(path, *records)
    reader.look()
    assert reader.best_so_far() == BestSoFar("FD/random", (2, 3.0), (1, 5.0), 0.5, 3) == best_so_far(records)
    more = [record_at(4, 9.0, "p2"), record_at(5, 8.0, "p2")]
    write(path, *more)
    reader.look()
    assert reader.best_so_far() == BestSoFar("FD/random", (5, 8.0), (4, 9.0), 0.5, 2) == best_so_far(records + more)
    assert best_of(series(records + more)) == (5, 8.0)
    write(path, record_at(6, 2.0))
    reader.look()
    assert reader.best_so_far() == BestSoFar("FD/random", (6, 2.0), (1, 5.0), 0.5, 4)


@pytest.mark.parametrize(
    "change",
    [{"headline": None}, {"figures": []}, {"protocol": None}, {"figures": {"FD/random": {"value": None}}},
     {"figures": {"FD/random": {"value": "low"}}}, {"protocol": {"id": 7}}],
    ids=str,
)  # fmt: skip
def test_a_record_without_a_figure_changes_nothing(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, record_at(1, 5.0), record_at(2, 1.0) | change)
    reader = FigureReader(RunFolder(tmp_path), keeps_points=False)
    reader.look()
    assert reader.best_so_far() == BestSoFar("FD/random", (1, 5.0), (1, 5.0), 0.5, 1)


def test_all_figures_by_protocol(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = FigureReader(RunFolder(tmp_path))
    assert reader.look() is False
    assert reader.figures() == {}
    write(path, record_at(1, 5.0), record_at(2, 4.0), record_at(3, 9.0, "p2"))
    assert reader.look() is True
    assert reader.figures()["FD/random"].points == [(3, 9.0)]
    write(path, record_at(4, 3.0))
    reader.look()
    assert reader.figures()["FD/random"].points == [(1, 5.0), (2, 4.0), (4, 3.0)]
    assert reader.figures()["FD/random"].floor == 0.5


def test_what_the_newest_record_says_of_its_figures_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = FigureReader(RunFolder(tmp_path))
    write(path, record_at(1, 5.0) | {"notes": ["old"]}, record_at(2, 6.0) | {"notes": ["No recall (random): why.", 7]})
    reader.look()
    assert reader.notes == ["No recall (random): why.", ""]
    so_far = reader.best_so_far()
    assert so_far is not None and not so_far.gained
    write(path, record_at(3, 4.0) | {"notes": "none"})
    reader.look()
    assert reader.notes == []


def test_names_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, record_at(1, 5.0) | {"figures": {f"{n}": {"value": 1.0} for n in range(500)}})
    reader = FigureReader(RunFolder(tmp_path))
    reader.look()
    assert len(reader.figures()) == MAX_FIGURES


def test_figures_are_bounded_and_what_is_left_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure_history, "MAX_PROTOCOLS", 3)
    monkeypatch.setattr(figure_history, "MAX_POINTS", 4)
    folder = make_run(tmp_path / "a")
    for number in range(6):
        folder.append_metrics(record_at(1_000 * number, 6.0 - number, "same"))
    reader, best = FigureReader(folder), FigureReader(folder, keeps_points=False)
    reader.look()
    assert [nimg for nimg, _ in reader.figures()["FD/random"].points] == [2_000, 3_000, 4_000, 5_000]
    so_far = reader.best_so_far()
    assert so_far is not None and so_far.first == (0, 6.0)  # which is no longer kept
    assert "the rest is left out" in reader.complaints()[0]
    for number in range(6):
        folder.append_metrics(record_at(10_000, 1.0, f"p{number}"))
    reader.look()
    best.look()
    assert list(reader.protocols) == ["p3", "p4", "p5"]
    assert len(best.protocols) == 3
    assert not any(figure.points for known in best.protocols.values() for figure in known.values())
    many = {f"f{number}": {"value": 1.0, "better": "lower"} for number in range(200)}
    folder.append_metrics(record_at(11_000, 1.0, "p9") | {"figures": many})
    reader.look()
    assert len(reader.figures()) == figure_history.MAX_FIGURES


def test_a_record_in_both_files_counts_once(tmp_path: Path) -> None:
    """A kill between the two writes of taking back leaves it so; the log has the last word."""
    folder = RunFolder(tmp_path)
    write(folder.removed, record_at(64, 1.0), record_at(100, 2.0))
    write(folder.metrics, record_at(64, 3.0))
    rows, anew = Records(folder).look()
    assert [(row["nimg"], row["figures"]["FD/random"]["value"]) for row in rows] == [(100, 2.0), (64, 3.0)]
    assert anew


def test_more_was_removed_than_one_look_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_ROWS_AT_ONCE", 3)
    folder = RunFolder(tmp_path)
    write(folder.removed, *(record_at(number, 5.0) for number in range(1, 8)))
    write(folder.metrics, *(record_at(number, 4.0) for number in range(8, 13)))
    records, held = Records(folder), []
    for _ in range(4):
        rows, anew = records.look()
        held = rows if anew else held + rows
    assert [row["nimg"] for row in held] == list(range(1, 13))
    assert records.look() == ([], False)
