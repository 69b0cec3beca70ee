"""Classes for pictures that are to be as frequent as in some data."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.wording import as_typed
from ganforge.data.dataset import Dataset


def labels_like(counts: Sequence[int], count: int) -> Tensor:
    """Labels int64 [count] of classes with these numbers of items: rounded so that they add up (the largest remainders
    are rounded up), and spread, so that each stretch of them is about as balanced as all. Raises UserError for no items
    at all."""
    items = np.array(counts, dtype=np.int64)
    if not items.sum():
        raise UserError("The data have no items with a class, so there is no balance to follow.")
    exact = items * (count / items.sum())
    shares = np.floor(exact).astype(np.int64)
    up = np.argsort(shares - exact, kind="stable")[: count - shares.sum()]
    shares[up] += 1
    labels = np.repeat(np.arange(len(items)), shares)
    within = np.concatenate([(np.arange(share) + 0.5) / share for share in shares if share] or [np.empty(0)])
    return torch.from_numpy(labels[np.argsort(within, kind="stable")])


def counts_for(names: Sequence[str], num_classes: int, data: Dataset) -> list[int]:
    """How often each of a model's classes is among the data: by name where both have names, else by number. Raises
    UserError where the data have no classes, or others than the model."""
    if data.labels is None:
        raise UserError(f"{data.name} has no classes ({data.no_labels or 'none are told'}).")
    other_names, found = data.class_names, torch.bincount(data.labels, minlength=data.num_classes).tolist()
    if names and other_names and list(names) != list(other_names):
        by_name = {name: count for name, count in zip(other_names, found, strict=False) if count}
        if unknown := sorted(by_name.keys() - set(names)):
            raise UserError(f"The data have the class '{as_typed(unknown[0])}', of which the model was not told.")
        return [by_name.get(name, 0) for name in names]
    if len(found) != num_classes:
        raise UserError(f"The data have {len(found)} classes, and the model was told of {num_classes}.")
    return found
