"""Whether fakes are copies: of the training pictures, or of each other.

No one of these figures is reliable alone, and none means much without the same figure for held-out real pictures
beside it: AuthPct of perfect samples is about 63 in MNIST's pixels, not 100.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.metrics.distances import check_features, check_same_dims, to_float64

CANDIDATES = 4


class Neighbours(NamedTuple):
    """distances: float64 [N]; indices: int64 [N], of each query's nearest row. Both on the CPU."""

    distances: Tensor
    indices: Tensor


def nearest(queries: Tensor, reference: Tensor, chunk: int = 2048, skip: Tensor | None = None) -> Neighbours:
    """The row of reference [M, D] nearest to each of queries [N, D] by Euclidean distance.

    Any real dtype. skip: int64 [N], the row of the reference that each query may not have: its own, where a set is
    compared with itself. The search takes float32 products of ``chunk`` rows, after the reference's mean is taken away;
    the nearest of ``CANDIDATES`` chunks are then compared by their differences in float64, so that the distance is
    exactly 0 for identical rows. No other row is nearer by more than 1e-6 (|query| + |row|)^2 in squared distance, with
    norms from the reference's mean. Raises UserError for rows that are not finite or of unequal D, and where there is
    no row to find.
    """
    check_features(queries, "query")
    check_features(reference, "reference", at_least=1 if skip is None else 2)
    check_same_dims(queries, reference, "query", "reference")
    center = _mean(reference)
    indices = torch.empty(len(queries), dtype=torch.int64)
    distances = torch.empty(len(queries), dtype=torch.float64)
    for start in range(0, len(queries), chunk):
        part = slice(start, start + chunk)
        found = _search(queries[part], reference, center, chunk, None if skip is None else skip[part])
        rows = to_float64(queries[part]).cpu()
        candidates = torch.stack([(rows - to_float64(reference[one]).cpu()).norm(dim=1) for one in found.T])
        distances[part], best = candidates.min(dim=0)
        indices[part] = found.gather(1, best.unsqueeze(1)).squeeze(1)
    return Neighbours(distances, indices)


def auth_pct(neighbours: Neighbours, train: Tensor) -> float:
    """The percentage of samples that are farther from their nearest training row than that row is from its own nearest.

    neighbours: what ``nearest(samples, train)`` gave; train [M, D]. 0 for copies. Raises UserError as ``nearest``
    does. Source: Alaa et al. 2021, arXiv:2102.08921 (authenticity).
    """
    distinct, which = neighbours.indices.unique(return_inverse=True)
    spacing = nearest(train[distinct], train, skip=distinct).distances
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


def _search(queries: Tensor, reference: Tensor, center: Tensor, chunk: int, skip: Tensor | None) -> Tensor:
    """For each query the nearest row of each chunk, of the ``CANDIDATES`` nearest chunks: int64 [N, K], on the CPU."""
    rows = queries.float() - center
    smallest, found = [], []
    for start in range(0, len(reference), chunk):
        others = reference[start : start + chunk].to(rows.device).float() - center
        # |others|^2 - 2 rows.others: the squared distance, less |row|^2, which is the same for all others.
        scores = torch.addmm(others.square().sum(dim=1), rows, others.T, alpha=-2)
        if skip is not None:
            own = skip.to(rows.device) - start
            here = (own >= 0) & (own < len(others))
            scores[here.nonzero().squeeze(1), own[here]] = torch.inf
        nearer, index = scores.min(dim=1)
        smallest.append(nearer)
        found.append(torch.where(nearer.isinf(), -1, index + start))
    best = torch.stack(smallest, dim=1).topk(min(CANDIDATES, len(smallest)), dim=1, largest=False).indices
    chosen = torch.stack(found, dim=1).gather(1, best)
    # A chunk that held nothing but the query's own row gives the nearest one's again.
    return torch.where(chosen < 0, chosen[:, :1], chosen).cpu()


def _mean(reference: Tensor) -> Tensor:
    """float32 [D]."""
    sums = sum(part.to(torch.float64).sum(0) for part in reference.cpu().split(4096))
    assert isinstance(sums, Tensor)
    return (sums / len(reference)).float().to(reference.device)


def _contents(pictures: Tensor) -> Iterator[bytes]:
    """Each picture's bytes."""
    return (picture.tobytes() for picture in pictures.cpu().numpy())
