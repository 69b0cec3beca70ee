"""Does the memory in use grow from row to row?"""

from itertools import pairwise

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="memory-grows",
    order=132,
    title="the memory in use grows and grows",
    meaning="Training needs the same memory for each step. If it goes on like this, the system will end the run.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    grave=False,
    needs=("Resources/peak_memory_mib",),
    remedies=(Remedy("stop and go on: what was used before is then free", command="ganforge resume RUN"),),
)

ROWS, STEP, GROWTH = 10, 1.005, 1.3


def look(history: History) -> Seen | None:
    """The peak higher by ``STEP`` at each of the last ``ROWS`` rows, and by ``GROWTH`` over the second half so far."""
    peaks, before = history.recent("Resources/peak_memory_mib", ROWS), history.at("Resources/peak_memory_mib", count=1)
    if len(peaks) < ROWS or not before or any(new < STEP * old for old, new in pairwise(peaks)):
        return None
    if peaks[-1] < GROWTH * before:
        return None
    return Seen(f"{peaks[-1]:,.0f} MiB, after {before:,.0f} MiB halfway here")
