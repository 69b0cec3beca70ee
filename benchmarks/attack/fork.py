"""The fork server: PyTorch is imported once, and every attempt runs in a forked child that it may ruin as it likes."""

import contextlib
import gc
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from attack import home
from attack.outcome import BUDGET, STOP_S, Attempt, Found, Outcome, by_words

PATIENCE_S = 120.0
"""For making an input, and for checking afterwards."""
ADDRESS_SPACE = 8 << 30
"""What a child may map on top of what it begins with, so that nothing can hurt the machine."""
EVERY_S = 0.01


@dataclass
class Task:
    """One attempt under way."""

    attempt: Attempt
    place: Path
    outcome: Outcome
    stages: list[str]
    pid: int = 0
    began: float = 0.0
    told: float = 0.0
    before: home.Seen = field(default_factory=dict)


def numbered(attempts: Iterable[Attempt]) -> Iterator[Attempt]:
    return (replace(attempt, number=number) for number, attempt in enumerate(attempts))


def run_all(attempts: Iterable[Attempt], jobs: int, patience: float = 1, *, keep: bool = False) -> Iterator[Outcome]:
    """Every attempt's outcome, ``jobs`` at a time, in the order in which they end. patience: multiplies the limits of
    time. keep: the homes stay."""
    gc.collect()
    gc.freeze()  # so that the children share the parent's memory
    waiting, running = iter(attempts), list[Task]()
    while True:
        while len(running) < jobs and (attempt := next(waiting, None)) is not None:
            running.append(begin(replace(attempt, limit_s=attempt.limit_s * patience)))
        if not running:
            return
        for task in list(running):
            if look(task):
                running.remove(task)
                if keep:
                    print(f"kept: {task.place}", file=sys.stderr)
                else:
                    clear(task.place)
                yield task.outcome
        time.sleep(EVERY_S)


def clear(place: Path) -> None:
    for folder, _, _ in os.walk(place):
        Path(folder).chmod(0o700)
    shutil.rmtree(place)


def begin(attempt: Attempt) -> Task:
    place = Path(tempfile.mkdtemp(prefix="attack-"))
    home.lay_out(place)
    stages = [name for name in ("make", "run", "check") if getattr(attempt, name) is not None]
    task = Task(attempt, place, Outcome(attempt), stages)
    next_stage(task)
    return task


def next_stage(task: Task) -> None:
    stage = task.stages[0]
    if stage == "run":
        task.before = home.look(task.place / "home")
    task.began = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    task.pid = os.fork()
    if task.pid == 0:
        be_child(task, stage)
    with_suppressed(os.setpgid, task.pid, task.pid)


def with_suppressed(call: Callable[..., object], *arguments: object) -> None:
    with contextlib.suppress(OSError):
        call(*arguments)


def be_child(task: Task, stage: str) -> None:
    """Run one stage, and end."""
    status = 70
    try:
        os.setpgid(0, 0)
        home.move_in(task.place, stage)
        if stage == "run":
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            most = pages * resource.getpagesize() + ADDRESS_SPACE
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        returned = getattr(task.attempt, stage)(task.place / "home")
        status = returned if isinstance(returned, int) else 0
        sys.stdout.flush()
    except Found as found:
        (task.place / "found").write_text(json.dumps([found.outcome, found.text]), encoding="utf-8")
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with_suppressed(sys.stderr.flush)
        os._exit(status)


def look(task: Task) -> bool:
    """Has the attempt ended? Ends it where it takes too long or too much."""
    pid, status, usage = os.wait4(task.pid, os.WNOHANG)
    stage, outcome, attempt = task.stages[0], task.outcome, task.attempt
    seconds = time.monotonic() - task.began
    if pid == 0:
        too_long = seconds > (attempt.limit_s if stage == "run" else PATIENCE_S)
        if too_long and stage == "run" and attempt.long:
            too_long = bool(task.told) and time.monotonic() - task.told > STOP_S
            if not task.told:
                task.told = time.monotonic()
                os.kill(task.pid, signal.SIGTERM)
        too_much = stage == "run" and seconds > 0.1 and memory_of(task.pid) > memory_of(os.getpid()) + 3 * BUDGET // 2
        if not too_long and not too_much:
            return False
        outcome.result = "HANG" if too_long else "OVER BUDGET"
        outcome.text = f"{stage}: ended after {seconds:.1f} s"
    with_suppressed(os.killpg, task.pid, signal.SIGKILL)  # and all that it started
    if pid == 0:
        _, status, usage = os.wait4(task.pid, 0)
    if stage == "run":
        outcome.seconds, outcome.peak = seconds, usage.ru_maxrss * 1024
    judge(task, stage, status)
    task.stages.pop(0)
    if outcome.is_fault or not task.stages:
        touched(task)
        return True
    next_stage(task)
    return False


def memory_of(pid: int) -> int:
    """Resident bytes of a process, or of the largest of those that it started."""
    try:
        children = (
            Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split() if pid != os.getpid() else []
        )
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0
    return max([pages * resource.getpagesize(), *(memory_of(int(child)) for child in children)])


def judge(task: Task, stage: str, status: int) -> None:
    """What became of a stage, by how it ended and what it said."""
    outcome, place = task.outcome, task.place
    error = (place / f"{stage}.stderr").read_text(encoding="utf-8", errors="replace")
    said = error + (place / f"{stage}.stdout").read_text(encoding="utf-8", errors="replace")
    if stage == "run":
        outcome.said = error.strip()[-600:]
    if outcome.is_fault:
        return
    if (place / "found").exists():
        outcome.result, outcome.text = json.loads((place / "found").read_text(encoding="utf-8"))
    elif os.WIFSIGNALED(status):
        expected = stage == "run" and task.attempt.killed and os.WTERMSIG(status) == signal.SIGKILL
        outcome.result = "killed" if expected else "CRASH"
        outcome.text = "" if expected else f"{stage}: ended by {signal.Signals(os.WTERMSIG(status)).name}"
    elif "Traceback (most recent call last)" in said:
        outcome.result, outcome.text = "TRACEBACK", f"{stage}: {said[said.index('Traceback (most') :][-1500:]}"
    elif stage == "run":
        outcome.result, outcome.text = by_words(os.WEXITSTATUS(status), error, said)
        if task.attempt.normal and outcome.result == "refused":
            outcome.result, outcome.text = "CRASH", f"refused: {error[-500:]}"
    elif os.WEXITSTATUS(status):
        outcome.result, outcome.text = "CRASH", f"{stage}: exit status {os.WEXITSTATUS(status)}: {said[-500:]}"


def touched(task: Task) -> None:
    """Is all of the user's as it was?"""
    changes = home.changes(task.before, home.look(task.place / "home")) if task.before else []
    if changes:
        task.outcome.result, task.outcome.text = "TOUCHED", "; ".join(changes[:8])


def call(function: Callable[[Path], object], place: Path) -> None:
    """Run a function with a home at ``place``, in a child; for what the sweeps need beforehand. Raises RuntimeError."""
    home.lay_out(place)
    attempt = Attempt("", "", "", lambda home: 0, make=function)
    task = Task(attempt, place, Outcome(attempt), ["make"])
    next_stage(task)
    while not look(task):
        time.sleep(EVERY_S)
    if task.outcome.is_fault:
        raise RuntimeError(f"{task.outcome.result}: {task.outcome.text}")
