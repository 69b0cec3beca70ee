"""What is in a data set: sizes, range, classes, and the faults worth knowing before training on it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.data.dataset import Dataset

CHUNK_ITEMS = 4096
BAR_WIDTH = 30
MAX_CLASS_LINES = 50
"""More classes than these are summed up in one line."""


@dataclass(frozen=True)
class DatasetStatistics:
    """What ``inspect_dataset`` found.

    dtype: "uint8" for pictures, "float32" for points. minimum, maximum, mean, std: over all values of all
    items, in the items' own units (0 to 255 for pictures); std is the population's. axis_ranges: (minimum,
    maximum) of each coordinate of points, empty for pictures. class_counts: items of each class, empty where
    there are no labels. duplicates: items that are equal to an earlier one. constant: pictures of one single
    value, 0 for points. modes: known modes of a mixture, 0 for pictures. mode_std: their standard deviation
    along each axis.
    """

    name: str
    source: str
    count: int
    shape: tuple[int, ...]
    dtype: str
    minimum: float
    maximum: float
    mean: float
    std: float
    axis_ranges: tuple[tuple[float, float], ...]
    class_counts: tuple[int, ...]
    duplicates: int
    constant: int
    modes: int
    mode_std: float


def inspect_dataset(dataset: Dataset) -> DatasetStatistics:
    """Look at every item once. Raises ValueError for a data set without items."""
    if len(dataset) == 0:
        raise ValueError(f"{dataset.name} has no items")
    items, labels, mixture = dataset.items, dataset.labels, dataset.mixture
    mean, std = _mean_and_std(items)
    axes = [items.amin(0).tolist(), items.amax(0).tolist()] if dataset.is_points else [[], []]
    counts = [] if labels is None else torch.bincount(labels, minlength=dataset.num_classes).tolist()
    return DatasetStatistics(
        name=dataset.name,
        source=dataset.source,
        count=len(dataset),
        shape=dataset.shape,
        dtype=str(items.dtype).removeprefix("torch."),
        minimum=float(items.min()),
        maximum=float(items.max()),
        mean=mean,
        std=std,
        axis_ranges=tuple(zip(*axes, strict=True)),
        class_counts=tuple(counts),
        duplicates=_duplicates(items),
        constant=0 if dataset.is_points else _constant(items),
        modes=0 if mixture is None else len(mixture.centers),
        mode_std=0.0 if mixture is None else mixture.std,
    )


def describe_dataset(facts: DatasetStatistics) -> str:
    """The facts as aligned lines for people, with a bar for each class or, of very many, one line for all.

    No line break at the end.
    """
    shape = " x ".join(str(size) for size in facts.shape)
    rows = [
        ("data set", facts.name),
        ("source", facts.source),
        ("items", f"{facts.count:,} of {shape}, {facts.dtype}"),
        ("range", f"{facts.minimum:g} to {facts.maximum:g}, mean {facts.mean:.4g}, std {facts.std:.4g}"),
    ]
    rows += [(f"axis {axis}", f"{low:.4g} to {high:.4g}") for axis, (low, high) in enumerate(facts.axis_ranges)]
    if facts.modes:
        rows.append(("modes", f"{facts.modes} Gaussians, std {facts.mode_std:g}"))
    rows.append(("duplicates", f"{facts.duplicates:,}"))
    if not facts.axis_ranges:
        rows.append(("constant", f"{facts.constant:,} pictures of one single value"))
    lines = [f"{title:<12}{text}" for title, text in rows]
    return "\n".join(lines + _class_lines(facts.class_counts))


def _class_lines(counts: tuple[int, ...]) -> list[str]:
    if not counts:
        return ["classes     none: the items have no labels"]
    if len(counts) > MAX_CLASS_LINES:
        return [f"classes     {summed_up(counts)}"]
    return class_bars([f"class {label}" for label in range(len(counts))], counts)


def class_bars(names: Sequence[str], counts: Sequence[int]) -> list[str]:
    """A line for each class: its name, its count, and a bar, the longest for the largest class."""
    largest = max(1, *counts)
    left = max(12, *(len(name) + 2 for name in names))
    width = len(f"{largest:,}")
    return [
        f"{name:<{left}}{count:>{width},} {'#' * round(BAR_WIDTH * count / largest)}".rstrip()
        for name, count in zip(names, counts, strict=True)
    ]


def summed_up(counts: Sequence[int]) -> str:
    """Very many classes in one line."""
    empty = f", {counts.count(0):,} of them empty" if 0 in counts else ""
    return f"{len(counts):,}, of {min(counts):,} to {max(counts):,} items each{empty}"


def _mean_and_std(items: Tensor) -> tuple[float, float]:
    """In float64, in pieces: a float copy of all pictures would be eight times their size."""
    chunks = torch.split(items, CHUNK_ITEMS)
    mean = sum(float(chunk.sum(dtype=torch.float64)) for chunk in chunks) / items.numel()
    square = sum(float((chunk.to(torch.float64) - mean).square().sum()) for chunk in chunks)
    return mean, (square / items.numel()) ** 0.5


def _constant(items: Tensor) -> int:
    flat = items.flatten(1)
    return int((flat.amin(1) == flat.amax(1)).sum())


def _duplicates(items: Tensor) -> int:
    """Items whose bytes an earlier item has; by their digests, so that no second copy is held."""
    rows = items.contiguous().flatten(1).numpy()
    return len(rows) - len({hashlib.blake2b(row, digest_size=16).digest() for row in rows})
