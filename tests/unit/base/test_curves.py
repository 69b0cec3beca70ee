import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganforge.base.charts import Chart
from ganforge.base.curves import CHART_INCHES, COLORS, DPI, FLOOR, MARKS, save_curves

CURVE = [(0, 30.0), (2000, 3.0), (4000, 1.5)]


def drawn(charts: list[Chart], path: Path) -> np.ndarray:
    save_curves(charts, path)
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def top(picture: np.ndarray, color: str, columns: slice) -> int | None:
    """The first row in which a colour appears in some of the columns."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    near = np.abs(picture[:, columns].astype(int) - wanted).sum(axis=2) < 12
    return next(iter(np.flatnonzero(near.any(axis=1)).tolist()), None)


LEFT, RIGHT = slice(100, 200), slice(-100, -20)  # within the first and the last panel, beside the legend


def test_ten_runs_have_ten_colours_and_ten_marks(tmp_path: Path) -> None:
    assert len(set(COLORS)) == len(set(MARKS)) == 10
    curves = {f"run {i}": [(nimg, value * 3**i) for nimg, value in CURVE] for i in range(10)}
    picture = drawn([Chart("FD", curves, log=True)], tmp_path / "plot.png")
    heights = [top(picture, color, LEFT) for color in COLORS]
    assert None not in heights
    assert heights == sorted(set(heights), reverse=True)


def test_equal_curves_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_curves([Chart("FD", {"run": CURVE}, floors={"floor": 0.1}, log=True)], tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_the_floor_is_a_dashed_line_below_the_curve(tmp_path: Path) -> None:
    picture = drawn([Chart("FD", {"run": CURVE}, floors={"floor": 0.1}, log=True)], tmp_path / "plot.png")
    row, curve = top(picture, FLOOR, LEFT), top(picture, COLORS[0], RIGHT)
    assert row is not None
    assert curve is not None
    assert row > curve
    dark = picture[row, LEFT].max(axis=1) < 150
    assert np.abs(np.diff(dark.astype(int))).sum() > 10
    assert top(drawn([Chart("FD", {"run": CURVE}, log=True)], tmp_path / "plot.png")[:row], FLOOR, LEFT) is None


def test_a_run_has_its_colour_in_every_panel(tmp_path: Path) -> None:
    picture = drawn([Chart("FD", {"a": CURVE, "b": CURVE}), Chart("KID", {"b": CURVE})], tmp_path / "plot.png")
    assert top(picture, COLORS[1], LEFT) is not None
    assert top(picture, COLORS[1], RIGHT) is not None
    assert top(picture, COLORS[0], RIGHT) is None


def test_the_longest_curve_is_drawn_to_its_end_in_every_panel(tmp_path: Path) -> None:
    """Whichever panel it is in: the first panel's end is not the others'."""
    long = [(0, 30.0), (2000, 3.0), (400_000, 1.5)]
    picture = drawn([Chart("FD", {"a": CURVE}), Chart("KID", {"b": long})], tmp_path / "plot.png")
    assert top(picture, COLORS[1], RIGHT) is not None
    ends = [top(picture, COLORS[0], columns) for columns in (slice(0, 120), slice(300, 700))]
    assert ends[0] is not None  # drawn to the same scale, so that it ends at a hundredth of the width
    assert ends[1] is None


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[0.0, 1.0], [-1.0, 1.0], [1.0], [1.0, 1.0], [1e-9, 1e9]])
def test_all_kinds_of_values(tmp_path: Path, values: list[float], log: bool) -> None:
    picture = drawn([Chart("FD", {"run": list(enumerate(values))}, log=log)], tmp_path / "plot.png")
    assert top(picture, COLORS[0], slice(None)) is not None


def test_odd_names(tmp_path: Path) -> None:
    curves = dict.fromkeys(("_hidden", "$x^$", "运行", "x" * 500), CURVE)
    assert drawn([Chart("FD", curves)], tmp_path / "plot.png").shape[1] == round(CHART_INCHES[0] * DPI)


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        save_curves([], tmp_path / "plot.png")


@pytest.mark.parametrize("title", ["$x^{ a$, protocol p1", "\ud800 \x1b[31m\n" + "y" * 5_000, "$"])
def test_any_title_and_any_name_can_be_drawn(title: str, tmp_path: Path) -> None:
    save_curves([Chart(title, {title: CURVE})], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1_000


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 5e-324, 0.0, 1e20])
def test_any_value_can_be_drawn(value: float, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    for other, log in itertools.product((value, -1.7e308, 1.7e308, 5e-324, 9e99), (False, True)):
        chart = Chart("title", {"a": [(0, value), (2**63 - 1, other)]}, floors={"floor": value}, log=log)
        save_curves([chart], tmp_path / "plot.png")
    assert not recwarn.list


def test_more_charts_than_fit_are_left_out(tmp_path: Path) -> None:
    charts = [Chart(f"protocol {number}", {"a": CURVE}, floors={"floor": 1.0}) for number in range(2_000)]
    width = drawn(charts, tmp_path / "plot.png").shape[1]
    assert width == pytest.approx(12 * CHART_INCHES[0] * DPI, abs=2)


def test_a_curve_of_very_many_points_is_thinned_out_to_its_end(tmp_path: Path) -> None:
    points = [(nimg, 1.0) for nimg in range(200_000)] + [(200_000, 100.0)]
    picture = drawn([Chart("a", {"a": points})], tmp_path / "plot.png")
    end = top(picture, COLORS[0], RIGHT)
    assert end is not None
    assert end < 120
