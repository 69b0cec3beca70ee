"""In which order pictures of many shards are shown: a written rule, so that any batch can be had on its own.

In each epoch the shards are put in an order drawn by the seed, and their pictures follow in the shards' own order; this
sequence is cut into windows of so many pictures, and the pictures of each window are put in an order drawn by the seed.
So an epoch shows each picture once, and a batch needs only the shards in which its window lies. Where one window holds
all pictures, the shards stay in their order, and the order of pictures is that of ``Batches``.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ganforge.base.seeding import generator


class ShuffleOrder:
    """Position p of the stream shows picture ``places(p, 1)``, counted over all shards in their own order; with
    ``mirror``, count + i is picture i mirrored, and an epoch shows both."""

    def __init__(self, counts: Sequence[int], window: int, seed: int, purpose: str = "shuffle", mirror: bool = False):
        """counts: of pictures in each shard, all together 1 or more. window: in pictures, 1 or more."""
        self._counts = torch.tensor(counts, dtype=torch.int64)
        self.count = int(self._counts.sum())
        self._window, self._twice = min(window, self.count), 2 if mirror else 1
        self._windows = -(-self.count // self._window)
        self._seed, self._purpose = seed, purpose
        self._firsts = self._counts.cumsum(0) - self._counts
        self._shards = lru_cache(maxsize=2)(self._draw_shards)
        self._permutation = lru_cache(maxsize=3)(self._draw_permutation)

    def places(self, nimg: int, missing: int) -> Tensor:
        """int64 [missing]: what positions nimg, nimg + 1, ... show. Raises ValueError for a negative nimg."""
        if nimg < 0:
            raise ValueError(f"the stream starts at 0, not at {nimg}")
        parts: list[Tensor] = []
        while missing > 0:
            epoch, within = divmod(nimg, self.count * self._twice)
            window, start = divmod(within, self._window * self._twice)
            parts.append(self._window_places(epoch, window, start, missing))
            missing, nimg = missing - len(parts[-1]), nimg + len(parts[-1])
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def shards_at(self, nimg: int) -> list[int]:
        """The shards in which the window lies that position ``nimg`` belongs to, and those of the next window."""
        epoch, within = divmod(nimg, self.count * self._twice)
        window = within // (self._window * self._twice)
        found = self._shards_of(epoch, window)
        after = (epoch, window + 1) if window + 1 < self._windows else (epoch + 1, 0)
        return list(dict.fromkeys(found + self._shards_of(*after)))

    def _shards_of(self, epoch: int, window: int) -> list[int]:
        order, starts = self._shards(epoch)
        ends = starts + self._counts[order]
        begin, end = window * self._window, min((window + 1) * self._window, self.count)
        return [int(shard) for shard in order[(starts < end) & (ends > begin)]]

    def _window_places(self, epoch: int, window: int, start: int, most: int) -> Tensor:
        begin, size = window * self._window, min(self._window, self.count - window * self._window)
        drawn = self._permutation(epoch, window, size)[start : start + most]
        at = begin + drawn % size
        order, starts = self._shards(epoch)
        which = torch.searchsorted(starts, at, right=True) - 1
        return self._firsts[order[which]] + at - starts[which] + (drawn >= size) * self.count

    def _draw_shards(self, epoch: int) -> tuple[Tensor, Tensor]:
        """The shards that hold any, in their order, and where each begins in the sequence."""
        order = torch.arange(len(self._counts))
        if self._windows > 1:
            order = torch.randperm(len(order), generator=generator(self._seed, f"{self._purpose}/shards", epoch))
        order = order[self._counts[order] > 0]
        counts = self._counts[order]
        return order, counts.cumsum(0) - counts

    def _draw_permutation(self, epoch: int, window: int, size: int) -> Tensor:
        purpose, index = f"{self._purpose}/window", epoch * self._windows + window
        if self._windows == 1:
            purpose, index = self._purpose, epoch
        return torch.randperm(size * self._twice, generator=generator(self._seed, purpose, index))
