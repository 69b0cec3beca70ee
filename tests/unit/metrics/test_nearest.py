"""metrics/nearest.py: the nearest rows are the nearest ones, with a sketch and without."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.metrics import nearest as module
from ganforge.metrics.nearest import nearest, nearest_pictures, sketch_of

SEEDS = st.integers(0, 2**32)


def normal(count: int, dims: int, seed: int = 0, purpose: str = "normal") -> Tensor:
    return torch.randn(count, dims, generator=generator(seed, purpose), dtype=torch.float64)


def random_pictures(count: int, seed: int = 0) -> Tensor:
    return torch.randint(256, (count, 1, 4, 5), dtype=torch.uint8, generator=generator(seed, "pictures"))


def smooth(count: int, seed: int = 0) -> Tensor:
    """Rows of 400 bytes that lie near a space of a few dimensions, as pictures do."""
    basis = normal(12, 400, 0, "basis")
    rows = normal(count, 12, seed, "smooth") @ basis * 12 + normal(count, 400, seed, "rest") * 3 + 128
    return rows.clamp(0, 255).to(torch.uint8)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 30), st.integers(1, 40), st.integers(1, 9))
def test_agrees_with_all_distances(seed: int, queries: int, rows: int, chunk: int) -> None:
    asked, reference = normal(queries, 3, seed), normal(rows, 3, seed, "reference")
    expected = (asked.unsqueeze(1) - reference).norm(dim=2).min(dim=1)
    found = nearest(asked, reference, chunk)
    assert torch.equal(found.indices, expected.indices)
    torch.testing.assert_close(found.distances, expected.values, rtol=1e-15, atol=0)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 30), st.integers(1, 9))
def test_a_skipped_row_is_not_found(seed: int, rows: int, chunk: int) -> None:
    points = normal(rows, 3, seed)
    distances = (points.unsqueeze(1) - points).norm(dim=2)
    expected = distances.fill_diagonal_(torch.inf).min(dim=1)
    found = nearest(points, points, chunk, skip=torch.arange(rows))
    assert torch.equal(found.indices, expected.indices)
    torch.testing.assert_close(found.distances, expected.values, rtol=1e-15, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.uint8])
def test_identical_rows_are_exactly_zero_apart(dtype: torch.dtype) -> None:
    reference = (normal(500, 784) * 20 + 128).clamp(0, 255).to(dtype)
    order = torch.randperm(500, generator=generator(0, "order"))
    found = nearest(reference[order], reference)
    assert found.distances.tolist() == [0.0] * 500
    assert torch.equal(found.indices, order)


def test_one_step_of_one_pixel_is_seen() -> None:
    reference = random_pictures(300).flatten(1)
    changed = reference.clone()
    changed[:, 7] ^= 1
    found = nearest(changed, reference)
    assert found.distances.tolist() == [1.0] * 300
    assert found.indices.tolist() == list(range(300))


def test_refusals() -> None:
    rows = normal(5, 3)
    for arguments, message in (
        ((rows, normal(5, 4)), "query features have 3 dimensions and the reference ones 4"),
        ((rows, rows[:0]), "0 reference samples, and at least 1"),
        ((rows[:0], rows), "0 query samples"),
        ((rows * math.inf, rows), "5 of the 5 query samples .* not finite"),
        ((rows, rows * math.nan), "5 of the 5 reference samples .* not finite"),
    ):
        with pytest.raises(UserError, match=message):
            nearest(*arguments)
    with pytest.raises(UserError, match="1 reference samples, and at least 2"):
        nearest(rows[:1], rows[:1], skip=torch.tensor([0]))


def all_distances(queries: Tensor, reference: Tensor) -> Tensor:
    return torch.stack([(reference.double() - query).norm(dim=1) for query in queries.double()])


class TestSketch:
    def test_is_made_where_it_saves_something(self) -> None:
        assert sketch_of(smooth(100)) is None
        assert sketch_of(smooth(5_000)[:, :200]) is None
        assert sketch_of(smooth(5_000)) is not None

    def test_brings_no_two_rows_farther_apart(self) -> None:
        rows = smooth(5_000)
        sketch = sketch_of(rows)
        assert sketch is not None
        some = torch.randperm(5_000, generator=generator(0, "some"))[:200]
        true, short = all_distances(rows[some], rows), all_distances(sketch.rows[some], sketch.rows)
        assert (short <= true * (1 + 1e-5) + 0.1).all()
        assert short.mean() > 0.9 * true.mean()  # and hardly nearer, or it would rule nothing out
        torch.testing.assert_close(sketch.axes.T @ sketch.axes, torch.eye(module.SKETCH_DIMS), rtol=0, atol=1e-5)

    @pytest.mark.parametrize("kind", ["like the reference", "of the reference", "noise", "constant"])
    def test_finds_the_same_rows(self, kind: str) -> None:
        reference = smooth(6_000)
        queries = {
            "like the reference": smooth(300, seed=1),
            "of the reference": reference[::20],
            "noise": torch.randint(256, (300, 400), dtype=torch.uint8, generator=generator(0, "noise")),
            "constant": torch.full((300, 400), 90, dtype=torch.uint8),
        }[kind]
        expected = all_distances(queries, reference).min(dim=1)
        found = nearest(queries, reference, sketch=sketch_of(reference))
        assert torch.equal(found.indices, expected.indices)
        torch.testing.assert_close(found.distances, expected.values, rtol=1e-12, atol=0)

    def test_rules_out_most_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Else it would be of no use, however right: no search through all rows, and few distances taken."""
        reference, taken = smooth(6_000), []
        exact = module._exact
        monkeypatch.setattr(module, "_search", None)
        monkeypatch.setattr(module, "_exact", lambda rows, others: taken.append(len(rows)) or exact(rows, others))
        nearest(smooth(300, seed=1), reference, sketch=sketch_of(reference))
        assert sum(taken) < 300 * 6_000 / 20

    def test_a_skipped_row_is_not_found(self) -> None:
        reference = smooth(5_000)
        some = torch.arange(0, 5_000, 25)
        distances = all_distances(reference[some], reference)
        distances[torch.arange(len(some)), some] = torch.inf
        found = nearest(reference[some], reference, skip=some, sketch=sketch_of(reference))
        assert torch.equal(found.indices, distances.argmin(dim=1))

    def test_copies_are_exactly_zero_apart(self) -> None:
        reference = smooth(5_000)
        twice = torch.cat([reference, reference[:10]])
        assert nearest(twice, twice, sketch=sketch_of(twice)).distances.max() == 0


def test_nearest_pictures_by_hand() -> None:
    pictures = torch.tensor([0, 100, 103, 97, 255], dtype=torch.uint8).reshape(5, 1, 1, 1).expand(5, 3, 2, 2).clone()
    pictures[1, 0, 0, 0] = 112
    found = nearest_pictures(torch.full((3, 2, 2), 100, dtype=torch.uint8), pictures, 3)
    assert [row for row, _ in found] == [2, 3, 1]
    assert [distance for _, distance in found] == pytest.approx([3, 3, 12 / 12**0.5])
