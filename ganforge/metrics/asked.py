"""Items that were made for a class each, and extractors that tell the data's own classes."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ganforge.data.dataset import Dataset
from ganforge.metrics.catalog import is_learned
from ganforge.metrics.features import Extractor
from ganforge.metrics.protocol import Protocol, split_rows
from ganforge.metrics.sides import Reference, Tally

MAX_CLASSES = 100
"""Of more, a record does not tell each."""


def floor_labels(extractor: Extractor, dataset: Dataset, protocol: Protocol) -> Tensor | None:
    """The labels of the floor's items, int64 [num_floor], where the extractor tells the data's classes; else None."""
    tells = is_learned(extractor.name) or dataset.name == "mnist"  # the digit classifier knows no other data's classes
    if dataset.labels is None or not tells or extractor.num_classes != dataset.num_classes:
        return None
    return dataset.labels[split_rows(dataset, protocol)[0]]


def agreement_by_class(
    tallies: Sequence[Tally], references: Sequence[Reference], dataset: Dataset
) -> dict[str, dict[str, list[float | None]]]:
    """For each extractor that tells the classes asked for: by class, the share of its items that are taken for it, and
    the same of the floor's; None where there are none."""
    found = {}
    for tally, reference in zip(tallies, references, strict=True):
        if (agreed := tally.agreed()) is None or reference.agreed is None or len(agreed) > MAX_CLASSES:
            continue
        names = dataset.class_names or [str(number) for number in range(len(agreed))]
        pairs = torch.stack([agreed, reference.agreed], dim=1).tolist()
        shares = [[None if math.isnan(share) else share for share in pair] for pair in pairs]
        found[tally.extractor.name] = dict(zip(names, shares, strict=True))
    return found
