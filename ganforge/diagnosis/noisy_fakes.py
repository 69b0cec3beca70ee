"""Does G make noise? How much neighbouring pixels differ, beside reals."""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="noise",
    order=50,
    title="G makes noise",
    meaning="Neighbouring pixels have hardly more to do with each other than in noise: there are no shapes, or they "
    "are buried.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Health/roughness",),
    ruins=True,
    remedies=(
        Remedy("take the recipe's own learning rates and betas", {"lr": "recipe", "d_lr": "recipe", "beta1": "recipe"}),
        Remedy("take the recipe's own length of z", {"z_dim": "recipe"}),
        Remedy("take networks that know which pixels are neighbours: the recipe `fast`"),
    ),
)

ROUGH, FALL = 3.5, 0.9


def look(history: History) -> Seen | None:
    """Once the early phase is over, more than ``ROUGH`` times the reals' roughness, and more than ``FALL`` of what it
    was halfway here."""
    now, before = history.mean("Health/roughness"), history.at("Health/roughness")
    if now is None or before is None or now < ROUGH or now < FALL * before or not history.is_settled():
        return None
    return Seen(f"neighbouring pixels differ {now:.2g} times as much as in reals, for the same contrast")
