import pytest
import torch

from ganforge.base.errors import UserError
from ganforge.data.dataset import Dataset
from ganforge.data.synthetic import load_grid, load_ring

BOTH = pytest.mark.parametrize(
    ("load", "modes", "scale", "std"), [(load_ring, 8, 1.25, 0.01), (load_grid, 25, 5.0, 0.05)]
)


def offsets(dataset: Dataset) -> torch.Tensor:
    """From each point's own centre."""
    assert dataset.mixture is not None
    assert dataset.labels is not None
    return dataset.items - dataset.mixture.centers[dataset.labels]


def test_ring_centres_are_the_papers() -> None:
    mixture = load_ring("test").mixture
    assert mixture is not None
    centers = mixture.centers * 1.25
    assert torch.allclose(centers.norm(dim=1), torch.ones(8))
    half = 0.5**0.5
    assert torch.allclose(centers[:3], torch.tensor([[1.0, 0.0], [half, half], [0.0, 1.0]]), atol=1e-6)
    assert torch.cdist(centers, -centers).amin(1).max() < 1e-6  # each has its opposite


def test_grid_centres_are_the_papers() -> None:
    mixture = load_grid("test").mixture
    assert mixture is not None
    centers = {tuple(round(x, 4) for x in center) for center in (mixture.centers * 5).tolist()}
    assert centers == {(x, y) for x in (-4.0, -2.0, 0.0, 2.0, 4.0) for y in (-4.0, -2.0, 0.0, 2.0, 4.0)}


@BOTH
def test_points_are_gaussian_around_equally_likely_centres(load, modes, scale, std) -> None:  # type: ignore[no-untyped-def]
    dataset = load("train")
    assert dataset.items.shape == (50_000, 2)
    assert dataset.items.dtype == torch.float32
    assert dataset.num_classes == modes
    assert dataset.mixture.std == pytest.approx(std / scale)
    away = offsets(dataset).to(torch.float64)
    assert torch.allclose(away.std(dim=0) * scale, torch.full((2,), std, dtype=torch.float64), rtol=0.02)
    assert (away.mean(dim=0) * scale).abs().max() < 0.02 * std
    # Within three standard deviations in the plane: 1 - exp(-9/2) = 98.889 %.
    share = (away.norm(dim=1) < 3 * std / scale).to(torch.float64).mean().item()
    assert share == pytest.approx(0.98889, abs=0.002)
    counts = torch.bincount(dataset.labels, minlength=modes)
    assert (counts / (50_000 / modes) - 1).abs().max() < 0.1


@BOTH
def test_everything_is_within_reach_of_tanh(load, modes, scale, std) -> None:  # type: ignore[no-untyped-def]
    assert load("train").items.abs().max() < 0.9
    assert load("test").items.abs().max() < 0.9


@BOTH
def test_splits_are_fixed_and_share_no_point(load, modes, scale, std) -> None:  # type: ignore[no-untyped-def]
    train, test = load("train"), load("test")
    assert torch.equal(train.items, load("train").items)
    assert len(test) == 10_000
    assert not {tuple(p) for p in train.items.tolist()} & {tuple(p) for p in test.items.tolist()}


def test_another_split_is_refused() -> None:
    with pytest.raises(UserError, match="ring has no split 'dev'"):
        load_ring("dev")
