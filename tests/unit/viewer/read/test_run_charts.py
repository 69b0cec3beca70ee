"""Which charts a run has."""

import json
from pathlib import Path

import pytest
from some_runs import make_run, record_at, row_at
from toy_troubles import only, toy

from ganforge.viewer.read.run_charts import charts_of
from ganforge.viewer.read.run_view import RunView


def titles(view: RunView) -> list[str]:
    return [chart.title for chart in charts_of(view)]


def test_a_run_without_rows_has_no_charts(tmp_path: Path) -> None:
    assert charts_of(RunView("a", make_run(tmp_path / "a", rows=0)).look()) == []


def test_quality_comes_first_then_the_game(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    folder.append_metrics(record_at(1_000, 40.0))
    folder.append_row(row_at(4_000, **{"Accuracy/real": 0.9, "Accuracy/fake": 0.8}))
    view = RunView("a", folder).look()
    assert titles(view) == ["FD/random", "D's loss", "G's loss", "D's accuracy", "Speed"]
    quality, d_loss, g_loss, answers, _ = charts_of(view)
    assert quality.log is True
    assert quality.floors == {"floor: fresh reals": 0.5}
    assert [curve.label for curve in d_loss.curves] == ["sum", "fakes", "reals"]
    assert [curve.label for curve in g_loss.curves] == ["loss"]
    assert d_loss.floors["cannot tell"] == pytest.approx(1.386, abs=1e-3)
    assert answers.bands == ((0.5, 0.99),)
    assert d_loss.curves[0].points(view) == [(1_000, 1.2), (2_000, 1.2), (3_000, 1.2), (4_000, 1.2)]
    assert d_loss.curves[0].points(view, since=3) == [(4_000, 1.2)]
    assert quality.curves[0].newest(view) == 40.0


def test_shares_share_an_axis(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    record = record_at(1_000, 40.0)
    record["figures"] |= {f"{name}/random": {"value": 0.5, "better": "higher"} for name in ("precision", "recall")}
    folder.append_metrics(record)
    chart = charts_of(RunView("a", folder).look())[1]
    assert chart.title == "Shares (random)"
    assert [curve.label for curve in chart.curves] == ["precision", "recall"]
    assert chart.curves[0].text.endswith("Better: higher.")


def test_with_the_wasserstein_loss_there_is_no_band(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    content = json.loads(folder.config.read_text(encoding="utf-8"))
    folder.write_config(content | {"settings": content["settings"] | {"objective": "wgan"}})
    loss = charts_of(RunView("a", folder).look())[0]
    assert loss.title == "D's loss"
    assert loss.bands == ()
    assert loss.curves[0].meaning is not None
    assert "not a bug" in loss.curves[0].meaning.text


def test_charts_mark_when_grave_troubles_began(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", rows=0)
    for nimg, value in ((1_000, 0.0), (2_000, 1.0), (3_000, 1.0)):
        folder.append_row(row_at(nimg, red=value, pale=value, odd=value))
    with only(toy("red"), toy("odd"), toy("pale", grave=False)):
        view = RunView("a", folder).look()
    assert charts_of(view)[0].drawn(view).moments == ((2_000, "red, odd"),)


def test_signs_of_health_are_drawn(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a", rows=0)
    folder.append_row(row_at(1_000, **{"Health/spread": 0.5, "Logits/separation": 0.9, "Step/G": 1e-3, "Step/D": 1e-5}))
    view = RunView("a", folder).look()
    by_title = {chart.title: chart for chart in charts_of(view)}
    assert [curve.label for curve in by_title["Fakes beside reals"].curves] == ["spread"]
    assert by_title["What D keeps apart"].curves[0].meaning is not None
    assert by_title["Steps beside weights"].log
