"""The items that a generator is judged by, from noise and classes that are the same at every time, and what extractors
see of them. Where several processes judge, each makes and looks at its share, and all learn what all have seen."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.images import to_uint8
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.base.shared_batches import Sharers
from ganforge.data.dataset import Dataset
from ganforge.metrics.features import Extractor, Outputs, build_extractor

CHUNK = 512
"""Items that are made at once."""
Parts = Sequence[tuple[int, int]]
"""Chunks of a number of items: which, and of how many items each is."""


@dataclass(frozen=True)
class Task:
    """What there is to look at. extractors: name -> hash. count: items in all. kept: the first so many of them are
    wanted themselves, too."""

    extractors: Mapping[str, str]
    count: int
    kept: int


def helpers(task: Task, dataset: Dataset, device: torch.device, inception_file: Path | None = None) -> list[Extractor]:
    """A process's own extractors for a task of the first one's. Raises UserError where they are others, or cannot be
    had; else as ``build_extractor``."""
    found = [build_extractor(name, dataset.shape, device, inception_file, dataset) for name in task.extractors]
    for extractor in found:
        if extractor.hash != task.extractors[extractor.name]:
            raise UserError(f"The {extractor.name} extractor has other weights than that of rank 0; give all the same.")
    return found


def shares(count: int, sharers: Sharers | None = None) -> Parts:
    """The chunks of ``count`` items that are this process's: every n-th of n processes. All have equally many, as those
    have the last one, too, for which none is left."""
    rank, processes = (0, 1) if sharers is None else (sharers.rank, sharers.count)
    chunks = -(-count // CHUNK)
    turns = -(-chunks // processes)
    own = [min(turn * processes + rank, chunks - 1) for turn in range(turns)]
    return [(index, min(CHUNK, count - index * CHUNK)) for index in own]


def fakes_in_chunks(
    make: Callable[[Tensor, Tensor | None], Tensor], dataset: Dataset, parts: Parts, *,
    noise: str, z_dim: int, num_classes: int, seed: int, purpose: str,
) -> Iterator[Tensor]:  # fmt: skip
    """The items of ``shares``, chunk by chunk: pictures as uint8 [N, C, H, W], points as they are.

    make: z [N, z_dim], and labels int64 [N] where there are classes -> items, float [N, *shape].
    dataset: the real items; of each class, items come as often as these have it.
    num_classes: that G is told; 0 for one that is told none.
    seed, purpose: of the noise and the classes.
    """
    for index, size in parts:
        z = draw_z(noise, size, z_dim, generator(seed, f"{purpose}/z", index))
        labels = None
        if num_classes:
            labels = labels_of(dataset, index, size, num_classes=num_classes, seed=seed, purpose=purpose)
        items = make(z, labels)
        yield to_uint8(items) if items.dim() == 4 else items


def labels_of(dataset: Dataset, index: int, size: int, *, num_classes: int, seed: int, purpose: str) -> Tensor:
    """The classes that a chunk's items are made for, int64 [size]."""
    return dataset.draw_labels(size, num_classes, generator(seed, f"{purpose}/labels", index))


def asked_classes(dataset: Dataset, count: int, *, num_classes: int, seed: int, purpose: str) -> Tensor | None:
    """The classes that all the items are made for, int64 [count]; None where G is not told those of the data."""
    if not num_classes or num_classes != dataset.num_classes or dataset.labels is None:
        return None
    parts = shares(count)
    asked = [labels_of(dataset, *part, num_classes=num_classes, seed=seed, purpose=purpose) for part in parts]
    return torch.cat(asked)


def looked_at(
    task: Task, extractors: Sequence[Extractor], chunks: Iterable[Tensor], sharers: Sharers | None = None
) -> Iterator[tuple[Tensor, list[Outputs]]]:
    """The items, and what each extractor sees of them, chunk by chunk, in the order of the whole, the same on each
    process. Of items that the task does not keep there are none where several share it.

    chunks: uint8 [N, C, H, W], or points float32 [N, 2]; with sharers, those of this process's ``shares``.
    """
    if sharers is None or sharers.count == 1:
        for items in chunks:
            yield items, [extractor.extract(items) for extractor in extractors]
        return
    total = -(-task.count // CHUNK)
    for first, items in zip(range(0, total, sharers.count), chunks, strict=True):
        there = min(sharers.count, total - first)
        kept = max(0, min(there, -(-task.kept // CHUNK) - first))
        pictures = _of_first(items, kept, sharers)
        seen = [[_of_first(one, there, sharers) for one in extractor.extract(items)] for extractor in extractors]
        for at in range(there):
            size = min(CHUNK, task.count - (first + at) * CHUNK)
            outputs = [(one[0][at, :size], one[1][at, :size] if len(one[1]) else None) for one in seen]
            yield pictures[at, :size] if at < kept else items[:0], outputs


def _of_first(rows: Tensor | None, count: int, sharers: Sharers) -> Tensor:
    """[count, CHUNK, ...] on the CPU: what the first ``count`` processes have, with zeros after each one's rows."""
    if rows is None or not count:
        return torch.empty(0)
    placed = torch.zeros(count, CHUNK, *rows.shape[1:], dtype=rows.dtype)
    if sharers.rank < count:
        placed[sharers.rank, : len(rows)] = rows.cpu()
    sharers.sum(placed)
    return placed
