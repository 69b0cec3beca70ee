"""Does the penalty do anything?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="penalty-idle",
    order=71,
    title="the penalty does nothing",
    meaning="It costs time, and is so small beside the rest of D's loss that D could do without it, or needs more.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    grave=False,
    needs=("Loss/D",),
    remedies=(Remedy("take the usual weight for this size", {"r1_gamma": "auto"}),),
)

SHARE = 1e-5


def look(history: History) -> Seen | None:
    """Once the early phase is over, the weighted penalties below ``SHARE`` of the rest of D's loss."""
    share = history.penalty_share()
    if share is None or share > SHARE or not history.is_settled():
        return None
    return Seen(f"the penalty is {share:.1g} times the rest of D's loss")
