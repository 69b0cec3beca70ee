"""metrics/prdc.py: the definitions in loops, expectations for perfect fakes, orientation, and ties."""

import math
from dataclasses import astuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.metrics import prdc as room
from ganforge.metrics.prdc import Prdc, no_neighbourhoods, prdc, radii

SEEDS = st.integers(0, 2**32)


def normal(count: int, dims: int, seed: int, purpose: str = "normal") -> Tensor:
    return torch.randn(count, dims, generator=generator(seed, purpose), dtype=torch.float64)


def lattice(count: int, dims: int, seed: int, purpose: str) -> Tensor:
    """Points of {0, 1, 2}^dims, far from zero: many are equal, and most distances are tied."""
    return torch.randint(3, (count, dims), generator=generator(seed, purpose)).to(torch.float64) + 1000


def radii_by_loops(points: list[list[float]], k: int) -> list[float]:
    return [sorted(math.dist(p, q) for j, q in enumerate(points) if j != i)[k - 1] for i, p in enumerate(points)]


def prdc_by_loops(real: Tensor, fake: Tensor, k: int) -> Prdc:
    """The definitions, word for word."""
    reals, fakes = real.tolist(), fake.tolist()
    real_radii, fake_radii = radii_by_loops(reals, k), radii_by_loops(fakes, k)
    held = [[math.dist(x, y) < radius for y in fakes] for x, radius in zip(reals, real_radii, strict=True)]
    recalled = [any(math.dist(x, y) < r for y, r in zip(fakes, fake_radii, strict=True)) for x in reals]
    precision = sum(any(row[j] for row in held) for j in range(len(fakes))) / len(fakes)
    density = sum(map(sum, held)) / (k * len(fakes))
    return Prdc(precision, sum(recalled) / len(reals), density, sum(map(any, held)) / len(reals))


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(5, 30), st.integers(5, 30), st.integers(1, 4))
def test_agrees_with_loops(seed: int, k: int, num_reals: int, num_fakes: int, dims: int) -> None:
    real, fake = normal(num_reals, dims, seed), 0.7 * normal(num_fakes, dims, seed, "fakes") + 0.2
    assert astuple(prdc(real, fake, k)) == pytest.approx(astuple(prdc_by_loops(real, fake, k)), abs=1e-15)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 4))
def test_agrees_with_loops_where_distances_are_tied(seed: int, k: int, dims: int) -> None:
    real, fake = lattice(25, dims, seed, "reals"), lattice(20, dims, seed, "fakes")
    found = prdc(real, fake, k)
    assert astuple(found)[:4] == pytest.approx(astuple(prdc_by_loops(real, fake, k))[:4], abs=1e-15)
    assert found.empty_reals == pytest.approx(sum(radius == 0 for radius in radii_by_loops(real.tolist(), k)) / 25)
    assert found.empty_fakes == pytest.approx(sum(radius == 0 for radius in radii_by_loops(fake.tolist(), k)) / 20)
    assert radii(real, k).tolist() == pytest.approx(radii_by_loops(real.tolist(), k), rel=1e-9, abs=0)


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normal(50, 3, 0), normal(40, 3, 1)
    whole = prdc(real, fake, 3)
    monkeypatch.setattr(room, "CHUNK", 7)
    assert prdc(real, fake, 3) == whole
    assert prdc(real, fake, 3, real_radii=radii(real, 3)) == whole
    assert whole == prdc_by_loops(real, fake, 3)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_rotation_scale_shift_and_order(seed: int) -> None:
    real, fake = normal(40, 4, seed), normal(30, 4, seed, "fakes")
    turn, _ = torch.linalg.qr(normal(4, 4, seed, "rotation"))
    value = prdc(real, fake)
    assert prdc(real @ turn, fake @ turn) == value
    assert prdc(7 * real + 3, 7 * fake + 3) == value
    assert prdc(real.flip(0), fake.flip(0)) == value


def test_far_from_zero() -> None:
    """Where squares are 1e14, a distance of 1 must still be told from one of 1.1."""
    real, fake = normal(40, 2, 0) + 1e7, normal(30, 2, 1) + 1e7
    assert prdc(real, fake) == prdc_by_loops(real, fake, 5)
    assert radii(real).tolist() == pytest.approx(radii_by_loops(real.tolist(), 5), rel=1e-6)


def test_precision_and_recall_change_places_with_the_sides() -> None:
    real, fake = normal(60, 2, 0), 0.5 * normal(70, 2, 1)
    there, back = prdc(real, fake), prdc(fake, real)
    assert (there.precision, there.recall) == (back.recall, back.precision)
    assert there.precision > there.recall


def test_orientation() -> None:
    """Fakes huddled among wide reals look real and miss most of it: torch-fidelity's test of the convention."""
    real, fake = normal(1000, 8, 0), 0.1 * normal(1000, 8, 1)
    value = prdc(real, fake)
    assert value.precision > 0.8
    assert value.recall < 0.3
    assert value.coverage < 0.3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_copies_are_perfect(dtype: torch.dtype) -> None:
    """They are as far from all reals as what they copy: a real's ball holds k of them, its own copy among them."""
    real = (normal(500, 784, 0) + 5).to(dtype)
    order = torch.randperm(500, generator=generator(0, "order"))
    value = prdc(real, real[order])
    assert (value.precision, value.recall, value.coverage) == (1, 1, 1)
    assert value.density == pytest.approx(1, abs=1e-12)


def test_one_picture_repeated_covers_nothing_but_its_surroundings() -> None:
    real = normal(500, 16, 0)
    value = prdc(real, real[:1].expand(500, 16))
    assert (value.precision, value.recall) == (1, 0)
    assert value.coverage == value.density * 5 / 500  # each real's ball holds all of the fakes or none


def test_copies_of_one_sample_have_no_radius() -> None:
    rows = normal(30, 784, 0) * 100
    rows[3:9] = rows[2]
    found = radii(rows, 6)
    assert (found == 0).tolist() == [2 <= i < 9 for i in range(30)]
    assert (radii(rows, 7) > 0).all()


def test_neighbours_at_a_small_distance_are_no_copies() -> None:
    rows = normal(30, 784, 0)
    rows[1] = rows[0] + 1e-5
    assert radii(rows, 1)[:2].tolist() == pytest.approx([1e-5 * 28] * 2, rel=1e-3)


def expected_coverage(num_reals: int, num_fakes: int, k: int) -> float:
    """The mean coverage of fakes distributed as the reals: Naeem et al. 2020, arXiv:2002.09797, section 3."""
    others = num_reals - 1
    return 1 - math.prod((others - i) / (others + num_fakes - i) for i in range(k))


def test_expected_coverage_and_density_of_perfect_fakes() -> None:
    values = [prdc(normal(600, 8, seed), normal(600, 8, seed, "fakes")) for seed in range(40)]
    coverage_mean = sum(value.coverage for value in values) / 40
    density_mean = sum(value.density for value in values) / 40
    assert expected_coverage(600, 600, 5) == pytest.approx(0.9691, abs=5e-5)
    assert coverage_mean == pytest.approx(expected_coverage(600, 600, 5), abs=0.004)
    assert density_mean == pytest.approx(1, abs=0.01)


def test_expected_coverage_by_hand() -> None:
    """Around a real there are 2 others and 3 fakes: the nearest of the 5 is a fake with probability 3/5."""
    assert expected_coverage(3, 3, 1) == pytest.approx(3 / 5)
    assert expected_coverage(3, 3, 2) == pytest.approx(1 - 2 / 5 * 1 / 4)


def test_published_values() -> None:
    """N(0, I) in 1,000 dimensions, 10,000 each, k = 5: the README of clovaai/generative-evaluation-prdc.

    It shows one draw, and so does this: the tolerances are three standard deviations, measured over six draws. They
    are wide since in so many dimensions a few reals are among the nearest of very many samples.
    """
    value = prdc(normal(10_000, 1000, 0), normal(10_000, 1000, 1))
    assert value.precision == pytest.approx(0.4772, abs=3 * 0.015)
    assert value.recall == pytest.approx(0.4705, abs=3 * 0.015)
    assert value.density == pytest.approx(1.0555, abs=3 * 0.085)
    assert value.coverage == pytest.approx(0.9735, abs=3 * 0.007)


def test_refusals() -> None:
    real, fake = normal(20, 3, 0), normal(20, 3, 1)
    broken = fake.clone()
    broken[2, 1] = math.nan
    for pair, message in (
        ((real[:5], fake), "5 real samples, and at least 6 are needed"),
        ((real, fake[:5]), "5 generated samples, and at least 6 are needed"),
        ((real, fake[:, :2]), "real features have 3 dimensions and the generated ones 2"),
        ((real, broken), "1 of the 20 generated samples have features that are not finite"),
        ((broken, fake), "1 of the 20 real samples have features that are not finite"),
    ):
        with pytest.raises(UserError, match=message):
            prdc(*pair)
    with pytest.raises(UserError, match="19 radii for 20 real samples"):
        prdc(real, fake, real_radii=radii(real)[:19])
    with pytest.raises(UserError, match="5 given samples, and at least 6"):
        radii(real[:5])


def test_when_neighbourhoods_say_nothing() -> None:
    """Each real picture six times: its five nearest are its copies. The fakes' balls count for recall alone."""
    lone, repeated = normal(60, 3, 0), normal(60, 3, 1).repeat(6, 1)
    near = prdc(repeated, lone)
    assert (near.empty_reals, near.empty_fakes) == (1.0, 0.0)
    assert "100% of the real items equal as many others" in no_neighbourhoods("precision", near, 360, 360, 60, 60)
    assert no_neighbourhoods("recall", near, 360, 360, 60, 60) == ""
    near = prdc(lone, repeated)
    assert "100% of the judged items" in no_neighbourhoods("recall", near, 60, 60, 60, 360)
    assert no_neighbourhoods("coverage", near, 60, 60, 60, 360) == ""
    assert "60 real items 29 differ" in no_neighbourhoods("coverage", near, 29, 60, 60, 60)
    assert "360 judged items 9 differ" in no_neighbourhoods("density", near, 60, 60, 9, 360)
