"""Several processes that were started together, by torchrun: who this one is. Loads no PyTorch."""

import os
import sys
from dataclasses import dataclass

from ganforge.base.errors import UserError

SIZES = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""Environment variables in which torchrun and the starters of MPI say how many processes there are."""
TOLD = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun tells each process beside."""


@dataclass(frozen=True)
class Launch:
    """rank: of this process, from 0, among ``count``. local_rank: among those of its machine."""

    rank: int = 0
    count: int = 1
    local_rank: int = 0


def launched() -> Launch:
    """Who this process is. Raises UserError where several were started otherwise than by torchrun."""
    count = _number("WORLD_SIZE")
    for name in SIZES[1:]:
        if count < 2 <= (size := _number(name)):
            raise UserError(f"{name} is {size}, so {size} processes were started together, but not by torchrun; {_BY}.")
    if count < 2:
        return Launch()
    if missing := [name for name in TOLD if not os.environ.get(name)]:
        raise UserError(
            f"WORLD_SIZE is {count}, so {count} processes were started together, but {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set; {_BY}, or, if the variable is a leftover, put "
            "`env -u WORLD_SIZE` before the command."
        )
    return Launch(_number("RANK"), count, _number("LOCAL_RANK"))


_BY = "start them by `torchrun --nproc-per-node N -m ganforge train ...`"


def speaks() -> bool:
    """Is this the process that says for all of its machine what is wrong with what was given?"""
    return _number("WORLD_SIZE") < 2 or not _number("LOCAL_RANK")


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else 0


def refuse_several_processes() -> None:
    """Raise UserError where this process is one of several that were started together, for what works in one."""
    for name in SIZES:
        if (size := _number(name)) > 1:
            raise UserError(
                f"{name} is {size}, so {size} processes were started together, and only train, resume and evaluate "
                f"work in several: start this without torchrun or mpirun (or, if the variable is a leftover, with "
                f"`env -u {name}` before it)."
            )
    refuse_joined()


def refuse_joined() -> None:
    """Raise UserError where the program that calls ganforge has joined several processes by itself."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        size = distributed.get_world_size()
        if size > 1:
            raise UserError(
                f"torch.distributed has joined {size} processes already, and ganforge does that by itself; start it "
                "outside of the process group."
            )
