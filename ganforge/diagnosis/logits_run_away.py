"""Do D's answers for reals and fakes move apart without end?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="logits-run-away",
    order=41,
    title="D's answers for reals and fakes move apart without end",
    meaning="D becomes ever surer by making its weights larger, not by seeing more. Its loss gets better and better, "
    "and tells nothing of the pictures.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    for_objective={
        "wgan": "A critic's scores mean something only while its slope is bounded: by a narrow clip, or by the "
        "gradient penalty.",
    },
    needs=("Loss/scores/real", "Loss/scores/fake"),
    ruins=True,
    remedies=(
        Remedy(
            "bound the critic's weights as the recipe does",
            {"clip": "recipe"},
            only=("objective", ("wgan",)),
        ),
        Remedy(
            "take the recipe's own learning rates and betas",
            {"lr": "recipe", "d_lr": "recipe", "beta1": "recipe"},
            mends=True,
        ),
        Remedy("penalise D's slope at reals", {"r1_gamma": "auto", "d_norm": "unnormalised"}),
        Remedy("penalise D's slope at reals", {"r1_gamma": "auto"}, mends=True),
    ),
)

GAP, RISING, YOUNG = 20.0, 0.9, 500
"""YOUNG: updates of D in which the gap may still be anything."""


def look(history: History) -> Seen | None:
    """Mean logits of reals and fakes more than ``GAP`` apart, and hardly closer than halfway here."""
    now = [history.mean(f"Loss/scores/{side}") for side in ("real", "fake")]
    before = [history.at(f"Loss/scores/{side}") for side in ("real", "fake")]
    if now[0] is None or now[1] is None or before[0] is None or before[1] is None:
        return None
    gap, old = abs(now[0] - now[1]), abs(before[0] - before[1])
    if gap < GAP or gap < RISING * old or history.nimg < YOUNG * history.number("batch_size", 1.0):
        return None
    return Seen(f"they lie {gap:.3g} apart; halfway here it was {old:.3g}")
