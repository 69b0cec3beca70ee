"""What an attempt is, and what may come of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 10.0
"""What takes longer hangs."""
STOP_S = 5.0
"""In which a signal ends what goes on."""
BUDGET = 1 << 30
"""Bytes above a normal run's peak."""
FAULTS = ("TOUCHED", "TRACEBACK", "HANG", "OVER BUDGET", "DIFFERENT", "LET THROUGH", "ESCAPE", "NO SENTENCE", "CRASH")


class Found(Exception):  # noqa: N818 - what an attempt was looking for
    """Raised in a child that sees a fault itself. outcome: one of ``FAULTS``."""

    def __init__(self, outcome: str, text: str) -> None:
        super().__init__(outcome, text)
        self.outcome, self.text = outcome, text


@dataclass(frozen=True)
class Attempt:
    """kind: the sweep. what: in words. like: the command, whose normal attempt says what memory it takes. make: lays
    out the input. run: the attempt itself; returns the exit status. check: of what it left; raises ``Found``. Each
    gets the home, in a child of its own. killed: it ends itself with SIGKILL. long: it is honest work for more than
    its time; then SIGTERM must end it in 5 s."""

    kind: str
    what: str
    like: str
    run: Callable[[Path], int | None]
    make: Callable[[Path], object] | None = None
    check: Callable[[Path], object] | None = None
    killed: bool = False
    normal: bool = False
    long: bool = False
    limit_s: float = LIMIT_S
    number: int = 0


@dataclass
class Outcome:
    """result: ok, refused, killed, or one of ``FAULTS``. peak: bytes. text: of a fault."""

    attempt: Attempt
    result: str = "ok"
    text: str = ""
    seconds: float = 0.0
    peak: int = 0
    said: str = ""

    @property
    def is_fault(self) -> bool:
        return self.result in FAULTS


def by_words(status: int, error: str, said: str) -> tuple[str, str]:
    raw = next((c for c in said if not c.isprintable() and c not in "\n\t\r\u200c\u200d"), "")
    if raw:
        return "ESCAPE", f"{raw!r} in {said[max(0, said.index(raw) - 80) :][:160]!r}"
    if status == 0:
        return "ok", ""
    if status not in (1, 2, 130, 143):
        return "CRASH", f"exit status {status}: {said[-500:]}"
    last = error.strip().rpartition("\n")[2]
    if not last.startswith("ganforge: ") or len(last) > 3000:
        return "NO SENTENCE", f"exit status {status}: {error[-500:]}"
    return "refused", ""


def judge_memory(outcomes: list[Outcome]) -> None:
    """Compare the peaks with those of the normal attempts, once all are known."""
    usual = {one.attempt.like: one.peak for one in outcomes if one.attempt.normal}
    for one in outcomes:
        above = one.peak - usual.get(one.attempt.like, one.peak)
        if above > BUDGET and not one.is_fault:
            one.result, one.text = "OVER BUDGET", f"{above / 2**30:.1f} GiB above a normal run"
