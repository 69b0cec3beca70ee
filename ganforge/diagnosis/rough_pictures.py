"""Are pictures speckled at the end?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="rough-pictures",
    order=51,
    title="the pictures are speckled",
    meaning="There are shapes, and noise on them. A network of plain layers draws each pixel by itself, and a small "
    "batch leaves noise in every step.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    grave=False,
    of_length=True,
    needs=("Health/roughness",),
    remedies=(
        Remedy("take the recipe's own batch", {"batch_size": "recipe"}),
        Remedy("train longer", {"total_nimg": "x3"}),
        Remedy("take networks that know which pixels are neighbours: the recipe `fast`"),
    ),
)

ROUGH = 1.8


def look(history: History) -> Seen | None:
    """In the last fifth of the run, more than ``ROUGH`` times the reals' roughness."""
    now = history.mean("Health/roughness")
    if now is None or now < ROUGH or history.progress < 0.8:
        return None
    return Seen(f"neighbouring pixels differ {now:.2g} times as much as in reals, for the same contrast")
