"""Points from two Gaussian mixtures in the plane, the usual test beds for lost modes.

Source: Lin, Khetan, Fanti, Oh, "PacGAN", arXiv:1712.04086, section 4.1, after Srivastava et al., "VEEGAN",
arXiv:1705.07761. Only the scale is ours: the plane is shrunk so that every point lies within [-1, 1].
"""

import math

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.seeding import generator
from ganforge.data.dataset import Dataset, Mixture

SEED = 0  # the points are the same in every run: they are a data set, not a stream
COUNTS = {"train": 50_000, "test": 10_000}

RING_SCALE = 1.25
GRID_SCALE = 5.0


def load_ring(split: str = "train") -> Dataset:
    """8 Gaussians on the unit circle, std 0.01, both divided by 1.25; labels are the mode's index.

    split: "train", 50,000 points, or "test", 10,000 others. Raises UserError for another split.
    """
    return _sample("ring", split, ring_mixture())


def load_grid(split: str = "train") -> Dataset:
    """25 Gaussians at {-4, -2, 0, 2, 4}^2, std 0.05, both divided by 5; labels are the mode's index.

    split: "train", 50,000 points, or "test", 10,000 others. Raises UserError for another split.
    """
    return _sample("grid", split, grid_mixture())


def ring_mixture() -> Mixture:
    """The ring's modes, scaled: centers [8, 2], counter-clockwise from the right."""
    angles = torch.arange(8, dtype=torch.float64) * (2 * math.pi / 8)
    centers = torch.stack([angles.cos(), angles.sin()], dim=1)
    return Mixture((centers / RING_SCALE).to(torch.float32), 0.01 / RING_SCALE)


def grid_mixture() -> Mixture:
    """The grid's modes, scaled: centers [25, 2], x slowest."""
    axis = torch.tensor([-4.0, -2.0, 0.0, 2.0, 4.0], dtype=torch.float64)
    return Mixture((torch.cartesian_prod(axis, axis) / GRID_SCALE).to(torch.float32), 0.05 / GRID_SCALE)


def _sample(name: str, split: str, mixture: Mixture) -> Dataset:
    """Points float32 [N, 2]: a mode for each, all equally likely, then Gaussian noise around its centre."""
    if split not in COUNTS:
        raise UserError(f"{name} has no split {split!r}; it has train and test.")
    modes, count = len(mixture.centers), COUNTS[split]
    labels = torch.randint(modes, (count,), generator=generator(SEED, f"{name}/{split}/modes"))
    noise: Tensor = torch.randn(count, 2, generator=generator(SEED, f"{name}/{split}/noise"))
    points = mixture.centers[labels] + mixture.std * noise
    return Dataset(name, f"drawn from {modes} Gaussians", points, labels, num_classes=modes, mixture=mixture)
