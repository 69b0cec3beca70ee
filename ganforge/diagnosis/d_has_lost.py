"""Can D no longer tell reals from fakes, though they differ, or does it say the same of everything?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="d-has-lost",
    order=21,
    title="D tells G nothing: it is wrong of nearly everything, or says the same of all",
    meaning="G learns only from D. A D that takes fakes for reals, or gives one answer to all pictures, sends G "
    "anywhere. That fakes pass with such a D says nothing of the fakes.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Logits/separation", "Logits/spread"),
    for_objective={"wgan": "A critic that is clipped too narrowly cannot but give all pictures nearly one score."},
    ruins=True,
    remedies=(
        Remedy("take the recipe's own learning rates", {"lr": "recipe", "d_lr": "recipe"}, mends=True),
        Remedy(
            "take the recipe's own penalty",
            {"r1_gamma": "recipe", "r2_gamma": "recipe", "gp_weight": "recipe"},
            mends=True,
        ),
    ),
)

WRONG, FLAT, CHANCE = 0.1, 1e-4, 0.05


def look(history: History) -> Seen | None:
    """D is right on less than ``WRONG`` of the pairs; or its logits hardly differ (``FLAT``), and it is right by
    chance."""
    apart, spread = history.mean("Logits/separation", 2), history.mean("Logits/spread", 2)
    if apart is None or spread is None:
        return None
    if apart < WRONG:
        return Seen(f"of pairs of a real and a fake, D holds the fake for the more real in {1 - apart:.1%}", "certain")
    if spread < FLAT and abs(apart - 0.5) < CHANCE and history.is_under_way:
        return Seen(f"D's logits in a batch differ by {spread:.1g} only")
    return None
