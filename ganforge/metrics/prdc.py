"""Precision, recall, density and coverage: whether fakes look real, and whether they reach everything that is real.

A sample's ball is centred on it and open, and its radius is the distance to its k-th nearest other sample of the same
side. Two distances count as equal where they agree to the rounding of float64 (``TIE``), so that a copy of a picture
is as far from everything as the picture is; a ball of radius 0, of a sample repeated k times, holds nothing.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.figure import Value, read_unless
from ganforge.metrics.protocol import MAX_NEIGHBOURHOOD, NEIGHBOURS
from ganforge.metrics.sides import Sides
from ganforge.metrics.vectors import check_features, check_same_dims, repeated, to_float64

RECORDS = (
    FigureRecord(
        name="precision",
        order=30,
        meaning="The share of judged items that lie where real ones are (inside a real item's ball, which reaches to "
        "its 5th nearest other): do they look real?",
        source="Kynkäänniemi et al. 2019, arXiv:1904.06991",
        better="higher",
        needs="features",
        range="0 to 1",
        blind_to="missing kinds: one perfect picture, repeated, has all the precision there is",
        is_share=True,
    ),
    FigureRecord(
        name="recall",
        order=40,
        meaning="The share of real items that lie where judged ones are: is everything that is real also made?",
        source="Kynkäänniemi et al. 2019, arXiv:1904.06991",
        better="higher",
        needs="features",
        range="0 to 1",
        blind_to="how often each kind is made; a single stray picture has a large ball",
        is_share=True,
    ),
    FigureRecord(
        name="density",
        order=50,
        meaning="How many real balls hold a judged item, on average, divided by 5; 1 on average for perfect items.",
        source="Naeem et al. 2020, arXiv:2002.09797",
        better="near floor",
        needs="features",
        range="0 up",
        blind_to="it rises above 1 where pictures crowd in the middle of the data, so more is not better",
        is_share=True,
    ),
    FigureRecord(
        name="coverage",
        order=60,
        meaning="The share of real balls that hold a judged item: are all kinds there?",
        source="Naeem et al. 2020, arXiv:2002.09797",
        better="higher",
        needs="features",
        range="0 to 1",
        blind_to="pictures unlike anything real, as long as others fill the balls",
        is_share=True,
    ),
)
CHUNK = 1024  # rows of a distance matrix in memory at a time
TIE = 1e-12  # of the square of the norms' sum: above the rounding of |x|^2 + |y|^2 - 2 x.y for thousands of dimensions


@dataclass(frozen=True)
class Prdc:
    """Shares in [0, 1], except density, which is >= 0 and, for fakes distributed as the reals, 1 on average.

    empty_reals, empty_fakes: of each side, the share of balls of radius 0, which hold nothing.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    empty_reals: float = 0.0
    empty_fakes: float = 0.0


def measure(sides: Sides) -> dict[str, Value]:
    judged, reference = sides.judged, sides.reference
    fakes = judged.first[:MAX_NEIGHBOURHOOD]
    near = prdc(reference.kept[:MAX_NEIGHBOURHOOD], fakes, k=NEIGHBOURS, real_radii=reference.radii)
    counts = reference.distinct, len(reference.kept), judged.distinct, len(judged.first)

    def read(name: str, value: float) -> Value:
        return read_unless(no_neighbourhoods(name, near, *counts), lambda: value)

    return {
        "precision": read("precision", near.precision),
        "recall": read("recall", near.recall),
        "density": read("density", near.density),
        "coverage": read("coverage", near.coverage),
    }


def no_neighbourhoods(name: str, near: Prdc, distinct_reals: int, reals: int, distinct_fakes: int, fakes: int) -> str:
    """Why one of the four, by its name, cannot be read; "" where it can: both sides have to differ from each
    other, and more than half of the balls that it is counted by have to have a radius."""
    why = repeated("real", distinct_reals, reals) or repeated("judged", distinct_fakes, fakes)
    side, empty = ("judged", near.empty_fakes) if name == "recall" else ("real", near.empty_reals)
    if why or empty <= 0.5:
        return why
    return f"{empty:.0%} of the {side} items equal as many others as a neighbourhood has, so that theirs holds nothing"


def prdc(real: Tensor, fake: Tensor, k: int = 5, real_radii: Tensor | None = None) -> Prdc:
    """Precision, recall, density and coverage of fake features [M, d] against real ones [N, d].

    precision: the share of fakes inside some real's ball; recall: of reals inside some fake's; density: how many
    reals' balls hold a fake, on average, divided by k; coverage: the share of reals whose ball holds a fake. Fakes
    distributed as the reals reach a coverage of 1 minus the probability that the k nearest of a real's N - 1 + M
    neighbours are all real, and a precision and recall below 1. real_radii: what
    ``radii(real, k)`` gave, to save a third of the work. Time N^2 + M^2 + NM; memory ``CHUNK`` (N + M).
    Raises UserError for features that are not finite, of unequal d, or no more than k on a side. Source: Naeem et al.
    2020, arXiv:2002.09797, and their code, whose balls are open; precision and recall: Kynkäänniemi et al. 2019,
    arXiv:1904.06991.
    """
    check_features(real, "real", at_least=k + 1)
    check_features(fake, "generated", at_least=k + 1)
    check_same_dims(real, fake)
    reals, fakes = to_float64(real), to_float64(fake)
    center = reals.mean(dim=0)  # distances stay, and rounding shrinks
    reals, fakes = reals - center, fakes - center
    if real_radii is None:
        real_radii = _radii(reals, k)
    elif real_radii.shape != (len(real),):
        raise UserError(f"There are {real_radii.numel():,} radii for {len(real):,} real samples; compute them again.")
    fake_radii = _radii(fakes, k)
    real_limits, fake_limits = _limits(reals, real_radii.to(reals)), _limits(fakes, fake_radii)
    held = torch.zeros(len(fakes), dtype=torch.int64, device=fakes.device)  # in how many reals' balls a fake is
    covered = recalled = 0
    for rows, limits in zip(reals.split(CHUNK), real_limits.split(CHUNK), strict=True):
        squares = _squared_distances(rows, fakes)
        inside = squares < limits.unsqueeze(1)
        held += inside.sum(dim=0)
        covered += int(inside.any(dim=1).sum())
        recalled += int((squares < fake_limits).any(dim=1).sum())
    precision = int((held > 0).sum()) / len(fakes)
    density = int(held.sum()) / (k * len(fakes))
    empty = [int((each == 0).sum()) / len(each) for each in (real_radii, fake_radii)]
    return Prdc(precision, recalled / len(reals), density, covered / len(reals), *empty)


def radii(features: Tensor, k: int = 5) -> Tensor:
    """The distance of each of features [N, d] to its k-th nearest other: float64 [N], exactly 0 for k copies.

    Raises UserError for features that are not finite, and for no more than k of them.
    """
    check_features(features, "given", at_least=k + 1)
    rows = to_float64(features)
    return _radii(rows - rows.mean(dim=0), k)


def _radii(rows: Tensor, k: int) -> Tensor:
    nearest = []
    for start, chunk in zip(range(0, len(rows), CHUNK), rows.split(CHUNK), strict=True):
        squares = _squared_distances(chunk, rows)
        squares.diagonal(start).fill_(torch.inf)  # nobody is one's own neighbour
        nearest.append(squares.topk(k, dim=1, largest=False, sorted=True).values[:, -1])
    squares = torch.cat(nearest)
    return squares.where(squares > TIE * 4 * rows.square().sum(dim=1), 0).sqrt()


def _limits(rows: Tensor, radii: Tensor) -> Tensor:
    """What squared distances from these centres must stay below to be inside, and not tied with, the radius: [N]."""
    return radii.square() - TIE * (rows.norm(dim=1) + radii).square()


def _squared_distances(rows: Tensor, columns: Tensor) -> Tensor:
    """[len(rows), len(columns)], up to rounding, which can make them slightly negative."""
    squares = torch.addmm(columns.square().sum(dim=1), rows, columns.T, alpha=-2)
    return squares.add_(rows.square().sum(dim=1, keepdim=True))
