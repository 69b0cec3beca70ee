import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.cli.main import main
from ganforge.judging.comparison import compare, different_settings
from ganforge.judging.comparison_plot import save_plot
from ganforge.judging.comparison_text import render
from ganforge.run.folder import RunFolder
from ganforge.run.json_lines import write_rows

FULL = {"id": "0badcafe", "num_fakes": 10_000, "num_floor": 10_000, "extractors": {"classifier": "9f", "random": "77"}}


def figure(value: float | None, better: str = "lower", **more: Any) -> dict[str, Any]:
    return {"value": value, "floor": None, "spread": None, "better": better} | more


def record(nimg: int, fd: float | None, figures: dict[str, Any] | None = None, **protocol: Any) -> dict[str, Any]:
    """As metrics.jsonl and the evaluation files hold it."""
    cheap = {"id": "a1b2c3d4", "data": "mnist", "fingerprint": "f00d", "split": "train", "num_fakes": 2000}
    cheap |= {"num_reals": 10_000, "num_floor": 2000, "seed": 0, "extractors": {"classifier": "9f"}}
    return {
        "format": 2,
        "nimg": nimg,
        "subject": {"kind": "run", "path": "x", "name": "note on mnist"},
        "protocol": cheap | protocol,
        "headline": "FD/classifier",
        "figures": {"FD/classifier": figure(fd, floor=0.5)} | (figures or {}),
        "notes": [],
        "seconds": 0.4,
    }


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that makes a run folder in the working folder."""
    monkeypatch.chdir(tmp_path)

    def run(name: str, *records: dict[str, Any], evaluated: tuple[dict[str, Any], ...] = (), **settings: Any) -> Path:
        folder = RunFolder(Path(name))
        config = {"settings": {"recipe": "note", "data": "mnist"} | settings, "data": {}, "environment": [{}]}
        folder.create(config)
        for one in records:
            folder.append_metrics(one)
        for one in evaluated:
            folder.evaluation(one["nimg"], one["protocol"]["id"]).write_text(json.dumps(one))
        return folder.path

    return run


def row(text: str, name: str) -> list[str]:
    """The words of the row that begins with ``name``."""
    [found] = [line.split() for line in text.splitlines() if line.split()[:1] == [name]]
    return found[1:]


def test_two_runs_by_one_protocol(make: Any) -> None:
    runs = [make("a", record(100, 3.0), record(200, 2.0), record(300, 2.5)), make("b", record(300, 4.0), lr=0.1)]
    text = render(compare(runs))
    lines = text.splitlines()
    assert lines[:7] == [
        "                                            FD",
        "                                    classifier",
        "Protocol a1b2c3d4  nimg     chosen       lower",
        "──────────────────────────────────────────────",
        "a                   200  best of 3          2*",
        "b                   300   only one          4",
        "floor                                     0.5",
    ]
    assert "Protocol a1b2c3d4: 2,000 generated items against 10,000 of mnist (train split);" in lines
    assert "  floor: 2,000 other real items; features: classifier (9f)." in lines
    assert "share no protocol" not in text


@pytest.mark.parametrize(
    ("better", "values", "floor", "best"),
    [
        ("lower", [2.0, -0.1, 3.0], None, [1]),
        ("higher", [0.9, 0.2, 0.9], 0.95, [0, 2]),
        ("near floor", [1.9, 0.8, 0.1], 1.0, [1]),
        ("near floor", [1.9, 0.8, 0.1], None, []),
        ("lower", [None, 1.0, None], None, []),
        ("lower", [1.0, 1.0, 1.0], None, []),
    ],
)
def test_the_best_has_a_mark(
    make: Any, better: str, values: list[float | None], floor: float | None, best: list[int]
) -> None:
    runs = [
        make(f"run{i}", record(1, 1.0, {"x": figure(value, better, floor=floor)})) for i, value in enumerate(values)
    ]
    text = render(compare(runs))
    cells = [row(text, str(run))[-1] for run in runs]
    assert [i for i, cell in enumerate(cells) if cell.endswith("*")] == best
    assert [cell.rstrip("*") for cell in cells] == ["-" if value is None else f"{value:.4g}" for value in values]
    assert row(text, "floor")[-1] == ("-" if floor is None else "1" if floor == 1 else "0.95")


def test_a_run_that_gained_nothing_has_no_best(make: Any) -> None:
    text = render(compare([make("a", record(100, 3.0), record(200, 2.99), record(300, 4.0))]))
    assert row(text, "a") == ["200", "lowest", "of", "3,", "no", "gain", "2.99"]


def test_what_was_removed_is_compared_with_the_first_measurement(make: Any) -> None:
    """It is read first, whenever it was measured."""
    run = make("a", record(80, 4.0), record(160, 3.5))
    write_rows(RunFolder(run).removed, [record(96, 1.0)])
    assert row(render(compare([run])), "a") == ["96", "best", "of", "3", "1"]


def test_why_a_figure_is_a_dash_is_said(make: Any) -> None:
    why = {"recall/random": figure(None, "higher", note="one picture"), "KID/random": figure(None, note="one picture")}
    runs = [make("a", record(1, 1.0, why)), make("b", record(1, 1.0))]
    assert "a, protocol a1b2c3d4: No recall and KID (random): one picture." in render(compare(runs)).splitlines()


def test_runs_whose_headlines_differ_are_not_ranked_against_each_other(make: Any) -> None:
    few = record(100, None, {"KID/random": figure(0.01)}, id="few", num_fakes=2000, num_floor=30)
    a, b = make("a", record(100, 1.25)), make("b", few | {"headline": "KID/random"})
    text = render(compare([a, b]))
    assert "What decides is not the same (a1b2c3d4 by FD/classifier, few by KID/random): no figure ranks" in text
    assert not any("*" in table for table in text.split("\n\n")[:2])
    assert "What decides" not in render(compare([a, make("c", record(100, 2.0))]))


def test_a_record_without_a_headline_does_not_hide_those_that_have_one(make: Any) -> None:
    """The newest snapshot could not be read; the best of the others is shown."""
    last = record(300, None) | {"headline": None}
    text = render(compare([make("a", record(100, 3.0), record(200, 2.0), last)]))
    assert row(text, "a") == ["200", "best", "of", "2", "2"]


def test_figures_of_different_protocols_are_never_in_one_table(make: Any) -> None:
    a = make("a", record(100, 1.25), evaluated=(record(100, 1.75, **FULL),))
    b = make("b", record(100, 2.25))
    tables = render(compare([a, b])).split("\n\n")
    assert "Protocol a1b2c3d4" in tables[0]  # more runs have it
    assert "Protocol 0badcafe" in tables[1]
    assert "1.25" in tables[0]
    assert "1.75" not in tables[0]
    assert row(tables[1], "a")[-1] == "1.75"
    assert row(tables[1], "b") == ["-", "not", "measured", "-"]
    assert any("The protocols differ in: num_fakes, num_floor, extractors." in part for part in tables)


def test_protocols_that_differ_in_something_unknown_are_told_apart(make: Any) -> None:
    a, b = make("a", record(1, 1.0, k=3)), make("b", record(1, 1.0, id="ffffffff", k=5))
    assert "The protocols differ in: k." in render(compare([a, b]))


def test_of_evaluations_the_newest_is_shown_and_it_goes_before_training(make: Any) -> None:
    a = make("a", record(100, 0.1), evaluated=(record(900, 5.0), record(1_000_000_000, 7.0), record(800, 6.0)))
    [measured] = compare([a]).runs[0].measured.values()
    assert (measured.shown.nimg, measured.how) == (1_000_000_000, "evaluated")
    assert [one.nimg for one in measured.records] == [100, 800, 900, 1_000_000_000]


def test_without_a_headline_the_newest_is_shown(make: Any) -> None:
    rows = [record(nimg, None) | {"headline": None} for nimg in (100, 200)]
    [measured] = compare([make("a", *rows)]).runs[0].measured.values()
    assert (measured.shown.nimg, measured.how) == (200, "newest")


def test_runs_without_a_common_protocol_get_the_commands(make: Any) -> None:
    a, b = make("run a", record(1, 1.0)), make("b", record(1, 1.0, **FULL))
    text = render(compare([a, b]))
    assert "The runs share no protocol, so no figure compares all of them.\nTo make them comparable:\n" in text
    assert "  ganforge evaluate 'run a' --against mnist\n  ganforge evaluate b --against mnist" in text


def test_a_run_without_figures_is_listed(make: Any) -> None:
    text = render(compare([make("a"), make("b", record(1, 1.0))]))
    assert "a: no figures yet: ganforge evaluate a" in text.splitlines()
    assert "share no protocol" not in text
    assert render(compare([make("c"), make("d")])).splitlines()[0] == "c: no figures yet: ganforge evaluate c"


def test_what_is_damaged_is_left_out_and_named(make: Any) -> None:
    a = make("a", record(100, 3.0), {"nimg": 5}, record(200, float("nan")), record(200, 2.0) | {"format": 3})
    with (a / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(record(300, 1.0))[:-9])
    (a / "evaluation-000000100-0badcafe.json").write_bytes(json.dumps(record(100, 1.0)).encode()[:50])
    (a / "evaluation-000000200-0badcafe.json").write_bytes(b"\xff\xfe[]")
    (a / "evaluation-000000300-0badcafe.json").mkdir()
    comparison = compare([a])
    assert comparison.complaints == [
        "a/metrics.jsonl: 4 of 5 lines are no whole record, and left out.",
        *(f"a/evaluation-000000{n}00-0badcafe.json is no whole record, and left out." for n in (1, 2, 3)),
    ]
    text = render(comparison)
    assert all(complaint in text for complaint in comparison.complaints)
    assert row(text, "a") == ["100", "only", "one", "3"]


def test_records_of_an_earlier_format_are_left_out_and_it_is_told(make: Any) -> None:
    a = make("a", record(100, 3.0) | {"format": 1}, record(200, 2.0), record(300, 1.0) | {"format": 0})
    (a / "evaluation-000000100-0badcafe.json").write_text(json.dumps(record(100, 1.0) | {"format": 1}))
    comparison = compare([a])
    assert comparison.complaints == [
        "a/metrics.jsonl: 1 of 3 records are of an earlier format than 2, and left out.",
        "a/metrics.jsonl: 1 of 3 lines are no whole record, and left out.",
        "a/evaluation-000000100-0badcafe.json is of an earlier format than 2, and left out.",
    ]
    assert [one.nimg for one in comparison.runs[0].measured["a1b2c3d4"].records] == [200]


def test_what_is_no_run_is_refused(make: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run folder"):
        compare([make("a"), tmp_path])


def test_a_run_given_twice_is_one(make: Any) -> None:
    a = make("a")
    assert len(compare([a, a]).runs) == 1


def test_settings_that_differ(make: Any) -> None:
    runs = [
        make("a", lr=3e-4, seed=0, g_hidden=[64, 64], z_dim=96, max_images=None),
        make("b", lr=0.1 * 3, seed=0, g_hidden=[], z_dim=96),
    ]
    comparison = compare(runs)
    assert different_settings(comparison.runs) == {
        "lr": [3e-4, 0.1 * 3], "g_hidden": [[64, 64], []], "max_images": [None, "-"]
    }  # fmt: skip
    text = render(comparison).split("\n\n")[-1]
    assert text.splitlines()[0].split() == ["Settings", "that", "differ", "lr", "g_hidden", "max_images"]
    assert row(text, "a") == ["0.0003", "64,64", "none"]
    assert row(text, "b") == ["0.3", "-"]
    assert render(compare([make("c"), make("d")])).endswith("All settings are the same.")
    assert "ettings" not in render(compare(runs[:1]))


def test_the_spread_is_beside_the_value_and_wide_tables_are_split(make: Any) -> None:
    many = {f"figure{i}/random": figure(1.0 + i, spread=0.25) for i in range(12)}
    text = render(compare([make("a", record(1, 1.0, many))]), width=60)
    assert "12 ± 0.25" in text
    assert all(len(line) <= 60 for line in text.split("\n* best")[0].splitlines())
    assert text.count("Protocol a1b2c3d4  ") > 2


def test_the_plot_has_a_panel_for_each_protocol(make: Any, tmp_path: Path) -> None:
    a = make("a", record(100, 3.0), record(200, 2.0), evaluated=(record(200, 1.75, **FULL),))
    b = make("b", record(100, 4.0), record(200, None))
    widths = []
    for runs in ([b], [a, b]):
        save_plot(compare(runs), tmp_path / "plot.png")
        with Image.open(tmp_path / "plot.png") as picture:
            widths.append(picture.size[0])
    assert widths[1] == 2 * widths[0]


def test_a_plot_that_cannot_be(make: Any, tmp_path: Path) -> None:
    assert not save_plot(compare([make("a"), make("b", record(1, None))]), tmp_path / "plot.png")
    assert not (tmp_path / "plot.png").exists()
    with pytest.raises(UserError, match=r"The plot cannot be written: .*choose another place with --out"):
        save_plot(compare([make("c", record(1, 1.0))]), tmp_path / "nowhere" / "plot.png")


def test_a_table_without_a_plot_is_no_error(make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "plot.png"
    runs = [str(make("a")), str(make("b", record(1, None)))]
    assert main(["compare", *runs, "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out.endswith(
        "\nNo plot: no run has a headline figure, such as FD or KID, which is what is drawn over the images seen.\n"
    )
    assert f"{runs[0]}: no figures yet: ganforge evaluate {runs[0]}" in said.out
    assert (said.err, out.exists()) == ("", False)
    assert main(["compare", str(make("c", record(1, 1.0))), "--out", str(out)]) == 0
    assert capsys.readouterr().out.endswith(f"\nPlot: {out}\n")
