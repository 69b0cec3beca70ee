"""Whether fakes are copies: of the training pictures, or of each other.

No one of these figures is reliable alone, and none means much without the same figure for held-out real pictures
beside it: AuthPct of perfect samples is about 63 in MNIST's pixels, not 100.
"""

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.stopping import poll
from ganforge.metrics.catalog import FigureRecord
from ganforge.metrics.copy_sides import CopySides
from ganforge.metrics.figure import Value, read_unless
from ganforge.metrics.nearest import Neighbours, Sketch, nearest
from ganforge.metrics.vectors import FEWEST, check_features, contents, distinct_pictures, to_float64

RECORDS = (
    FigureRecord(
        name="copies",
        order=120,
        meaning="The share that equals a training picture, byte by byte.",
        source="the standard definition",
        better="lower",
        needs="pixels",
        range="0 to 1",
        blind_to="a copy with one pixel changed",
    ),
    FigureRecord(
        name="exact duplicates",
        order=130,
        meaning="The share that equals an earlier judged picture, byte by byte.",
        source="the standard definition",
        better="lower",
        needs="pixels",
        range="0 to 1",
        blind_to="a duplicate with one pixel changed",
    ),
    FigureRecord(
        name="AuthPct",
        order=140,
        meaning="The percentage that is farther from its nearest training picture than that one is from its own "
        "nearest. Near 0: copies.",
        source="Alaa et al. 2021, arXiv:2102.08921",
        better="near floor",
        needs="held-out pictures",
        range="0 to 100",
        blind_to="in pixels, a copy that is moved by a pixel",
    ),
    FigureRecord(
        name="C_T",
        order=150,
        meaning="A z-score: are they as far from the training pictures as held-out ones are? About 0 if so; far below "
        "the floor: copies; far above: unlike the data.",
        source="Meehan et al. 2020, arXiv:2004.05675, with one cell",
        better="near floor",
        needs="held-out pictures",
        range="any number",
        blind_to="copies among many pictures that are too far. It grows with the root of the sample sizes",
    ),
    FigureRecord(
        name="near duplicates",
        order=160,
        meaning="The share with another judged picture nearer than half the median distance of held-out pictures to "
        "their nearest others.",
        source="threshold our own; why duplicates bound the variety: Arora and Zhang 2017, arXiv:1706.08224",
        better="lower",
        needs="held-out pictures",
        range="0 to 1",
        blind_to="pictures that are alike but not near",
    ),
)

FEWEST_HELD_OUT = 20
"""Fewer held-out pictures calibrate nothing: the floor of C_T compares their halves, of 10 each."""


def measure(sides: CopySides) -> dict[str, Value]:
    vectors, space, neighbours = sides.vectors, sides.space, sides.neighbours
    found: dict[str, Value] = {}
    if "pixels" in sides.offers:
        found["copies"] = Value(copies(vectors, space.train))
        found["exact duplicates"] = Value(exact_duplicates(vectors))
    poll()
    spacing = spacing_of(neighbours, space.train, space.sketch)
    why = no_memorisation(space.held_out, sides.distinct, len(vectors))
    # Near duplicates come more often among more pictures: they are counted among as many as are held out.
    as_many = vectors[: len(space.held_out)]
    no_near = no_held_out(space.held_out) or ("" if space.near > 0 else "most held-out pictures equal another one")
    return found | {
        "AuthPct": read_unless(why or no_spacing(spacing), lambda: auth_pct(neighbours.distances, spacing)),
        "C_T": Value(None, note=why) if why else _c_t(*sides.distances),
        "near duplicates": read_unless(no_near, lambda: near_duplicates(as_many, space.near)),
    }


def spacing_of(neighbours: Neighbours, train: Tensor, sketch: Sketch | None = None) -> Tensor:
    """How far each sample's nearest training row is from its own nearest other: float64 [N].

    neighbours: what ``nearest(samples, train)`` gave; train [M, D]; sketch: as for ``nearest``. Raises UserError as
    ``nearest`` does.
    """
    distinct, which = neighbours.indices.unique(return_inverse=True)
    return nearest(train[distinct], train, skip=distinct, sketch=sketch).distances[which]


def auth_pct(distances: Tensor, spacing: Tensor) -> float:
    """The percentage of samples that are farther from their nearest training row than that row is from its own nearest.

    distances, spacing: float64 [N], of ``nearest(samples, train)`` and of ``spacing_of`` it. 0 for copies. Source: Alaa
    et al. 2021, arXiv:2102.08921 (authenticity).
    """
    return 100 * (distances > spacing).to(torch.float64).mean().item()


def no_memorisation(held_out: Tensor, distinct: int, count: int) -> str:
    """Why AuthPct and C_T cannot be read, "" where they can. held_out: float64 [H], how far each held-out picture
    is from its nearest training picture. distinct: of ``count`` judged pictures, so many differ from each other."""
    if why := no_held_out(held_out):
        return why
    if distinct < FEWEST:
        return f"of the {count:,} judged pictures {distinct:,} differ from each other, and at least {FEWEST} have to"
    return ""


def no_held_out(held_out: Tensor) -> str:
    """Why held-out pictures calibrate nothing, "" where they do: they are few, or training pictures themselves."""
    count, known = len(held_out), int((held_out == 0).sum())
    if count < FEWEST_HELD_OUT:
        return f"there are {count:,} held-out pictures to calibrate it by, and {FEWEST_HELD_OUT} are the least"
    return f"{known:,} of the {count:,} held-out pictures equal training pictures" if 2 * known > count else ""


def no_spacing(spacing: Tensor) -> str:
    """Why AuthPct cannot be read, "" where it can: any distance is more than the 0 between equal pictures."""
    twins = int((spacing == 0).sum())
    return "most of the nearest training pictures equal another one" if 2 * twins > len(spacing) else ""


def c_t(sample_distances: Tensor, held_out_distances: Tensor) -> float:
    """The z-score of the Mann-Whitney test of whether fakes are as far from the training set as held-out reals are.

    sample_distances [m], held_out_distances [n]: to the nearest training row. Near 0 for fakes distributed as the
    reals, far below for copies, far above for fakes unlike anything real. Ties take their mean rank, and the variance
    is corrected for them. For one fault it grows with the root of the sample sizes. Raises UserError for no distances,
    for some that are not finite, and where all are equal, which has no variance. Source: Meehan, Chaudhuri, Dasgupta
    2020, arXiv:2004.05675, with all of the space as one cell.
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
    if variance <= 0:
        raise UserError("All distances to the training pictures are equal, so that none is farther than another.")
    return (u - m * n / 2) / variance**0.5


def _c_t(judged: Tensor, held_out: Tensor) -> Value:
    try:
        return Value(c_t(judged, held_out))
    except UserError as error:
        return Value(None, note=f"{str(error)[0].lower()}{str(error)[1:].removesuffix('.')}")


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
    return 1 - distinct_pictures(pictures) / len(pictures)


def copies(pictures: Tensor, training: Tensor) -> float:
    """The share of pictures, uint8 [N, C, H, W], that equal one of the training pictures, uint8 [M, C, H, W].

    Raises UserError where there are none, and where sizes or channels differ.
    """
    if not len(pictures):
        raise UserError("There are no generated pictures to compare; generate some.")
    if pictures.shape[1:] != training.shape[1:]:
        shapes = f"{list(pictures.shape[1:])} and {list(training.shape[1:])} (channels, height, width)"
        raise UserError(f"Generated and training pictures differ in shape, {shapes}; compare pictures of one shape.")
    ours = list(contents(pictures))
    found = set(ours).intersection(contents(training))
    return sum(content in found for content in ours) / len(ours)
