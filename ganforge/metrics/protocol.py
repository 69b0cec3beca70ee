"""What a figure depends on beside the pictures that are judged. Figures of different protocols are never compared."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganforge.base.seeding import generator
from ganforge.data.dataset import Dataset

CONVENTIONS = 2
"""Raised when a definition changes, so that old figures and cached statistics are no longer taken for new ones."""
NEIGHBOURS = 5
"""k of precision, recall, density and coverage."""
KERNEL_SUBSET_SIZE = 1_000
"""By convention: the authors' own code."""
MAX_NEIGHBOURHOOD = 5_000
"""Precision, recall, density and coverage look at so many items of each side: their cost grows with the square."""
MAX_KEPT = 10_000
"""So many items' features are kept of each side; of all others only sums and classes, so that memory does not grow."""
MAX_LEARNED = 10_000
"""So many real items a learned extractor learns from at most."""
MAX_SAMPLES_FOR_COPIES = 1_000
"""So many fakes, and so many held-out items, are compared with every training picture."""


@dataclass(frozen=True)
class Protocol:
    """data, fingerprint, split: the real items. extractors: name -> hash.

    num_fakes: items judged. num_reals: real items they are compared with (the reference). num_floor: real items that
    are not in the reference and are judged as if they were fakes: what a perfect generator would reach. Where there are
    fewer of them than fakes, only the kernel distance is of all fakes, and any other figure of the first ``num_floor``.
    held_out: fingerprint of pictures that were not learned from, which calibrate the memorisation figures; None where
    there are none. kernel_subsets: pairs of subsets of the kernel distance, each of kernel_subset_size items; 0: it is
    left out. seed: of every random choice.
    """

    data: str
    fingerprint: str
    split: str
    num_fakes: int
    num_reals: int
    num_floor: int
    extractors: Mapping[str, str]
    held_out: str | None
    kernel_subsets: int
    kernel_subset_size: int
    seed: int = 0
    conventions: int = CONVENTIONS

    @cached_property
    def id(self) -> str:
        """8 hexadecimal digits, different for different protocols."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:8]

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id} | asdict(self)


def share_out(count: int, most_fakes: int, most_reals: int) -> tuple[int, int]:
    """(items for the floor, items of the reference), of ``count`` real ones; the first is the number of fakes, too.

    At most a third goes to the floor: a figure and its floor are of equally many items, or they could not be compared.
    """
    num_floor = min(most_fakes, count // 3)
    return num_floor, min(most_reals, count - num_floor)


def eye_share(count: int) -> int:
    """How many of ``count`` real items a learned extractor learns from, which are then in neither side."""
    return min(MAX_LEARNED, count // 3)


def eye_rows(dataset: Dataset) -> Tensor:
    """The rows of those items: the last in the order that ``split_rows`` takes the first of."""
    return _order(dataset)[len(dataset) - eye_share(len(dataset)) :]


def subset_size(num_floor: int, num_reals: int) -> int:
    """Of the kernel distance's subsets: as is usual, or as many as the smaller side has."""
    return min(KERNEL_SUBSET_SIZE, num_floor, num_reals)


def split_rows(dataset: Dataset, protocol: Protocol) -> tuple[Tensor, Tensor]:
    """The rows of the floor's items and the reference's: disjoint, drawn from the whole data set in an order fixed by
    the seed."""
    order = _order(dataset, protocol.seed)
    return order[: protocol.num_floor], order[protocol.num_floor :][: protocol.num_reals]


def _order(dataset: Dataset, seed: int = 0) -> Tensor:
    return torch.randperm(len(dataset), generator=generator(seed, "metrics/reals"))


def chunks_of(dataset: Dataset, rows: Tensor, size: int) -> Iterator[Tensor]:
    """These items, ``size`` at a time, so that memory does not grow with their number."""
    for part in rows.split(size):
        yield dataset.items[part]
        if dataset.release is not None:
            dataset.release()
