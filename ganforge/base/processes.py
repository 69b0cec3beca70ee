"""One process, one run: where several were started together, nothing is begun that they would fight for."""

import os
import sys

from ganforge.base.errors import UserError

SIZES = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""Environment variables in which torchrun and the starters of MPI say how many processes there are."""


def refuse_several_processes() -> None:
    """Raise UserError where this process is one of several that were started together. Loads no PyTorch."""
    for name in SIZES:
        size = os.environ.get(name, "")
        if size.isdecimal() and int(size) > 1:
            raise UserError(
                f"{name} is {size}, so {size} processes were started together, and ganforge works in one as yet: start "
                f"it without torchrun or mpirun (or, if the variable is a leftover, with `env -u {name}` before it)."
            )
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        size = distributed.get_world_size()
        if size > 1:
            raise UserError(
                f"torch.distributed has joined {size} processes, and ganforge works in one as yet; start it outside of "
                "the process group."
            )
