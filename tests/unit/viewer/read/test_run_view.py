"""The log as columns, and a run as its page sees it."""

import json
import math
import time
from pathlib import Path

import pytest
from some_runs import make_run, record_at, row_at

from ganforge.viewer.read import run_view
from ganforge.viewer.read.run_view import MAX_COLUMNS, Columns, RunView


def test_columns_have_one_value_a_row() -> None:
    columns = Columns()
    columns.add({"nimg": 1, "a": 1.0})
    columns.add({"nimg": 2, "b": 2, "a": math.inf})
    columns.add({"nimg": 3, "a": True, "b": "x"})
    assert [nimg for nimg, _ in columns.series("a")] == [1, 2, 3]
    assert [v if math.isfinite(v) else None for _, v in columns.series("a")] == [1.0, None, None]
    assert [v if math.isfinite(v) else None for _, v in columns.series("b")] == [None, 2.0, None]
    assert columns.series("b", since=1)[0] == (2, 2.0)
    assert columns.series("c") == []
    assert columns.newest("a") is None
    assert columns.newest("c") is None


def test_names_are_bounded() -> None:
    columns = Columns()
    columns.add({"nimg": 1, "x" * 200: 1.0} | {f"n{number}": 1.0 for number in range(1_000)})
    assert len(columns.values) == MAX_COLUMNS
    assert all(len(name) <= 100 for name in columns.values)


def test_rows_are_bounded_and_the_newest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_view, "MAX_ROWS", 100)
    columns = Columns()
    for nimg in range(1_000):
        columns.add({"nimg": nimg, "a": float(nimg)})
    points = columns.series("a")
    assert len(points) <= 100
    assert [nimg for nimg, _ in points[-50:]] == list(range(950, 1_000))
    assert all(nimg == value for nimg, value in points)
    assert columns.total_rows == 1_000


def test_a_view_changes_when_the_run_does(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    view = RunView("a", folder).look()
    assert view.grids == [1_000, 2_000, 3_000]
    assert view.columns.newest("Loss/D") == 1.2
    version = view.version
    assert view.look().version == version
    folder.append_row(row_at(4_000, **{"Loss/D": 0.5}))
    assert view.look().version == version + 1
    assert view.columns.newest("Loss/D") == 0.5
    folder.append_metrics(record_at(4_000, 3.0))
    assert view.look().version == version + 2
    assert view.figures.figures()["FD/random"].points == [(4_000, 3.0)]
    folder.fakes(1_000).unlink()
    assert view.look().version == version + 3
    assert view.grids == [2_000, 3_000]


def test_a_log_that_is_cut_back_begins_a_generation(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    view = RunView("a", folder).look()
    folder.cut_after(1_000, 1_000)
    view.look()
    assert view.generation == 1
    assert [nimg for nimg, _ in view.columns.series("Loss/D")] == [1_000]
    assert [row["nimg"] for row in view.last_rows] == [1_000]


def test_ten_thousand_rows_are_read_within_two_seconds(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    rows = (json.dumps(row_at(nimg) | {f"more{n}": 0.123456789 for n in range(20)}) for nimg in range(10_000))
    folder.stats.write_text("\n".join(rows) + "\n", encoding="utf-8")
    start = time.process_time()
    view = RunView("a", folder).look()
    assert time.process_time() - start < 2.0
    assert len(view.columns.series("Loss/D")) == 10_000


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    with folder.stats.open("a", encoding="utf-8") as file:
        file.write("bad\n")
    folder.metrics.write_text("[]\n", encoding="utf-8")
    folder.config.write_text("{", encoding="utf-8")
    complaints = RunView("a", folder).look().complaints
    assert [complaint.split(" ")[0].rstrip(":") for complaint in complaints] == [
        "config.json", "stats.jsonl", "metrics.jsonl",
    ]  # fmt: skip


def test_what_is_too_much_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_view, "MAX_GRIDS", 2)
    folder = make_run(tmp_path / "a")
    folder.append_row(row_at(4_000) | {f"more{number}": 1.0 for number in range(1_000)} | {"text": "x" * 100_000})
    view = RunView("a", folder).look()
    assert view.grids == [2_000, 3_000]
    assert "There are 3 grids; the newest 2 of them are shown." in view.complaints
    assert any(said.startswith("stats.jsonl has more than 64 columns") for said in view.complaints)
    assert len(view.last_rows[-1]) == MAX_COLUMNS
    assert "text" not in view.last_rows[-1]
