"""Does D squash its answers to what lies between 0 and 1, where the loss takes logits?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="logits-never-negative",
    order=35,
    title="D never answers below 0, so that it cannot call anything a fake",
    meaning="With this loss 0 is where D cannot tell, and what it takes for a fake is below. So does a D look that "
    "ends in a sigmoid, where the loss has the sigmoid in it already: it can never be sure, and its gradient is small.",
    source="pytorch.org, BCEWithLogitsLoss; the numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Loss/scores/real", "Loss/scores/fake"),
    remedies=(Remedy("leave out the last function of D"),),
)


def look(history: History) -> Seen | None:
    """Of a loss whose boundary is 0, once the early phase is over: in all rows so far, the mean logits of reals and of
    fakes from 0 to 1. The note's D, which is healthy, answers so in its first 400 updates."""
    objective = history.objective
    if objective is None or objective.boundary != 0 or not history.is_settled():
        return None
    means = [value for column in RECORD.needs for _, value in history.series(column)]
    if min(means) < 0 or max(means) > 1:
        return None
    return Seen(f"in all rows the means of its logits lie between {min(means):.2g} and {max(means):.2g}")
