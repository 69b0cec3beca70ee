"""How processes that train together notice that one is gone, and which: each says now and then that it is there.

A process that is killed breaks its connections, one that is stopped or cut off does not; and of neither does PyTorch
say which it was. So a thread beside the training writes beats into the store that torchrun keeps, and looks at those of
others: the first process at all, all at the first. The first fault that is found, or that a process tells of itself
before it ends, is what all of them end with.
"""

import contextlib
import json
import math
import os
import platform
import threading
import time
from dataclasses import dataclass
from typing import Any

from ganforge.base.errors import RunError, UserError
from ganforge.base.launch import Launch

PATIENCE = "GANFORGE_PATIENCE_SEC"
"""The environment variable that sets another patience."""
USUAL_PATIENCE_SEC = 30.0


@dataclass(frozen=True)
class Fault:
    """text: a sentence. rank, by: of the processes that it is about, and that found it. is_users: is something given
    wrong?"""

    text: str
    rank: int
    by: int
    is_users: bool = False

    def error(self) -> UserError | RunError:
        return UserError(self.text) if self.is_users else RunError(self.text)


def here() -> str:
    """This process, for people."""
    return f"pid {os.getpid()} on {platform.node()}"


def patience_sec() -> float:
    """For how long a process may be silent. Raises UserError where the variable is no number."""
    text = os.environ.get(PATIENCE, "") or str(USUAL_PATIENCE_SEC)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds <= 86_400:
        raise UserError(f"{PATIENCE} is {text!r}; give seconds from 1 to 86400, such as 30.")
    return seconds


class Heartbeats(threading.Thread):
    """This process's beats, and what is known of the others'."""

    def __init__(self, store: Any, launch: Launch, patience: float) -> None:
        """store: torch.distributed's, of this thread's own, as asking may take long."""
        super().__init__(daemon=True)
        self.store, self.launch, self.patience = store, launch, patience
        self.beat_sec = min(1.0, patience / 10)
        self.hurried = False  # a connection has broken: whoever is silent for a few beats is gone
        self.fault: Fault | None = None
        self.ended = threading.Event()
        self.looked = time.monotonic()
        self.beats: dict[int, bytes] = {}
        self.changed: dict[int, float] = {}
        self.say_here(0)

    def say_here(self, number: int) -> None:
        self.store.set(f"beat/{self.launch.rank}", f"{here()}/{number}")

    def run(self) -> None:
        number = 0
        while not self.ended.wait(self.beat_sec):
            with contextlib.suppress(RuntimeError):  # the store cannot be asked: ``check`` sees how long
                self.say_here(number := number + 1)
                self.look()

    def look(self) -> None:
        """Once at the faults and at the beats of those whom this process watches."""
        if self.fault is None and self.store.check(["fault"]):
            self.fault = Fault(**json.loads(self.store.get("fault")))
        if self.hurried:
            self.store.set("hurried", "yes")
        self.hurried = self.hurried or self.store.check(["hurried"])
        others = range(1, self.launch.count) if self.launch.rank == 0 else range(1)
        keys = [f"beat/{rank}" for rank in others]
        beats = self.store.multi_get(keys) if self.store.check(keys) else []
        now = self.looked = time.monotonic()
        for rank, beat in zip(others, beats, strict=False):
            if self.beats.get(rank) != beat:
                self.beats[rank], self.changed[rank] = beat, now
        limit = 4 * self.beat_sec if self.hurried else self.patience
        if self.changed and now - self.changed[rank := min(self.changed, key=lambda one: self.changed[one])] > limit:
            who = self.beats[rank].decode().rpartition("/")[0]
            self.tell(
                f"The process of rank {rank} ({who}) has not been heard of for {now - self.changed[rank]:.0f} s: it "
                "was killed, stopped or cut off, and the others end, too. What was saved before is whole: go on with "
                "`ganforge resume`",
                rank,
            )

    def tell(self, text: str, rank: int, *, is_users: bool = False) -> None:
        """Let all know of a fault, if it is the first."""
        found = {"text": text, "rank": rank, "by": self.launch.rank, "is_users": is_users}
        self.fault = self.fault or Fault(**json.loads(self.store.compare_set("fault", "", json.dumps(found))))

    def check(self) -> None:
        """Raise what the processes end with, if there is such a thing: UserError or RunError."""
        if self.fault is None and time.monotonic() - self.looked > self.patience + 2 * self.beat_sec:
            place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
            text = f"{place}, where the processes hear of each other, has not answered for {self.patience:g} s"
            self.fault = Fault(text, 0, self.launch.rank)
        if self.fault is not None:
            raise self.fault.error()

    def explain(self, error: Exception) -> RunError:
        """A connection broke: wait until it is known whose. Raises UserError or RunError where it is."""
        self.hurried = True
        end = time.monotonic() + 12 * self.beat_sec
        while time.monotonic() < end:
            self.check()
            time.sleep(self.beat_sec / 10)
        why = str(error).partition("\n")[0]
        self.fault = Fault(f"The processes have lost their connection: {why}", 0, self.launch.rank)
        return RunError(self.fault.text)

    def missing(self) -> list[int]:
        """Who has not said yet that it is there."""
        return [rank for rank in range(self.launch.count) if not self.store.check([f"beat/{rank}"])]

    def end(self) -> None:
        self.ended.set()
        self.join(2 * self.beat_sec)
