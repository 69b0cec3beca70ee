import json
from pathlib import Path
from typing import Any

import pytest
from some_runs import make_run

from ganforge.judging.comparison import Comparison, Run
from ganforge.run.folder import RunFolder
from ganforge.viewer.pages.compared_runs import (
    MAX_MOMENTS,
    MAX_PARTS,
    figure_charts,
    figure_rows,
    log_charts,
    moments,
    objectives,
    read_comparison,
    settings_rows,
    wanted_ids,
)  # fmt: skip
from ganforge.viewer.read.run_view import RunView


@pytest.mark.parametrize(
    ("parts", "found", "unknown"),
    [
        (["a", "b"], ["a", "b"], []),
        (["a", "b", "a"], ["a", "b"], []),
        (["x", "y", "b"], ["x,y", "b"], []),
        (["b", "x", "y"], ["b", "x,y"], []),
        (["y", "x"], [], ["y", "x"]),
        (["a", "../b", "<i>"], ["a"], ["../b", "<i>"]),
        ([], [], []),
    ],
)
def test_ids_are_those_of_runs_commas_and_all(parts: list[str], found: list[str], unknown: list[str]) -> None:
    assert wanted_ids(parts, ["a", "b", "x,y", "x,y,z"]) == (found, unknown)


def test_an_endless_list_ends() -> None:
    assert len(wanted_ids([str(n) for n in range(100_000)], ["5", "99999"])[1]) == MAX_PARTS - 1


@pytest.mark.parametrize(
    ("grids", "expected"),
    [
        ([], []),
        ([[], []], []),
        ([[0, 10, 20]], [[0], [10], [20]]),
        ([[0, 10, 20], [0, 10, 20]], [[0, 0], [10, 10], [20, 20]]),
        # The one with fewer grids up to where the shorter one ends gives the moments; then the newest of each.
        ([[0, 10, 20, 30, 40], [0, 21]], [[0, 0], [20, 21], [40, 21]]),
        ([[0, 4, 8, 12], [0, 8, 16, 24]], [[0, 0], [8, 8], [12, 24]]),
        ([[0, 10], []], [[0, None], [10, None]]),
        ([[0], [0, 5, 10]], [[0, 0], [0, 10]]),
    ],
)
def test_moments_are_those_that_the_runs_share(grids: list[list[int]], expected: list[list[int | None]]) -> None:
    assert moments(grids) == expected


def test_there_are_never_too_many_moments() -> None:
    found = moments([list(range(10_000)), list(range(0, 20_000, 2))])
    assert len(found) <= MAX_MOMENTS + 1
    assert (found[0], found[-1]) == ([0, 0], [9_999, 19_998])


def record(nimg: int, value: float | None, protocol: str = "a1b2c3d4", floor: float = 0.5) -> dict[str, Any]:
    facts = {"id": protocol, "data": "digits", "split": "train", "num_fakes": 500, "num_reals": 1000, "num_floor": 500}
    figures = {"FD/random": {"value": value, "floor": floor, "better": "lower"}}
    protocol_facts = facts | {"extractors": {"random": "77"}}
    return {"format": 2, "nimg": nimg, "protocol": protocol_facts, "headline": "FD/random", "figures": figures}


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """A function that makes a run with two rows and the records given."""

    def run(name: str, *records: dict[str, Any], **settings: Any) -> RunFolder:
        folder = RunFolder(tmp_path / name)
        known = {"recipe": "note", "data": "digits", "objective": "non-saturating"}
        folder.create({"settings": known | settings, "data": {}, "environment": [{}]})
        for nimg in (100, 200):
            folder.append_row({"nimg": nimg, "Loss/D": 1.0, "Gradient/D": 2.0, "Loss/D/reals": 0.5})
        for one in records:
            folder.append_metrics(one)
        return folder

    return run


def views_of(*folders: RunFolder) -> dict[str, RunView]:
    return {folder.path.name: RunView(folder.path.name, folder).look() for folder in folders}


def test_a_chart_has_a_line_for_each_run_that_has_the_number(make: Any) -> None:
    a, b = make("a"), make("b")
    b.append_row({"nimg": 300, "Loss/G": 0.5})
    charts = {chart.title: chart for chart in log_charts(views_of(a, b))}
    assert list(charts) == ["D's loss", "G's loss", "Gradient norm of D"]
    assert charts["D's loss"].series["a"] == [(100, 1.0), (200, 1.0)]
    assert list(charts["G's loss"].series) == ["b"]
    assert [charts[title].log for title in charts] == [False, False, True]


def test_a_band_is_shown_only_where_it_is_everyones(make: Any) -> None:
    same = log_charts(views_of(make("a"), make("b")))
    assert len(same[0].bands) == 1
    other = views_of(make("c"), make("d", objective="hinge"))
    assert log_charts(other)[0].bands == ()
    assert objectives(other) == {"non-saturating", "hinge"}


def test_figures_of_two_protocols_share_neither_chart_nor_table(make: Any) -> None:
    a, b = make("a", record(100, 4.0), record(200, 3.0)), make("b", record(200, 2.0), record(200, 9.0, "0badcafe"))
    comparison, ids, complaints = read_comparison({"run a": a, "run b": b})
    assert complaints == []
    assert list(ids.values()) == ["run a", "run b"]
    first, second = figure_charts(comparison, ids)
    assert first.title == "FD/random, protocol a1b2c3d4"
    assert first.series == {"run a": [(100, 4.0), (200, 3.0)], "run b": [(200, 2.0)]}
    assert first.floors == {"floor: fresh reals": 0.5}
    assert second.series == {"run b": [(200, 9.0)]}
    head, rows = figure_rows(comparison.runs, ["run a", "run b"], comparison.protocols[0])
    assert head == ["Figure", "run a", "run b", "Floor", "Better"]
    assert rows == [
        ["nimg", "200", "200", "", ""],
        ["chosen", "best of 2", "only one", "", ""],
        ["FD random", "3", "2*", "0.5", "lower"],
    ]
    assert figure_rows(comparison.runs, ["run a", "run b"], comparison.protocols[1])[0][1:3] == ["run b", "Floor"]


@pytest.mark.parametrize(
    ("values", "floor", "log"), [((100.0, 3.0), 0.5, True), ((4.0, 3.0), 0.5, False), ((100.0, 0.0), 0.5, False)]
)
def test_a_wide_range_has_a_logarithmic_axis(make: Any, values: tuple[float, float], floor: float, log: bool) -> None:
    folder = make("a", record(100, values[0], floor=floor), record(200, values[1], floor=floor))
    comparison, ids, _ = read_comparison({"a": folder})
    assert [chart.log for chart in figure_charts(comparison, ids)] == [log]


def test_figures_that_were_not_to_be_had_have_no_chart(make: Any) -> None:
    comparison, ids, _ = read_comparison({"a": make("a", record(100, None))})
    assert figure_charts(comparison, ids) == []


def test_only_settings_that_differ_are_listed(make: Any) -> None:
    comparison, _, _ = read_comparison({"a": make("a", lr=0.1), "b": make("b", lr=0.2, clip=None)})
    assert settings_rows(comparison) == [["lr", "0.1", "0.2"], ["clip", "-", "none"]]


def test_a_damaged_run_does_not_hide_the_others(make: Any) -> None:
    good, bad = make("good", record(100, 1.0)), make("bad")
    bad.config.write_text("{", encoding="utf-8")
    comparison, ids, complaints = read_comparison({"bad": bad, "good": good})
    assert list(ids.values()) == ["good"]
    assert [run.path for run in comparison.runs] == [good.path]
    assert len(complaints) == 1
    assert "cannot be read as JSON" in complaints[0]


def test_a_record_beyond_all_counting_is_left_out(make: Any) -> None:
    folder = make("a")
    folder.metrics.write_text(json.dumps(record(2**63, 1.0)) + "\n", encoding="utf-8")
    comparison, ids, _ = read_comparison({"a": folder})
    assert figure_charts(comparison, ids) == []
    assert "no whole record" in comparison.complaints[0]


def test_what_is_too_much_for_a_table_is_counted(tmp_path: Path) -> None:
    runs = [Run(tmp_path / name, {f"s{at}": name * 5_000 for at in range(300)}, {}) for name in "ab"]
    rows = settings_rows(Comparison(runs, [], []))
    assert len(rows) == 201
    assert rows[-1] == ["and 100 more", "", ""]
    assert max(len(cell) for row in rows for cell in row) == 200


def test_more_protocols_than_tables_are_counted(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    for number in range(25):
        protocol = {"id": f"p{number}", "data": "d", "split": "s", "num_fakes": 1, "num_reals": 1, "num_floor": 1}
        figures = {f"f{at}": {"value": 1.0, "better": "lower"} for at in range(300)}
        record = {"format": 2, "nimg": number, "protocol": protocol | {"extractors": {}}, "headline": "f1"}
        folder.append_metrics(record | {"figures": figures})
    comparison, _, complaints = read_comparison({"a": folder})
    assert len(comparison.protocols) == 20
    assert complaints == ["5 protocols more than 20 are left out."]
    head, rows = figure_rows(comparison.runs, ["a"], comparison.protocols[0])
    assert len(rows) == 201
    assert (rows[-1][0], len(rows[-1])) == ("and more", len(head))
