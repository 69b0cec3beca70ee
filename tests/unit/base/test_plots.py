"""base/plots.py: points where they belong, in their colours."""

import math

import numpy as np
import pytest
import torch

from ganforge.base.plots import CENTERS, HIGH, LIMIT, LOW, POINTS, scatter

NOTHING = torch.empty(0, 2)


def array(*args, **kwargs) -> np.ndarray:
    return np.asarray(scatter(*args, **kwargs)).astype(int)


def redness(picture: np.ndarray) -> np.ndarray:
    """[H, W]: red minus green, above 0 only where generated points are."""
    return picture[..., 0] - picture[..., 1]


def middle(weights: np.ndarray) -> tuple[float, float]:
    """(column, row) of the weights' centre of mass."""
    rows, columns = np.indices(weights.shape)
    return (columns * weights).sum() / weights.sum(), (rows * weights).sum() / weights.sum()


def test_an_empty_picture_has_white_ground_and_pale_lines() -> None:
    made = array(NOTHING)
    assert made.shape == (448, 448, 3)
    assert made[0, 0].tolist() == [255, 255, 255]
    assert made[11, 11].tolist() == made[436, 436].tolist() == [226, 226, 226]
    assert made[100, 100].tolist() == [255, 255, 255]
    vertical = np.flatnonzero(made[100, :, 0] == 226)
    assert vertical.tolist() == [11, 30, 224, 417, 436]  # -1.1, -1, 0, 1, 1.1 (0 is at 223.5, and 224 is even)


@pytest.mark.parametrize("point", [(0.5, 0.25), (-0.9, 0.9), (0.0, 0.0), (0.333, -0.777)])
def test_a_point_is_centred_where_it_lies_with_y_up(point: tuple[float, float]) -> None:
    column, row = middle(redness(array(torch.tensor([point]))).clip(min=0))
    assert column == pytest.approx(11 + (point[0] + LIMIT) / (2 * LIMIT) * 425, abs=0.15)
    assert row == pytest.approx(11 + (LIMIT - point[1]) / (2 * LIMIT) * 425, abs=0.15)


def test_edges_are_smooth_and_inside_is_half_transparent() -> None:
    made = array(torch.tensor([[0.5, 0.5]]))
    inside = [round((255 + color) / 2) for color in POINTS]
    assert made.reshape(-1, 3).tolist().count(inside) >= 8
    assert len(np.unique(redness(made))) > 5


def test_many_points_in_one_place_approach_the_full_colour() -> None:
    made = array(torch.full((40, 2), 0.5))
    assert made.reshape(-1, 3).tolist().count(list(POINTS)) >= 8


@pytest.mark.parametrize("far", [50.0, math.inf])
def test_points_beyond_the_frame_are_drawn_whole_on_it(far: float) -> None:
    made = redness(array(torch.tensor([[far, 0.5]])))
    assert middle(made.clip(min=0))[0] == pytest.approx(436, abs=0.15)
    assert np.array_equal(made, redness(array(torch.tensor([[LIMIT, 0.5]]))))


def test_generated_points_are_over_real_ones_and_real_ones_are_grey() -> None:
    place = torch.tensor([[0.5, 0.5]])
    real = array(NOTHING, reference=place)
    assert (redness(real) == 0).all()
    assert real.min() < 226
    both = array(place, reference=place)
    # Red blends over grey as it does over white; under the grey it would keep only half of its strength.
    assert redness(both).max() == pytest.approx(redness(array(place)).max(), abs=1)


def test_centres_are_rings() -> None:
    made = array(NOTHING, centers=torch.tensor([[0.5, 0.5]]))
    column, row = middle((255 - made[..., 0]) * (made[..., 0] < 220))
    assert (column, row) == (pytest.approx(320.1, abs=0.3), pytest.approx(126.9, abs=0.3))
    assert made[127, 320].tolist() == [255, 255, 255]
    assert made[127, 311:330].min() < CENTERS[0] + 60
    assert made[127, 331:].min() >= 226


def test_the_picture_is_the_same_every_time_and_in_any_order() -> None:
    points = torch.randn(500, 2, generator=torch.Generator().manual_seed(0)) * 0.5
    made = array(points, reference=points * 0.5, centers=points[:4])
    assert np.array_equal(made, array(points, reference=points * 0.5, centers=points[:4]))
    assert np.array_equal(made, array(points.flip(0), reference=points * 0.5, centers=points[:4]))


def test_other_sizes() -> None:
    assert array(torch.zeros(1, 2), size=64).shape == (64, 64, 3)
    with pytest.raises(ValueError, match="63 pixels"):
        scatter(NOTHING, size=63)


@pytest.mark.parametrize("name", ["points", "reference", "centers"])
def test_what_is_no_point_is_refused(name: str) -> None:
    good = {"points": NOTHING}
    with pytest.raises(ValueError, match=r"shape \[3, 1, 2, 2\]"):
        scatter(**(good | {name: torch.zeros(3, 1, 2, 2)}))
    with pytest.raises(ValueError, match="non-finite"):
        scatter(**(good | {name: torch.tensor([[0.0, math.nan]])}))


def test_a_decision_map_lies_behind_everything_the_top_row_first() -> None:
    decision_map = torch.tensor([[1.0], [1.0], [0.0], [0.0]]).expand(4, 2)
    picture = scatter(torch.tensor([[0.0, 0.9]]), decision_map=decision_map)
    assert picture.getpixel((60, 20)) == HIGH
    assert picture.getpixel((60, 427)) == LOW
    assert picture.getpixel((3, 3)) == (255, 255, 255)
    red, green, blue = picture.getpixel((224, 48))
    assert red > green
    assert red > blue


def test_arrows_go_from_tail_to_tip_on_top_of_all() -> None:
    """A long one to the right, from x = -0.5 to 0.5, its head at the right end only, over everything else."""
    arrow = torch.tensor([[[-0.5, 0.0], [0.5, 0.0]]])
    made = array(arrow[:, 0], arrows=arrow, decision_map=torch.ones(2, 2))
    dark = made.sum(axis=2) < 3 * 150
    rows, columns = np.nonzero(dark)
    assert (columns.min(), columns.max()) == (pytest.approx(127, abs=2), pytest.approx(320, abs=2))
    assert dark[224, 130:318].all()
    assert (np.abs(rows - 223.5)[columns < 230] < 2).all()
    assert (rows.min(), rows.max()) == (pytest.approx(223.5 - 32, abs=2), pytest.approx(223.5 + 32, abs=2))
    assert np.array_equal(array(NOTHING, arrows=torch.empty(0, 2, 2)), array(NOTHING))


def test_a_decision_map_of_one_half_is_white() -> None:
    points = torch.tensor([[0.0, 0.9]])
    assert scatter(points, decision_map=torch.full((3, 3), 0.5)).tobytes() == scatter(points).tobytes()
