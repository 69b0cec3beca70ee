"""Many pictures into files: made batch by batch and encoded by all cores, gone on with after an interruption."""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Semaphore
from typing import Any, NamedTuple, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.given import shown as shown_value
from ganforge.base.stopping import Stopped, poll
from ganforge.base.terminal import complain, printable
from ganforge.data.prepared.progress_bar import shown
from ganforge.data.prepared.workers import usual_workers
from ganforge.sampling.into_archive import IntoShards, IntoZip
from ganforge.sampling.into_arrays import IntoArrays
from ganforge.sampling.into_folder import IntoFolder
from ganforge.sampling.picture_plan import Plan

AHEAD = 2
"""Batches that wait, for each core: the most that is held."""
MAKERS = 4
"""Batches that are generated at once on a CPU, each by an equal share of the cores: G's own threads wait for each other
after every layer, and whole batches do not. More would take more memory."""
ENDINGS: dict[str, Callable[[Path, Plan], "Target"]] = {".zip": IntoZip, ".npz": IntoArrays, ".tar": IntoShards}


class Making(NamedTuple):
    """batch_size: rows of a batch. at_once: batches that may be generated at the same time."""

    batch_size: int
    at_once: int = 1


class Target(Protocol):
    """Where pictures go. written: what is there in the end."""

    written: list[Path]

    def begin(self) -> int:
        """How many rows of the plan are there already, from the first on."""

    def work(self, first: int, items: NDArray[Any]) -> Any:
        """Rows from ``first`` on, [n, *shape], made ready; in any thread, in any order."""

    def add(self, piece: Any) -> None:
        """What ``work`` made ready, in the order of the rows."""

    def finish(self) -> None:
        """All rows are there."""

    def close(self) -> None:
        """No more rows now; what is there stays, to go on from."""


def out_given(out: object) -> Path:
    """A path. Raises UserError for anything else."""
    if not isinstance(out, str | os.PathLike) or not str(out) or "\0" in str(out):
        raise UserError(f"The place for the pictures must be given as a path, not {shown_value(out)}.")
    return Path(out)


def target_for(out: object, plan: Plan) -> Target:
    """Raises UserError where the pictures cannot go there."""
    path, points = out_given(out), len(plan.shape) == 1
    is_folder = str(out).endswith(("/", os.sep)) or not path.suffix or path.is_dir()
    if not is_folder and path.suffix.lower() not in ENDINGS:
        raise UserError(
            f"Pictures are saved into a FOLDER/, or a .zip, .npz or .tar file, and {path} is none of these."
        )
    kind = IntoFolder if is_folder else ENDINGS[path.suffix.lower()]
    if points and kind is not IntoArrays:
        raise UserError("This model makes points, not pictures; save them with a name that ends in .npz.")
    if not len(plan):
        raise UserError("No seed is given; give one or more, such as 0-63.")
    plan.refuse_repeated()
    return kind(path, plan)


def save_pictures(out: object, plan: Plan, rows: Callable[[slice], Tensor], making: Making) -> list[Path]:
    """Save the plan's pictures; returns what was written. rows: gives the items of these rows, in any thread.

    The same call goes on where an earlier one was stopped or killed, to the same bytes. A request to stop is met
    between batches (``base.stopping``). Raises UserError as ``target_for``, where others lie there, and where they
    cannot be written.
    """
    then = "choose another --out"
    try:
        target = target_for(out, plan)
        try:
            done = target.begin()
            then = "what was written before stays, and the same command goes on from there"
            _save(target, plan, done, rows, making)
        finally:
            target.close()
    except OSError as error:
        raise UserError(f"The pictures cannot be written: {reason(error)}; {then}.") from None
    if done == len(plan):
        complain(printable(f"All {done:,} pictures were there already."))
    return target.written


def _save(target: Target, plan: Plan, done: int, rows: Callable[[slice], Tensor], making: Making) -> None:
    if 0 < done < len(plan):
        complain(f"{done:,} of {len(plan):,} pictures are there already; going on.")
    workers, waiting, row = usual_workers(), deque[Future[Any]](), done
    turn = Semaphore(making.at_once)

    def ready(part: slice) -> Any:
        with turn:
            items = rows(part)
        return target.work(part.start, items.numpy())

    try:
        with (
            shared_threads(min(workers, making.at_once)),
            ThreadPoolExecutor(workers) as pool,
            shown(len(plan), "saving") as tell,
        ):
            while row < len(plan):
                poll()
                part = slice(row, min(row + making.batch_size, len(plan)))
                waiting.append(pool.submit(ready, part))
                row = part.stop
                if len(waiting) > AHEAD * workers:
                    target.add(waiting.popleft().result())
                tell(row)
        _drain(target, waiting)
    except Stopped:
        _drain(target, waiting)
        complain(f"{row:,} of {len(plan):,} pictures are saved; the same command goes on from there.")
        raise
    target.finish()


@contextlib.contextmanager
def shared_threads(count: int) -> Iterator[None]:
    """Within, threads that begin have an equal share of PyTorch's own threads each, of ``count``."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // count))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _drain(target: Target, waiting: deque[Future[Any]]) -> None:
    while waiting:
        target.add(waiting.popleft().result())
