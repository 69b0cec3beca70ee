"""What a run learns from: pictures as bytes, or points in the plane."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ganforge.base.sizes import is_point
from ganforge.data.shards.shard_pictures import ShardPictures


@dataclass(frozen=True)
class Mixture:
    """The known modes of a 2-D Gaussian mixture, in the coordinates of ``Dataset.items``.

    centers: float32 [modes, 2]. std: standard deviation of each mode along each axis.
    """

    centers: Tensor
    std: float


@dataclass(frozen=True)
class Dataset:
    """Items to learn from, in memory or in a file that is mapped into it.

    name: as the user asked for it. source: where the items came from, for people to read.
    items: pictures, uint8 [N, C, H, W], or points, float32 [N, 2] within about [-1, 1].
    labels: int64 [N] in [0, num_classes), or None. num_classes: 0 where there are no labels.
    mixture: the modes the points were drawn from; None for pictures.
    labels_from: where the labels came from, for people. notes: lines about the data that people should see once.
    digest: the fingerprint, where it is known already. release: where the items are mapped from a file, gives the
    memory of what was looked at back to the system. has_test_split: of anybody's pictures: is part of them held out?
    class_names: the classes' names in the order of their numbers, or empty where they have none but those.
    no_labels: why there are no labels, where somebody might expect some. names: what the items in these rows are called
    in their source; None where they have no names, or these cannot be had. held_out: items of the same source that were
    set aside, and are not among these; None where none were. range: the numbers in the files that became 0 and 255,
    where that was asked for. copies: how many equal another one, and of how many, where that was counted already.
    shards: what is learned from, where that is read in place; the items are then those of it that are looked at beside
    training.
    """

    name: str
    source: str
    items: Tensor
    labels: Tensor | None = None
    num_classes: int = 0
    mixture: Mixture | None = None
    labels_from: str = ""
    notes: tuple[str, ...] = ()
    digest: str = ""
    release: Callable[[], None] | None = None
    has_test_split: bool = False
    class_names: tuple[str, ...] = ()
    no_labels: str = ""
    names: Callable[[Sequence[int]], list[str] | None] | None = None
    held_out: "Dataset | None" = None
    range: tuple[float, float] | None = None
    copies: tuple[int, int] | None = None
    shards: ShardPictures | None = None

    @property
    def count(self) -> int:
        """How many items there are to learn from: of shards, more than ``items`` holds."""
        return len(self) if self.shards is None else self.shards.count

    def __len__(self) -> int:
        return len(self.items)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (C, H, W) for pictures, (2,) for points."""
        return tuple(self.items.shape[1:])

    @property
    def is_points(self) -> bool:
        return is_point(self.shape)

    def first(self, max_images: int | None) -> "Dataset":
        """The first ``max_images`` items (all of them for None, or where there are no more)."""
        if max_images is None or max_images >= len(self):
            return self
        labels = None if self.labels is None else self.labels[:max_images]
        return replace(self, items=self.items[:max_images], labels=labels, digest="", copies=None)

    def name_items(self, rows: Sequence[int]) -> list[str]:
        """What the items in these rows are called, for people: the names of their files, or else picture 98."""
        found = self.names(rows) if self.names is not None else None
        return found or [f"picture {row:,}" for row in rows]

    def draw_labels(self, count: int, num_classes: int, generator: torch.Generator) -> Tensor:
        """Labels int64 [count] for a G of ``num_classes`` classes, on the CPU: those of items drawn at random, so that
        a class is as frequent as here; all classes alike where these items have others or none.

        So are conditional generators judged by the code of StyleGAN2-ADA (Karras et al. 2020, arXiv:2006.06676).
        """
        if self.labels is None or self.num_classes != num_classes:
            return torch.randint(num_classes, (count,), generator=generator)
        return self.labels[torch.randint(len(self), (count,), generator=generator)]

    def fingerprint(self) -> str:
        """SHA-256 of the items' shape, type and bytes: equal for equal data, wherever it was read from."""
        return self.digest or self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.items.dtype} {tuple(self.items.shape)}".encode())
        digest.update(self.items.contiguous().view(torch.uint8).numpy().data)
        if self.release is not None:
            self.release()
        return digest.hexdigest()
