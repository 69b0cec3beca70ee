"""However many look, files are read once a second."""

import asyncio
import time
from pathlib import Path

import pytest
from some_runs import make_run, record_at, row_at

from ganforge.viewer.read import run_index
from ganforge.viewer.read.run_index import Catalogue, Once


def test_fifty_who_ask_at_once_cost_one_reading() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        time.sleep(0.05)
        return len(made)

    async def ask() -> list[int]:
        once = Once(make)
        return await asyncio.gather(*(once.get() for _ in range(50)))

    assert asyncio.run(ask()) == [1] * 50
    assert len(made) == 1


def test_an_old_value_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_index, "FRESH_SEC", -1.0)
    values = iter(range(10))

    async def ask() -> list[int]:
        once = Once(lambda: next(values))
        return [await once.get(), await once.get()]

    assert asyncio.run(ask()) == [0, 1]


def test_the_list_has_best_figures_and_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_index, "FRESH_SEC", -1.0)
    old, new = make_run(tmp_path / "old", time=1.0), make_run(tmp_path / "new", time=2.0)
    old.append_metrics(record_at(1_000, 4.0))
    catalogue = Catalogue(tmp_path)
    listed = asyncio.run(catalogue.runs())
    assert [run.id for run, _ in listed] == ["new", "old"]
    assert [best and best.best[1] for _, best in listed] == [None, 4.0]
    new.append_metrics(record_at(1_000, 3.0))
    assert [best and best.best[1] for _, best in asyncio.run(catalogue.runs())] == [3.0, 4.0]


def test_figures_that_take_too_long_come_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_index, "FRESH_SEC", -1.0)
    monkeypatch.setattr(run_index, "FIGURES_SEC", -1.0)
    make_run(tmp_path / "a").append_metrics(record_at(1_000, 4.0))
    catalogue = Catalogue(tmp_path)
    assert asyncio.run(catalogue.runs())[0][1] is None
    monkeypatch.setattr(run_index, "FIGURES_SEC", 1.0)
    best = asyncio.run(catalogue.runs())[0][1]
    assert best is not None
    assert best.best == (1_000, 4.0)


def test_a_run_is_followed_until_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_index, "FRESH_SEC", -1.0)
    folder = make_run(tmp_path / "a")
    catalogue = Catalogue(tmp_path)
    view = asyncio.run(catalogue.view("a"))
    assert view is not None
    folder.append_row(row_at(9_000))
    assert asyncio.run(catalogue.view("a")) is view
    assert view.columns.nimg[-1] == 9_000
    folder.config.unlink()
    assert asyncio.run(catalogue.view("a")) is None
    assert asyncio.run(catalogue.view("../a")) is None


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_index, "MAX_VIEWS", 2)
    for name in "abc":
        make_run(tmp_path / name)
    catalogue = Catalogue(tmp_path)
    for name in "abac":
        asyncio.run(catalogue.view(name))
    assert list(catalogue._views) == ["a", "c"]


def test_a_folder_that_is_not_there_yet_has_no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_index, "FRESH_SEC", -1.0)
    catalogue = Catalogue(tmp_path / "later")
    assert asyncio.run(catalogue.runs()) == []
    make_run(tmp_path / "later")
    assert [run.id for run, _ in asyncio.run(catalogue.runs())] == ["later"]


def test_a_run_that_has_just_begun_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_index, "AGAIN_SEC", 0.0)
    catalogue = Catalogue(tmp_path)
    assert catalogue.folder("new") is None
    make_run(tmp_path / "new")
    assert catalogue.folder("new") is not None
