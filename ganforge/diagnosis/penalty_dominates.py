"""Does D learn for its penalty alone? The penalty's part of its loss beside the rest."""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="penalty-dominates",
    order=70,
    title="D's loss is nearly all penalty",
    meaning="D is busy with being flat and cannot learn to tell reals from fakes, so that it has nothing to tell G.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Loss/D",),
    remedies=(
        Remedy(
            "take the recipe's own penalty",
            {"r1_gamma": "recipe", "r2_gamma": "recipe", "gp_weight": "recipe"},
            mends=True,
        ),
        Remedy("take the usual weight for this size", {"r1_gamma": "auto"}, mends=True),
    ),
)

TIMES = 3.0


def look(history: History) -> Seen | None:
    """The weighted penalties above ``TIMES`` the rest of D's loss."""
    share = history.penalty_share()
    if share is None or share < TIMES:
        return None
    return Seen(f"the penalty is {share:.3g} times the rest of D's loss")
