"""Batches of pictures of shards, addressed as ``Batches`` are, and decoded by other processes before they are due."""

import queue
import tempfile
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganforge.base.in_threads import join_all
from ganforge.base.runtime import send
from ganforge.base.stopping import POLL_EVERY_S, poll, polled_by
from ganforge.data.prepared.workers import usual_workers
from ganforge.data.settings import WINDOW
from ganforge.data.shards.place_reader import PlaceReader
from ganforge.data.shards.shard_index import Rows
from ganforge.data.shards.shard_pictures import ShardPictures
from ganforge.data.shards.shuffle_order import ShuffleOrder

AHEAD = 2
"""So many batches are made before they are due, for each process that decodes."""
Taken = tuple[NDArray[np.uint8], Rows]
Pending = dict[object, tuple[Future[Taken], Tensor]]
Job = tuple[Future[Taken], Rows]
Jobs = queue.SimpleQueue[Job | None]


class StreamedBatches:
    """See ``Batches``, whose arguments and answers these are; the order is that of ``ShuffleOrder``."""

    def __init__(
        self, pictures: ShardPictures, batch_size: int, seed: int, device: torch.device | str = "cpu",
        purpose: str = "shuffle", mirror: bool = False, window: int = WINDOW,
    ) -> None:  # fmt: skip
        self.batch_size = batch_size
        self._pictures, self._device = pictures, torch.device(device)
        self._order = ShuffleOrder(pictures.counts.tolist(), window, seed, purpose, mirror)
        self._decoders = Decoders(pictures, usual_workers())
        self._pending: Pending = {}
        self._finalizer = weakref.finalize(self, self._decoders.close)

    def __call__(
        self, nimg: int, count: int = 1, chosen: Callable[[Tensor], Tensor] = lambda places: places
    ) -> tuple[Tensor, Tensor | None]:
        """As ``Batches.__call__``. Raises RunError, too, where more has been lost than may be."""
        size = count * self.batch_size
        pending: Pending = {}
        for at in range(nimg, nimg + (AHEAD * self._decoders.count + 1) * size, size):
            key = at, count, chosen
            known = key in self._pending
            pending[key] = self._pending.pop(key) if known else self._begin(chosen(self._order.places(at, size)))
        for future, _ in self._pending.values():
            future.cancel()
        self._pending = pending
        self._pictures.expect(self._order.shards_at(nimg))
        future, places = pending.pop((nimg, count, chosen))
        pixels, found = self._result(future)
        items, labels = torch.from_numpy(pixels), self._pictures.labels(found)
        if (mirrored := places >= self._pictures.count).any():
            items = torch.where(mirrored.view(-1, 1, 1, 1), items.flip(3), items)
        told = None if labels is None else send(torch.from_numpy(labels), self._device)
        return send(items, self._device), told

    def close(self) -> None:
        """End the processes."""
        self._finalizer()

    def _begin(self, places: Tensor) -> tuple[Future[Taken], Tensor]:
        return self._decoders.submit(places.numpy() % self._pictures.count), places

    def _result(self, future: Future[Taken]) -> Taken:
        while True:
            is_done = wait([future], timeout=POLL_EVERY_S).done
            for line in self._pictures.news():
                self._pictures.say(line)
            if is_done:
                return future.result()
            poll()


class Decoders:
    """Threads, each with a process that decodes for it."""

    def __init__(self, pictures: ShardPictures, count: int) -> None:
        self.count = count
        self._jobs: Jobs = queue.SimpleQueue()
        self._halted = threading.Event()
        arguments = (self._jobs, self._halted, pictures)
        self._threads = [threading.Thread(target=_work, args=arguments, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, places: Rows) -> Future[Taken]:
        future: Future[Taken] = Future()
        self._jobs.put((future, places))
        return future

    def close(self) -> None:
        self._halted.set()
        for _ in self._threads:
            self._jobs.put(None)
        join_all(self._threads)


class _Halt(Exception):  # noqa: N818 - a request that was met, not an error
    """Nobody waits for it any more."""


def _work(jobs: Jobs, halted: threading.Event, pictures: ShardPictures) -> None:
    """A thread's life; a process is started with the first job."""

    def halt() -> None:
        if halted.is_set():
            raise _Halt

    reader: PlaceReader | None = None
    with tempfile.TemporaryDirectory(prefix="ganforge-") as folder, polled_by(halt):
        file = Path(folder) / "rows.u8"
        file.touch()
        while (job := jobs.get()) is not None:
            future, places = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                reader = reader or PlaceReader(pictures.index.name, pictures.span)
                future.set_result(pictures.take(places, reader, file))
            except BaseException as error:  # whoever waits raises it
                future.set_exception(error)
        if reader is not None:
            reader.close()
