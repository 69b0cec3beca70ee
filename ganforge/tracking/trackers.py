"""The trackers of one training, seen from it: a process each, which is started, looked at, and let go."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import ganforge
from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.stopping import StopRequest
from ganforge.run.folder import RunFolder
from ganforge.tracking.catalog import TRACKERS
from ganforge.tracking.taken import KINDS, Taken, newest, read_taken
from ganforge.tracking.worker import CLOSE_SEC, RETRY_SEC

HANG_SEC = 120.0
"""A tracker that has taken nothing for so long, though there is something, is said to hang."""
END_SEC, STOP_SEC = 10.0, 0.3
"""So long the end of a run, or a stop, waits for its trackers."""
PROGRAM = ("-m", "ganforge.tracking.worker")
LET_GO: "list[subprocess.Popen[bytes]]" = []
"""Those that were still closing when their training ended."""


class Following:
    """One tracker's process."""

    def __init__(self, folder: RunFolder, name: str, there: dict[str, int]) -> None:
        """there: of each kind, the newest that the run has. Raises OSError."""
        before = read_taken(folder, name)
        self.folder, self.name, self.session = folder, name, before.session + 1
        self.upto, self.expected, self.moved = before.upto, -1, time.monotonic()
        self.warned = self.shown = False
        self.process = start_process([str(folder.path), name, json.dumps([self.session, there])])

    def taken(self) -> Taken | None:
        """What the process has told so far; None: nothing."""
        taken = read_taken(self.folder, self.name)
        return taken if taken.session == self.session else None

    def fault(self, nimg: int) -> str:
        """What is wrong, just after a report at ``nimg``; nothing where all is well."""
        taken = self.taken()
        if taken is not None and taken.error:
            return f"{taken.error}. It is tried again every {RETRY_SEC:g} s"
        if (status := self.process.poll()) is not None:
            return f"its process has ended with exit status {status}"
        upto = self.upto if taken is None else taken.upto
        if upto != self.upto or upto["rows"] >= self.expected:  # it moves, or has had all that was there last time
            self.upto, self.expected, self.moved = upto, nimg or -1, time.monotonic()  # no row is of 0 images
        if time.monotonic() - self.moved > HANG_SEC:
            return f"it has taken nothing for {HANG_SEC:g} s"
        return ""


class TrackersOfRun:
    """All of a training's, as ``tracked`` gives them."""

    def __init__(self, folder: RunFolder, say: Callable[[str], None]) -> None:
        self.folder, self.say = folder, say
        self.following: list[Following] = []

    def start(self, names: Sequence[str], nimg: int) -> None:
        """Start a process for each, of a training that begins at ``nimg``. Where that is impossible, it is said, and
        the training goes on."""
        if not names:
            return
        try:
            there = newest(self.folder)
        except (OSError, UserError) as error:
            self.say(f"Warning: no tracker is started ({error}); training goes on without.")
            return
        for name in names:
            try:
                self.folder.make_trackers()
                self.following.append(Following(self.folder, name, there))
            except OSError as error:
                self.say(f"Warning: the tracker {name} cannot be started ({reason(error)}); training goes on without.")
                continue
            has = max(self.following[-1].upto.values())
            # Else at most what was only of an end that is none any more was taken out: nothing of it is done anew.
            if has > nimg and not TRACKERS[name].takes_back:
                self.say(
                    f"Note: {name} has this run up to {has:,} images, and takes nothing back; what it has is not sent "
                    f"a second time when it is done anew after {nimg:,}."
                )

    def look(self, nimg: int) -> None:
        """After a row of ``nimg``: say where each is to be seen, and, once, what is wrong with it."""
        for one in self.following:
            taken = one.taken()
            if not one.shown and taken is not None and taken.place:
                one.shown = True
                self.say(f"{one.name}: {taken.place}")
            if not one.warned and (fault := one.fault(nimg)):
                one.warned = True
                self.say(
                    f"Warning: the tracker {one.name} does not work: {fault}; training goes on, and its log keeps "
                    "everything."
                )

    def end(self, wait_sec: float, stop: StopRequest) -> None:
        """The training has ended, and status.json tells how: let the trackers close, and say what they have not
        taken. A stop cuts the wait short."""
        for one in self.following:
            with contextlib.suppress(OSError):
                one.process.stdin.close()  # type: ignore[union-attr]
        asked = bool(stop)
        deadline = time.monotonic() + wait_sec
        while any(one.process.poll() is None for one in self.following) and time.monotonic() < deadline:
            if stop and not asked:
                asked, deadline = True, min(deadline, time.monotonic() + STOP_SEC)
            time.sleep(0.01)
        for one in self.following:
            if text := self.summary(one):
                self.say(text)

    def summary(self, one: Following) -> str:
        """What is to be said of a tracker at the end."""
        taken = one.taken() or Taken()
        left = self.left(taken)
        if one.process.poll() is None:
            LET_GO.append(one.process)
            return (
                f"{one.name} is still taking what is left ({left}); that goes on by itself for {CLOSE_SEC:g} s at "
                "most, and what is lacking then is sent when the run is resumed."
            )
        if taken.closed:
            return "" if one.shown else f"{one.name}: {taken.place}"
        why = taken.error or f"its process ended with exit status {one.process.returncode}"
        return (
            f"Warning: the tracker {one.name} did not take all ({left} left): {why}. The run's log has everything, and "
            "what is lacking is sent when the run is resumed."
        )

    def left(self, taken: Taken) -> str:
        """`rows: 3, grids: 1`"""
        counts = dict.fromkeys(KINDS, 0)
        with contextlib.suppress(Exception):  # only to be told
            counts["rows"] = sum(row["nimg"] > taken.upto["rows"] for row in self.folder.rows())
            counts["figures"] = sum(row["nimg"] > taken.upto["figures"] for row in self.folder.metrics_rows())
            counts["grids"] = sum(nimg > taken.upto["grids"] for nimg, _ in self.folder.all_fakes())
        return ", ".join(f"{kind}: {count:,}" for kind, count in counts.items() if count) or "nothing but its end"


@contextlib.contextmanager
def tracked(
    folder: RunFolder, names: Sequence[str], say: Callable[[str], None], stop: StopRequest, nimg: int
) -> Iterator[TrackersOfRun]:
    """While the context lasts, trackers follow the run, which begins or goes on at ``nimg``; at its end status.json has
    to tell how it ended."""
    trackers = TrackersOfRun(folder, say)
    trackers.start(names, nimg)
    wait_sec = 0.0  # where an exception ends the run
    try:
        yield trackers
        wait_sec = STOP_SEC if stop else END_SEC
    finally:
        trackers.end(wait_sec, stop)


def start_process(arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
    """A process of ``ganforge.tracking.worker``, in a session of its own: no key and no closed terminal ends it.
    It ends when its stdin is closed, however this process ends. Raises OSError."""
    LET_GO[:] = [process for process in LET_GO if process.poll() is None]
    paths = [str(Path(ganforge.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    more = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    # -P: no module is taken from the current folder, which may be one that somebody sent.
    return subprocess.Popen(
        [sys.executable, "-P", *PROGRAM, *arguments], env=os.environ | more, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
