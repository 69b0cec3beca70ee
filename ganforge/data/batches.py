"""Endless shuffled batches, addressed by how many items came before: any one can be had on its own."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from ganforge.base.runtime import send
from ganforge.base.seeding import generator
from ganforge.data.dataset import Dataset

RESIDENT_BYTES = 2 << 30  # data sets up to this size are copied to a GPU once, larger ones batch by batch
MAPPED_BYTES = 32 << 20
"""Of items that are mapped from a file, so much memory is taken before it is given back to the system, at most."""
PAGES_AROUND = 64 << 10
"""Looking at a mapped item takes as much memory as it is long, and up to so much around it (Linux's fault_around)."""


class Batches:
    """A stream of items in which every epoch is a fresh permutation of the whole data set.

    Position p of the stream holds item ``permutation(seed, p // N)[p % N]``, so that a batch is a pure
    function of where it starts: nothing has to be saved or replayed to go on from the middle. With ``mirror``, the
    stream is over 2 N items, and item N + i is item i mirrored.
    """

    def __init__(
        self, dataset: Dataset, batch_size: int, seed: int, device: torch.device | str = "cpu",
        purpose: str = "shuffle", mirror: bool = False,
    ) -> None:  # fmt: skip
        """purpose: streams of another purpose are in another order. mirror: pictures only. Raises ValueError for an
        empty data set or a batch size below 1."""
        if len(dataset) == 0 or batch_size < 1:
            raise ValueError(f"batches of {batch_size} from {len(dataset)} items")
        self.batch_size = batch_size
        self._size, self._mirror = len(dataset), mirror
        self._count = 2 * self._size if mirror else self._size
        self._seed, self._purpose = seed, purpose
        self._device = torch.device(device)
        items = dataset.items
        fits = items.numel() * items.element_size() <= RESIDENT_BYTES
        self._home = self._device if fits else torch.device("cpu")
        self._items = items.contiguous().to(self._home)
        self._release = dataset.release if self._home.type == "cpu" else None
        self._looked_at, self._item_bytes = 0, items[0].numel() * items.element_size() + PAGES_AROUND
        if dataset.release is not None:
            dataset.release()  # what a copy to the device has looked at
        self._labels = None if dataset.labels is None else dataset.labels.to(self._home)
        self._permutation = lru_cache(maxsize=2)(self._draw_permutation)

    def __call__(
        self, nimg: int, count: int = 1, chosen: Callable[[Tensor], Tensor] = lambda places: places
    ) -> tuple[Tensor, Tensor | None]:
        """The batch at stream positions nimg to nimg + batch_size - 1, and its labels, on the device.

        nimg: 0 or more. count: of batches, one after the other in one tensor. chosen: takes those of the places whose
        items are wanted, [count * batch_size] -> [M]; all, if nothing is said. Items come as they are in the data set
        (uint8 pictures, float32 points), [count * batch_size, ...]; labels int64 [count * batch_size], None where there
        are none. A batch may reach over the end of an epoch, or over several. Raises ValueError for a negative nimg.
        """
        places = chosen(self._rows(nimg, count * self.batch_size))
        rows = places % self._size if self._mirror else places
        labels = None if self._labels is None else send(self._labels.index_select(0, rows), self._device)
        items = self._items.index_select(0, rows)
        self._give_back(len(places))
        if self._mirror:
            mirrored = (places >= self._size).view(-1, 1, 1, 1)
            items = torch.where(mirrored, items.flip(3), items)
        return send(items, self._device), labels

    def _rows(self, nimg: int, missing: int) -> Tensor:
        if nimg < 0:
            raise ValueError(f"the stream starts at 0, not at {nimg}")
        epoch, start = divmod(nimg, self._count)
        parts: list[Tensor] = []
        while missing > 0:
            parts.append(self._permutation(epoch)[start : start + missing])
            missing -= len(parts[-1])
            epoch, start = epoch + 1, 0
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _give_back(self, count: int) -> None:
        """Pages of a mapped file count as this process's memory until it lets go of them; the system keeps them as long
        as it has room, so that looking again is no reading from the disk."""
        if self._release is None:
            return
        self._looked_at += count * self._item_bytes
        if self._looked_at > MAPPED_BYTES:
            self._release()
            self._looked_at = 0

    def _draw_permutation(self, epoch: int) -> Tensor:
        rows = torch.randperm(self._count, generator=generator(self._seed, self._purpose, epoch))
        return rows.to(self._home)
