"""Whether fakes are copies: of the training pictures, or of each other.

No one of these figures is reliable alone, and none means much without the same figure for held-out real pictures
beside it: AuthPct of perfect samples is about 63 in MNIST's pixels, not 100.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.metrics.distances import check_features, to_float64
from ganforge.metrics.nearest import Neighbours, Sketch, nearest


def auth_pct(neighbours: Neighbours, train: Tensor, sketch: Sketch | None = None) -> float:
    """The percentage of samples that are farther from their nearest training row than that row is from its own nearest.

    neighbours: what ``nearest(samples, train)`` gave; train [M, D]; sketch: as for ``nearest``. 0 for copies. Raises
    UserError as ``nearest`` does. Source: Alaa et al. 2021, arXiv:2102.08921 (authenticity).
    """
    distinct, which = neighbours.indices.unique(return_inverse=True)
    spacing = nearest(train[distinct], train, skip=distinct, sketch=sketch).distances
    return 100 * (neighbours.distances > spacing[which]).to(torch.float64).mean().item()


def c_t(sample_distances: Tensor, held_out_distances: Tensor) -> float:
    """The z-score of the Mann-Whitney test of whether fakes are as far from the training set as held-out reals are.

    sample_distances [m], held_out_distances [n]: to the nearest training row. Near 0 for fakes distributed as the
    reals, far below for copies, far above for fakes unlike anything real; 0 where all distances are equal. Ties take
    their mean rank, and the variance is corrected for them. For one fault it grows with the root of the sample sizes.
    Raises UserError for no distances, and for some that are not finite. Source: Meehan, Chaudhuri, Dasgupta 2020,
    arXiv:2004.05675, with all of the space as one cell.
    """
    check_features(sample_distances.unsqueeze(1), "generated")
    check_features(held_out_distances.unsqueeze(1), "held-out")
    m, n = len(sample_distances), len(held_out_distances)
    both = torch.cat([to_float64(sample_distances).cpu(), to_float64(held_out_distances).cpu()])
    _, which, counts = both.unique(return_inverse=True, return_counts=True)
    counts = counts.to(torch.float64)
    mean_ranks = counts.cumsum(0) - (counts - 1) / 2
    u = mean_ranks[which[:m]].sum().item() - m * (m + 1) / 2
    total = m + n
    ties = ((counts**3 - counts).sum() / (total * (total - 1))).item()
    variance = m * n / 12 * (total + 1 - ties)
    return (u - m * n / 2) / variance**0.5 if variance > 0 else 0.0


def near_duplicates(features: Tensor, threshold: float) -> float:
    """The share of samples, features [N, D], with another sample nearer than ``threshold``.

    By the birthday paradox, a generator that shows such a pair in half of its batches of N has a support of about
    N^2 pictures or fewer: Arora and Zhang 2017, arXiv:1706.08224. Raises UserError as ``nearest`` does.
    """
    distances = nearest(features, features, skip=torch.arange(len(features))).distances
    return (distances < threshold).to(torch.float64).mean().item()


def exact_duplicates(pictures: Tensor) -> float:
    """The share of pictures, uint8 [N, C, H, W], that equal an earlier one. Raises UserError where there are none."""
    if not len(pictures):
        raise UserError("There are no generated pictures to compare; generate some.")
    return 1 - len(set(_contents(pictures))) / len(pictures)


def copies(pictures: Tensor, training: Tensor) -> float:
    """The share of pictures, uint8 [N, C, H, W], that equal one of the training pictures, uint8 [M, C, H, W].

    Raises UserError where there are none, and where sizes or channels differ.
    """
    if not len(pictures):
        raise UserError("There are no generated pictures to compare; generate some.")
    if pictures.shape[1:] != training.shape[1:]:
        shapes = f"{list(pictures.shape[1:])} and {list(training.shape[1:])} (channels, height, width)"
        raise UserError(f"Generated and training pictures differ in shape, {shapes}; compare pictures of one shape.")
    contents = list(_contents(pictures))
    found = set(contents).intersection(_contents(training))
    return sum(content in found for content in contents) / len(contents)


def _contents(pictures: Tensor) -> Iterator[bytes]:
    """Each picture's bytes."""
    return (picture.tobytes() for picture in pictures.cpu().numpy())
