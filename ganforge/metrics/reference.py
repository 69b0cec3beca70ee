"""The real side of every figure: its features' statistics and the floors, computed once and kept in a cache."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.stopping import poll
from ganforge.data.dataset import Mixture
from ganforge.metrics.catalog import EXTRACTORS, definitions
from ganforge.metrics.features import Extractor
from ganforge.metrics.figure import Figures, as_json, compare, figures_from_json
from ganforge.metrics.kept_statistics import kept_or_measured
from ganforge.metrics.kernel_distance import kernels_within
from ganforge.metrics.moments import Moments
from ganforge.metrics.prdc import radii
from ganforge.metrics.protocol import MAX_NEIGHBOURHOOD, NEIGHBOURS, Protocol
from ganforge.metrics.sides import Reference, Sides, Tally
from ganforge.metrics.vectors import distinct_rows

KIND = "statistics"
CHUNK = 1_000
"""Items in a chunk."""

Chunks = Iterable[Tensor]
"""Items, pictures or points, some at a time."""


def prepare_reference(
    extractor: Extractor,
    protocol: Protocol,
    split: Callable[[], tuple[Chunks, Chunks]],
    mixture: Mixture | None,
    cache_dir: Path | None,
    labels: Tensor | None = None,
) -> tuple[Reference, Figures]:
    """The reference of one extractor, and the floors: the figures of fresh real items against it.

    split: gives the floor's and the reference's items, chunk by chunk; called only if the cache has nothing. cache_dir:
    as for ``kept_or_measured``. labels: int64, of the floor's items, where the extractor tells the same classes.
    """
    parts = [
        protocol.conventions, protocol.fingerprint, protocol.split, protocol.num_reals, protocol.num_floor,
        protocol.kernel_subsets, protocol.seed, extractor.name, extractor.hash,
        definitions(), None if labels is None else labels.tolist(),
    ]  # fmt: skip

    def measure() -> tuple[Reference, Figures]:
        fresh, reals = split()
        reference = measure_reference(extractor, protocol, reals)
        floor = gather(extractor, fresh, reference.scale, labels)
        reference = replace(reference, agreed=floor.agreed())
        return reference, compare(Sides(floor, reference, protocol, mixture))

    return kept_or_measured(
        KIND, parts, "the real pictures", cache_dir, from_file, measure, lambda found: to_file(*found)
    )


def measure_reference(extractor: Extractor, protocol: Protocol, reals: Chunks) -> Reference:
    """Features of all reference items, scaled where they have no scale of their own. Raises UserError where some of
    the features are not finite."""
    tally = gather(extractor, reals, 1.0)
    if tally.bad:
        raise UserError(
            f"{tally.bad:,} of the {tally.count:,} real items have features that are not finite; repair or remove them."
        )
    moments, kept = tally.sums.moments(), tally.kept
    scale = 1.0
    if not EXTRACTORS[extractor.name].is_scaled:
        mean_square = (moments.cov.trace() * (moments.count - 1) / moments.count + moments.mean.square().sum()).item()
        if mean_square > 0:
            scale = (mean_square / extractor.dims) ** 0.5
    moments = Moments(moments.count, moments.mean / scale, moments.cov / scale**2)
    kept = kept / scale
    kernels = torch.empty(0, dtype=torch.float64)
    if protocol.kernel_subsets:
        kernels = kernels_within(kept, "real", protocol.seed, protocol.kernel_subsets, protocol.kernel_subset_size)
    near = radii(kept[:MAX_NEIGHBOURHOOD], NEIGHBOURS)
    return Reference(scale, moments, kept, near, kernels, tally.shares(), distinct_rows(kept))


def gather(extractor: Extractor, chunks: Chunks, scale: float, asked: Tensor | None = None) -> Tally:
    """A tally of items. asked: as for ``Tally``."""
    tally = Tally(extractor, scale, asked=asked)
    for chunk in chunks:
        poll()
        tally.add(chunk)
    return tally


def to_file(reference: Reference, floors: Figures) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts for ``kept_or_measured``."""
    tensors = {"mean": reference.moments.mean, "cov": reference.moments.cov}
    tensors |= {"kept": reference.kept, "radii": reference.radii, "kernels": reference.kernels}
    if reference.classes is not None:
        tensors["classes"] = reference.classes
    if reference.agreed is not None:
        tensors["agreed"] = reference.agreed
    facts = {"scale": reference.scale, "count": reference.moments.count, "distinct": reference.distinct}
    return tensors, facts | {"floors": as_json(floors)}


def from_file(tensors: dict[str, Tensor], facts: dict[str, Any]) -> tuple[Reference, Figures]:
    """What ``to_file`` gave. Raises KeyError, TypeError or ValueError for anything else."""
    moments = Moments(int(facts["count"]), tensors["mean"], tensors["cov"])
    reference = Reference(
        float(facts["scale"]), moments, tensors["kept"], tensors["radii"], tensors["kernels"], tensors.get("classes"),
        int(facts["distinct"]), tensors.get("agreed"),
    )  # fmt: skip
    return reference, figures_from_json(facts["floors"])
