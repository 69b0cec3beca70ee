"""base/noise.py: ways between z, and neighbours, that keep to the noise G has learned."""

import math

import pytest
import torch
from torch import Tensor

from ganforge.base.noise import between, draw_z, near, truncate, walk
from ganforge.base.seeding import generator

KINDS = ("normal", "uniform")


def draws(kind: str, count: int, z_dim: int = 96, seed: int = 1) -> Tensor:
    return draw_z(kind, count, z_dim, generator(seed, "test"))


def test_the_ends_are_the_ends_to_the_bit() -> None:
    for kind in KINDS:
        a, b = draws(kind, 2)
        assert torch.equal(between(kind, a, b, 0.0), a)
        assert torch.equal(between(kind, a, b, 1.0), b)


def test_a_quarter_circle_by_hand() -> None:
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    third = between("normal", a, b, 1 / 3)
    assert third.tolist() == pytest.approx([math.cos(math.pi / 6), math.sin(math.pi / 6)])
    assert between("uniform", a, b, 0.25).tolist() == [0.75, 0.25]


def test_the_arc_of_different_norms_by_hand() -> None:
    """slerp of the vectors themselves: at the middle of a right angle (a + b) sin(45) / sin(90)."""
    middle = between("normal", torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0]), 0.5)
    assert middle.tolist() == pytest.approx([2 / math.sqrt(2), 4 / math.sqrt(2)])


def test_the_middle_of_an_arc_is_as_far_from_0_as_draws_are() -> None:
    a, b = draws("normal", 2, 512)
    mean = ((a.norm() + b.norm()) / 2).item()
    assert between("normal", a, b, 0.5).norm().item() == pytest.approx(mean, rel=0.05)
    assert ((a + b) / 2).norm().item() < 0.8 * mean  # what the line would have given


@pytest.mark.parametrize(
    ("b", "middle"), [([2.0, 0.0], [1.5, 0.0]), ([-1.0, 0.0], [0.0, 0.0]), ([0.0, 0.0], [0.5, 0.0])],
    ids=["one direction", "opposite", "zero"],
)  # fmt: skip
def test_where_no_arc_is_defined_the_line_is_taken(b: list[float], middle: list[float]) -> None:
    assert between("normal", torch.tensor([1.0, 0.0]), torch.tensor(b), 0.5).tolist() == middle


@pytest.mark.parametrize("kind", KINDS)
def test_a_walk_passes_its_stops(kind: str) -> None:
    stops = draws(kind, 3)
    there = walk(kind, stops, 4)
    assert there.shape == (9, 96)
    assert there.dtype == torch.float32
    assert torch.equal(there[::4], stops)
    assert torch.equal(there[1], between(kind, stops[0], stops[1], 0.25))
    back = walk(kind, stops, 4, loop=True)
    assert back.shape == (12, 96)
    assert torch.equal(back[:9], there)
    assert torch.equal(back[9], between(kind, stops[2], stops[0], 0.25))


@pytest.mark.parametrize(("stops", "frames"), [(1, 4), (0, 4), (2, 0)])
def test_no_walk_without_two_stops_and_a_frame(stops: int, frames: int) -> None:
    with pytest.raises(ValueError, match="2 and 1 are the least"):
        walk("normal", torch.zeros(stops, 5), frames)


def test_uniform_walks_and_neighbours_stay_in_range() -> None:
    stops = draws("uniform", 2, 4096)
    assert walk("uniform", stops, 5).abs().max() < 1
    assert near("uniform", stops[0], 1.0, draws("uniform", 50, 4096, seed=2)).abs().max() <= 1


def test_neighbours_by_hand() -> None:
    fresh = torch.tensor([[1.0, -1.0], [0.0, 0.5]])
    normal = near("normal", torch.tensor([5.0, 0.0]), 0.6, fresh)
    assert normal[0].tolist() == pytest.approx([4.6, -0.6])
    uniform = near("uniform", torch.tensor([0.75, -0.75]), 0.5, fresh)
    assert uniform.tolist() == [[0.75, -0.75], [0.75, -0.5]]  # 1.25 and -1.25 reflected at the borders


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spread", [0.2, 0.7, 1.0])
def test_a_neighbour_of_a_draw_is_distributed_as_a_draw(kind: str, spread: float) -> None:
    center, fresh = draws(kind, 1, 40_000)[0], draws(kind, 1, 40_000, seed=2)
    found = near(kind, center, spread, fresh)[0]
    assert found.mean().item() == pytest.approx(0, abs=0.02)
    assert found.std().item() == pytest.approx(1 if kind == "normal" else 1 / math.sqrt(3), abs=0.02)
    quarter = found.sort().values[10_000].item()
    assert quarter == pytest.approx(-0.6745 if kind == "normal" else -0.5, abs=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_spread_is_farther_away(kind: str) -> None:
    center, fresh = draws(kind, 1)[0], draws(kind, 20, seed=2)
    away = [(near(kind, center, spread, fresh) - center).norm(dim=1).mean().item() for spread in (0, 0.1, 0.3, 1)]
    assert away[0] == 0
    assert away == sorted(away)
    assert len(set(away)) == 4


def test_truncation_scales_and_1_changes_nothing() -> None:
    z = draws("normal", 3)
    assert truncate(z, 1.0) is z
    assert torch.equal(truncate(z, 0.5), z / 2)
