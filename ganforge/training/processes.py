"""The processes that train one run together, behind one small interface: the identity where there is one.

Each draws the noise, the random numbers and the order of the items of the whole batch, which follow from the seed and
nimg, and takes its rows (``rows``). What they find is summed (``sum``) between the gradient and the step: see
``accumulate``; layers and penalties that look at the whole batch ask for it by ``base.shared_batches``. So all go
through the same weights, to the bit. The first alone writes, and the others wait for it where that takes longer.

``several.py`` has what is done where torchrun started several.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.base.errors import RunError, UserError
from ganforge.base.runtime import choose_device
from ganforge.base.stopping import StopRequest
from ganforge.training.state import TrainingState


class FoundByAllError(RunError):
    """What each process has found, and the first says."""


class Processes:
    """One process. rank: of this one among ``count``, from 0; the first, 0, ``leads``. begun: the folder of the run,
    where torchrun had to start them again and it is there already."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count, self.begun = rank, count, ""

    @property
    def leads(self) -> bool:
        """Is this the process that writes, and speaks for all?"""
        return self.rank == 0

    def device(self, name: str) -> torch.device:
        """Where this process computes. Raises UserError, as ``choose_device``."""
        return choose_device(name)

    def rows(self, numbers: Tensor, share: int) -> Tensor:
        """Of numbers for each item of whole batches, [batches * N, ...], this process's, ``share`` of each part."""
        return numbers

    def sum(self, tensor: Tensor) -> None:
        """As ``base.shared_batches.Sharers``."""

    def meet(self) -> None:
        """Go on when all have come here, however long the first works alone."""

    def from_first(self, make: Callable[[], str]) -> str:
        """What the first process makes, while the others wait for it."""
        return make()

    def stops(self, stop: StopRequest, step: int) -> bool:
        """Has somebody asked any of them to stop? The same answer on each."""
        return bool(stop)

    def any(self, condition: bool, step: int) -> bool:
        """Does it hold on any of them? The same answer on each."""
        return condition

    def note_begun(self, path: Path) -> Path:
        """The folder of the run that the first has made, on all."""
        return path

    def refuse_differences(self, what: str, facts: Callable[[], dict[str, str]]) -> None:
        """Raise RunError where some have other facts than the first, naming them. what: to do, in words."""


ALONE = Processes()


def refuse_uneven(batch_size: int, accumulate: int, processes: Processes) -> None:
    """Raise UserError where processes could not have equal shares of each part of a batch."""
    divisor = accumulate * processes.count
    if batch_size % divisor and processes.count > 1:
        near = [number for number in (batch_size // divisor * divisor, -(-batch_size // divisor) * divisor) if number]
        parts = f", in {accumulate} parts," if accumulate > 1 else ""
        raise UserError(
            f"batch_size = {batch_size} cannot be shared evenly{parts} by {processes.count} processes; choose "
            f"{' or '.join(map(str, near))}, or another number of processes."
        )


def refuse_strangers(processes: Processes, settings: dict[str, Any], fingerprint: str, state: TrainingState) -> None:
    """Raise RunError where processes are about to train from other data, settings or weights than the first."""
    processes.refuse_differences("train", lambda: {"data": fingerprint, "settings": json.dumps(settings)})
    refuse_other_states(processes, state)


def refuse_other_states(processes: Processes, state: TrainingState) -> None:
    """Raise RunError where not all processes have the same weights, moments and statistics, to the bit."""
    processes.refuse_differences(
        f"go on after {state.nimg:,} images", lambda: {"weights": digest(state.tensors().values())}
    )


def digest(tensors: Iterable[Tensor]) -> str:
    """16 hexadecimal digits that other numbers change."""
    found = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
