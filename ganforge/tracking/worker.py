"""The process that tells one tracker of a run, beside the training: `python -m ganforge.tracking.worker RUN NAME ...`.

It follows the run's log, as long as its stdin is open. Whatever the tracker's library does, takes or breaks happens
here: training shares no memory, thread, signal or file with it, and waits for nothing.
"""

import faulthandler
import json
import os
import signal
import sys
import threading
import time
from copy import deepcopy
from dataclasses import asdict
from typing import Any

from ganforge.base.files import is_plain
from ganforge.run.folder import RunFolder
from ganforge.tracking.catalog import TRACKERS, Ending, Start, Target
from ganforge.tracking.news import Entry, News, numbers_of
from ganforge.tracking.said import said
from ganforge.tracking.taken import KINDS, Taken, cut_at, read_taken, write_taken

LOOK_SEC = 0.5
"""From one look at the log to the next."""
RETRY_SEC = 30.0
"""From a fault to the next attempt."""
CLOSE_SEC = 30.0
"""So long, from the end of the training, the process may still take to send and close."""
NICENESS = 5
"""A third of what a training gets of a core that both want."""


def main(arguments: list[str]) -> None:
    """arguments: the run's folder, the tracker's name, and, as JSON, [number of this session, what ``newest`` gave when
    it began]."""
    ended = watch_stdin()
    folder, name, (session, there) = RunFolder(arguments[0]), arguments[1], json.loads(arguments[2])
    for signum in (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
        signal.signal(signum, lambda *_: None)  # the training is asked to stop; this ends with it
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with folder.hold_tracker(name, CLOSE_SEC + 5):  # until the process of the training before is done
        follow(folder, name, session, there, ended)
    os._exit(0)  # no library's thread or handler at the end keeps the process


def watch_stdin() -> threading.Event:
    """Set when stdin is closed; the process has ``CLOSE_SEC`` left then, whatever it is doing. No library gets at
    stdin after this."""
    ended = threading.Event()
    stdin = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def wait() -> None:
        while os.read(stdin, 1):
            pass
        faulthandler.dump_traceback_later(CLOSE_SEC, exit=True)  # by a thread that needs nothing of Python
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended


def follow(folder: RunFolder, name: str, session: int, there: dict[str, int], ended: Any) -> None:
    """Send what there is, then what comes, until the training has ended; then close. A fault is noted in the state and
    tried again, from what was not taken on. Raises OSError where the state cannot be written."""
    taken = read_taken(folder, name)
    after = take_back(taken, there) if TRACKERS[name].takes_back and taken.run else None
    taken.session, taken.error, taken.closed = session, "", False
    write_taken(folder, name, taken)  # before anything is taken back, so that it is sent again if this is killed now
    told, told_at = deepcopy(taken), time.monotonic()
    news, target = News(folder, taken.upto), None
    while True:
        last = ended.is_set()  # before looking, so that the last look sees everything
        try:
            if target is None:
                target = begin(folder, name, taken, after)
                news = News(folder, taken.upto)
            for entry in news.look(ended=last):
                send(target, entry)
                news.waiting.remove(entry)
                taken.upto[entry.kind] = max(taken.upto[entry.kind], entry.nimg)
                if time.monotonic() - told_at > LOOK_SEC:
                    write_taken(folder, name, taken)
                    told_at = time.monotonic()
            if last:
                target.close(ending(folder))
                taken.closed = True
            taken.error = ""
        except (Exception, SystemExit) as error:
            taken.error = said(error)
        if asdict(taken) != asdict(told):
            write_taken(folder, name, taken)
            told, told_at = deepcopy(taken), time.monotonic()
        if last:
            return
        ended.wait(RETRY_SEC if taken.error else LOOK_SEC)


def take_back(taken: Taken, there: dict[str, int]) -> int:
    """After how many images everything is sent anew: the newest row that the tracker is known to have, or where the
    run has cut its log."""
    cut = cut_at(taken.upto, there)
    after = taken.upto["rows"] if cut is None else min(cut, taken.upto["rows"])
    taken.upto = {kind: min(nimg, after) for kind, nimg in taken.upto.items()}
    return after


def begin(folder: RunFolder, name: str, taken: Taken, after: int | None) -> Target:
    """The tracker's run. Where it is not the one from before, it is sent everything."""
    start = Start(folder.path.resolve().name, facts(folder), folder.subfolder(name), taken.run or None, after)
    target: Target = TRACKERS[name].load().Target(start)
    if target.run != taken.run:
        taken.upto = dict.fromkeys(KINDS, -1)
    taken.run, taken.place = target.run, target.place
    return target


def send(target: Target, entry: Entry) -> None:
    if entry.kind == "grids":
        if is_plain(entry.content):  # else removed by hand since
            target.picture(entry.nimg, entry.content)
    elif numbers := numbers_of(entry):
        target.numbers(entry.nimg, numbers)


def ending(folder: RunFolder) -> Ending:
    """How the training ended. One that was killed is still "running" by what it has left."""
    state = folder.read_status().get("state")
    return state if state in ("finished", "stopped") else "failed"


def facts(folder: RunFolder) -> dict[str, str | int | float | bool]:
    """Settings, data and machine as flat names and plain values, of config.json."""
    config = folder.read_config()
    named = dict(config["settings"])
    named |= {f"dataset/{name}": value for name, value in config["data"].items()}
    named |= {f"machine/{name}": value for name, value in config["environment"][-1].items()}
    plain = (str, int, float, bool)
    return {
        name: value if isinstance(value, plain) else json.dumps(value)
        for name, value in named.items()
        if value is not None
    }


if __name__ == "__main__":
    main(sys.argv[1:])
