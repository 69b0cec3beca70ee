"""Several processes that torchrun started for one run: how they find each other, work together, and end together."""

import contextlib
import itertools
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge._version import __version__
from ganforge.base.errors import RunError, UserError
from ganforge.base.launch import Launch, launched, refuse_joined, speaks
from ganforge.base.runtime import choose_device
from ganforge.base.stopping import Stopped, StopRequest, poll
from ganforge.base.terminal import complain, printable
from ganforge.training.heartbeats import Heartbeats, here, patience_sec
from ganforge.training.processes import ALONE, FoundByAllError, Processes

dist: Any = torch.distributed  # whose stores its types leave out
JOIN_SEC = 120.0
"""How long processes wait for each other at the start, and for the first exchange."""
FOR_EVER = timedelta(days=30)
"""Of an exchange: whether the others are still there, the heartbeats know."""
JOINED = itertools.count()
"""How often this process has joined others, as each of them has."""
AGREE_STEPS = 8
"""Whether to stop, and whether a checkpoint is late, is agreed on every so many steps."""


class Several(Processes):
    """Those of a torchrun. An exchange on a CPU ends with RunError, or UserError, where another process has ended."""

    def __init__(self, launch: Launch, heartbeats: Heartbeats, mark: Any) -> None:
        """heartbeats: not started yet. mark: a store that outlives this attempt of torchrun's."""
        super().__init__(launch.rank, launch.count)
        self.local_rank = launch.local_rank
        self.heartbeats, self.mark = heartbeats, mark
        self.control: Any = None
        self.data: Any = None

    def join(self, store: Any, device: torch.device) -> None:
        """Connect all, and try an exchange. Raises RunError where that fails or takes longer than ``JOIN_SEC``."""
        end = time.monotonic() + JOIN_SEC
        while missing := self.heartbeats.missing():
            poll()
            if time.monotonic() > end:
                names = ", ".join(map(str, missing[:8])) + ", ..." * (len(missing) > 8)
                raise RunError(f"Of {self.count} processes those of rank {names} did not come within {JOIN_SEC:g} s.")
            time.sleep(0.05)
        self.heartbeats.start()
        try:
            dist.init_process_group(
                "gloo", store=store, rank=self.rank, world_size=self.count, timeout=timedelta(seconds=JOIN_SEC)
            )
            first = torch.tensor([self.rank + 1])
            dist.all_reduce(first)
            self.control = self.data = dist.new_group(backend="gloo", timeout=FOR_EVER)
            if device.type == "cuda":  # measured nowhere yet
                torch.cuda.set_device(device)
                self.data = dist.new_group(backend="nccl", timeout=timedelta(seconds=10 * JOIN_SEC))
            second = torch.full((1,), self.rank + 1.0, device=device)
            self.sum(second)
        except RuntimeError as error:
            self.heartbeats.check()
            why = str(error).partition("\n")[0]
            raise RunError(f"The {self.count} processes could not be connected: {why}") from error
        if {first.item(), second.item()} != {self.count * (self.count + 1) // 2}:
            raise RunError(f"The {self.count} processes are connected, but their sums are wrong; no run was begun.")

    def device(self, name: str) -> torch.device:
        chosen = choose_device(name)
        if chosen.type == "cpu":
            return chosen
        if chosen.type != "cuda" or name not in ("auto", "cuda"):
            raise UserError(f"The device {name!r} cannot be shared by several processes; give cuda, cpu or auto.")
        if self.local_rank >= (there := torch.cuda.device_count()):
            raise UserError(
                f"There are more processes than GPUs, {there}, on {socket.gethostname()}; start as many as there are "
                "(--nproc-per-node), or use --device cpu."
            )
        return torch.device("cuda", self.local_rank)

    def rows(self, numbers: Tensor, share: int) -> Tensor:
        return numbers.view(-1, self.count, share, *numbers.shape[1:])[:, self.rank].flatten(0, 1)

    def sum(self, tensor: Tensor) -> None:
        if tensor.device.type == "cuda":
            dist.all_reduce(tensor, group=self.data)
        else:
            self._finish(lambda: dist.all_reduce(tensor, group=self.control, async_op=True))

    def meet(self) -> None:
        self._largest(0)

    def from_first(self, make: Callable[[], str]) -> str:
        return self._gathered(make() if self.leads else "")[0]

    def stops(self, stop: StopRequest, step: int) -> bool:
        if step % AGREE_STEPS == 0:
            asked = self._largest(stop.signum)
            if asked:  # what reaches this process alone from here on is agreed upon next time
                stop.signum = stop.signum or asked
            return asked > 0
        return False

    def any(self, condition: bool, step: int) -> bool:
        return step % AGREE_STEPS == 0 and self._largest(int(condition)) > 0

    def note_begun(self, path: Path) -> Path:
        path = Path(self.from_first(lambda: str(path.absolute())))
        if self.leads:
            self.mark.set("run", str(path))
        return path

    def refuse_differences(self, what: str, facts: Callable[[], dict[str, str]]) -> None:
        mine = facts()
        for name, value in mine.items():
            found = self._gathered(value)
            others = [str(rank) for rank, one in enumerate(found) if one != found[0]]
            if others:
                ranks = ", ".join(others[:8]) + ", ..." * (len(others) > 8)
                raise FoundByAllError(f"The processes cannot {what}: rank {ranks} has another {name} than rank 0.")

    def _largest(self, number: int) -> int:
        tensor = torch.tensor([number])
        self._finish(lambda: dist.all_reduce(tensor, dist.ReduceOp.MAX, group=self.control, async_op=True))
        return int(tensor)

    def _gathered(self, text: str) -> list[str]:
        """Each process's, by rank."""
        given = text.encode()
        row = torch.zeros(self._largest(len(given)) + 1, dtype=torch.uint8)
        row[: len(given)] = torch.frombuffer(bytearray(given), dtype=torch.uint8) if given else row[:0]
        rows = [torch.empty_like(row) for _ in range(self.count)]
        self._finish(lambda: dist.all_gather(rows, row, group=self.control, async_op=True))
        return [bytes(one.tolist()).rstrip(b"\0").decode() for one in rows]

    def _finish(self, begin: Callable[[], Any]) -> None:
        """Exchange, looking once a second whether all are still there."""
        work = None
        while True:
            try:
                work = work or begin()
                work.wait(timedelta(seconds=1))
                return
            except RuntimeError as error:
                if work is None or work.is_completed():
                    raise self.heartbeats.explain(error) from error
                self.heartbeats.check()

    def end_with(self, error: BaseException) -> None:
        """Let the others know why this process ends, and end it where what is left to say is said by another."""
        told, rank = self.heartbeats.fault, self.rank  # of another, if any
        text = str(error) if isinstance(error, UserError | RunError | Stopped) else repr(error)
        if told is None:
            of_all = isinstance(error, FoundByAllError) or (self.leads and not isinstance(error, Stopped))
            text = text if of_all else f"The process of rank {rank} ({here()}) has ended: {text}"
            with contextlib.suppress(RuntimeError, MemoryError):  # then the others notice
                self.heartbeats.tell(text, rank, is_users=isinstance(error, UserError))
        if not isinstance(error, UserError | RunError) or (told is None and self.leads):
            return
        # Others may hold connections on which PyTorch would wait at its own end.
        if told is None:
            is_to_say = speaks() if isinstance(error, UserError) else not isinstance(error, FoundByAllError)
        else:
            is_to_say = self.leads or (told.rank == 0 != told.by and (speaks() or rank == 1))
        if is_to_say:
            complain(printable(f"ganforge: {text}"))
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(2 if isinstance(error, UserError) else 1)


@contextlib.contextmanager
def joined(device: str) -> Iterator[Processes]:
    """In the context, the processes that torchrun started are joined: this one alone, where it started none.

    device: as the setting. Raises UserError for what torchrun or the device do not allow, and RunError where the
    processes cannot be connected, or have other versions.
    """
    launch = launched()
    refuse_joined()
    if launch.count == 1:
        yield ALONE
        return
    patience = patience_sec()
    try:
        store, _, _ = next(dist.rendezvous("env://", timeout=timedelta(seconds=JOIN_SEC)))
        beside = dist.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
    except (RuntimeError, ValueError) as error:
        place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise UserError(f"{place} cannot be reached: {str(error).partition(chr(10))[0]}") from None
    restarts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    attempt = f"ganforge/{restarts}/{next(JOINED)}"
    heartbeats = Heartbeats(dist.PrefixStore(attempt, beside), launch, patience)
    several = Several(launch, heartbeats, dist.PrefixStore("ganforge", store))
    try:
        several.join(dist.PrefixStore(f"{attempt}/group", store), several.device(device))
        several.refuse_differences("work", lambda: {"ganforge": __version__, "PyTorch": torch.__version__})
        if restarts != "0" and several.mark.check(["run"]):
            several.begun = several.mark.get("run").decode()
        yield several
        several.meet()
    except BaseException as error:
        several.end_with(error)
        raise
    finally:
        heartbeats.end()
    dist.destroy_process_group()
