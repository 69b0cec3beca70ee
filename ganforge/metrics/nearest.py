"""The nearest row, found exactly without taking most of the distances."""

from typing import NamedTuple

import torch
from torch import Tensor

from ganforge.base.seeding import generator
from ganforge.metrics.vectors import check_features, check_same_dims, to_float64

CANDIDATES = 4
CHUNK = 2048  # rows of the reference that are compared at a time
CHUNK_VALUES = 1 << 24  # pixels whose differences are taken at a time
SKETCH_DIMS = 64
SKETCHED = 4 * SKETCH_DIMS  # fewer dimensions are as quickly compared as they are
AXES_FROM = 4096  # rows that the axes are found by
AT_A_TIME = 64  # queries whose sketches are compared at a time
MOST_CLOSER = 4096  # a query with more rows than these left is compared with the whole reference
ROUNDING = 1e-5  # of the squared sum of the norms: above what float32 loses in a squared distance


class Neighbours(NamedTuple):
    """distances: float64 [N]; indices: int64 [N], of each query's nearest row. Both on the CPU."""

    distances: Tensor
    indices: Tensor


class Sketch(NamedTuple):
    """Shorter rows that are never farther from each other than the rows they stand for.

    center: float32 [D], the rows' mean. axes: float32 [D, SKETCH_DIMS], orthonormal, about the principal ones.
    rows: float32 [M, SKETCH_DIMS + 1], coordinates along the axes, then the length of what the axes leave.
    """

    center: Tensor
    axes: Tensor
    rows: Tensor


def sketch_of(reference: Tensor) -> Sketch | None:
    """The sketch of a reference [M, D], on its device; None where it would save nothing."""
    if reference.shape[1] < SKETCHED or len(reference) < AXES_FROM:
        return None
    center = _mean(reference)
    some = reference[:: len(reference) // AXES_FROM].float() - center
    axes = torch.randn(len(center), SKETCH_DIMS, generator=generator(0, "sketch")).to(center.device)
    for _ in range(3):  # Halko, Martinsson and Tropp 2011, arXiv:0909.4061, algorithm 4.4
        axes = torch.linalg.qr(some.T @ (some @ axes)).Q
    rows = torch.cat([_sketched(part.float() - center, axes) for part in reference.split(CHUNK)])
    return Sketch(center, axes, rows)


def nearest(
    queries: Tensor, reference: Tensor, chunk: int = CHUNK, skip: Tensor | None = None, sketch: Sketch | None = None
) -> Neighbours:
    """The row of reference [M, D] nearest to each of queries [N, D] by Euclidean distance.

    Any real dtype. skip: int64 [N], the row of the reference that each query may not have: its own, where a set is
    compared with itself. sketch: what ``sketch_of`` gave for the reference, to rule out most rows by short products.
    The search takes float32 products of ``chunk`` rows, after the reference's mean is taken away; the nearest of
    ``CANDIDATES`` chunks, or all rows that their sketches do not rule out, are then compared by their differences in
    float64, so that the distance is exactly 0 for identical rows. No other row is nearer by more than
    1e-6 (|query| + |row|)^2 in squared distance, with norms from the reference's mean. Raises UserError for rows that
    are not finite or of unequal D, and where there is no row to find.
    """
    check_features(queries, "query")
    check_features(reference, "reference", at_least=1 if skip is None else 2)
    check_same_dims(queries, reference, "query", "reference")
    found = Neighbours(
        torch.full((len(queries),), torch.inf, dtype=torch.float64), torch.full((len(queries),), -1, dtype=torch.int64)
    )
    if sketch is not None:
        for part in torch.arange(len(queries)).split(AT_A_TIME):
            _search_sketches(queries, reference, sketch, skip, part, found)
            if (found.indices[part] < 0).sum() > len(part) / 2:
                break  # these queries are like nothing in the reference, so that sketches rule out too little
    missing = (found.indices < 0).nonzero().squeeze(1)
    center = sketch.center if sketch is not None else _mean(reference)
    for part in missing.split(chunk) if len(missing) else ():  # nothing splits into one empty part
        some = queries[part.to(queries.device)]
        candidates = _search(some, reference, center, chunk, None if skip is None else skip[part])
        apart = torch.stack([_exact(some, reference[one.to(reference.device)]) for one in candidates.T])
        found.distances[part], best = apart.min(dim=0)
        found.indices[part] = candidates.gather(1, best.unsqueeze(1)).squeeze(1)
    return found


def nearest_pictures(picture: Tensor, pictures: Tensor, count: int) -> list[tuple[int, float]]:
    """(row, distance) of the ``count`` of pictures uint8 [N, C, H, W] nearest to one, uint8 [C, H, W], nearest first.

    The distance is the root of the mean squared difference over all pixels and channels, in grey levels: 0 to 255.
    Of equal ones the first comes first.
    """
    distances = []
    for chunk in pictures.split(max(1, CHUNK_VALUES // picture.numel())):
        away = chunk.flatten(1).to(torch.float32) - picture.flatten().to(torch.float32)
        distances.append(away.square().mean(dim=1, dtype=torch.float64).sqrt())
    every = torch.cat(distances)
    order: list[int] = every.argsort(stable=True)[:count].tolist()
    return [(row, every[row].item()) for row in order]


def _search(queries: Tensor, reference: Tensor, center: Tensor, chunk: int, skip: Tensor | None) -> Tensor:
    """For each query the nearest row of each chunk, of the ``CANDIDATES`` nearest chunks: int64 [N, K], on the CPU."""
    rows = queries.float() - center.to(queries.device)
    smallest, found = [], []
    for start in range(0, len(reference), chunk):
        scores = _scores(rows, reference[start : start + chunk].to(rows.device).float() - center.to(rows.device))
        _leave_out(scores, skip, start)
        nearer, index = scores.min(dim=1)
        smallest.append(nearer)
        found.append(torch.where(nearer.isinf(), -1, index + start))
    best = torch.stack(smallest, dim=1).topk(min(CANDIDATES, len(smallest)), dim=1, largest=False).indices
    chosen = torch.stack(found, dim=1).gather(1, best)
    # A chunk that held nothing but the query's own row gives the nearest one's again.
    return torch.where(chosen < 0, chosen[:, :1], chosen).cpu()


def _search_sketches(
    queries: Tensor, reference: Tensor, sketch: Sketch, skip: Tensor | None, part: Tensor, found: Neighbours
) -> None:
    """Fill in the neighbours of the queries ``part`` whose sketches leave few enough rows."""
    rows = queries[part.to(queries.device)].to(sketch.center.device).float() - sketch.center
    short = _sketched(rows, sketch.axes)
    scores = _scores(short, sketch.rows)
    _leave_out(scores, None if skip is None else skip[part], 0)
    first = scores.argmin(dim=1).cpu()
    apart = _exact(queries[part.to(queries.device)], reference[first.to(reference.device)])
    norms = rows.norm(dim=1) + sketch.rows.norm(dim=1).max()
    limits = apart.to(scores).square() - short.square().sum(dim=1) + ROUNDING * norms.square()
    which, others = (scores <= limits.unsqueeze(1)).nonzero(as_tuple=True)
    few = (torch.bincount(which, minlength=len(part)) <= MOST_CLOSER)[which]
    for some, candidates in zip(which[few].cpu().split(CHUNK), others[few].cpu().split(CHUNK), strict=True):
        asked = part[some]
        apart = _exact(queries[asked.to(queries.device)], reference[candidates.to(reference.device)])
        found.distances.scatter_reduce_(0, asked, apart, "amin")
        is_best = apart == found.distances[asked]
        found.indices[asked[is_best]] = candidates[is_best]


def _scores(rows: Tensor, others: Tensor) -> Tensor:
    """|other|^2 - 2 row.other: the squared distance, less |row|^2, which is the same for all others."""
    return torch.addmm(others.square().sum(dim=1), rows, others.T, alpha=-2)


def _leave_out(scores: Tensor, skip: Tensor | None, start: int) -> None:
    """Make the scores of the rows to be skipped infinite; scores: of the reference's rows from ``start`` on."""
    if skip is not None:
        own = skip.to(scores.device) - start
        here = (own >= 0) & (own < scores.shape[1])
        scores[here.nonzero().squeeze(1), own[here]] = torch.inf


def _sketched(rows: Tensor, axes: Tensor) -> Tensor:
    along = rows @ axes
    left = (rows.square().sum(dim=1) - along.square().sum(dim=1)).clamp_min(0).sqrt()
    return torch.cat([along, left.unsqueeze(1)], dim=1)


def _exact(rows: Tensor, others: Tensor) -> Tensor:
    """float64 [N], on the CPU: the distance of each row from the other at its place."""
    return (to_float64(rows).cpu() - to_float64(others).cpu()).norm(dim=1)


def _mean(reference: Tensor) -> Tensor:
    """float32 [D]."""
    sums = sum(part.to(torch.float64).sum(0) for part in reference.cpu().split(4096))
    assert isinstance(sums, Tensor)
    return (sums / len(reference)).float().to(reference.device)
