"""Does the class that is asked for make a difference, and the right one?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="class-ignored",
    order=110,
    title="the class that is asked for is not the class that is made",
    meaning="G makes about the same whatever class it is told, or pictures of another one. Either D does not look at "
    "the classes, or the labels say nothing of what is in a picture: shuffled, or in another order than the pictures.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Health/class_effect",),
    remedies=(
        Remedy("look at pictures beside their labels, with `ganforge data inspect`"),
        Remedy("do without classes", {"conditional": False}),
        Remedy("take the recipe's own learning rates", {"lr": "recipe", "d_lr": "recipe"}),
    ),
)

EFFECT, WEAK, TOLD, RISE, EARLY = 0.15, 0.6, 3.0, 0.05, 500


def look(history: History) -> Seen | None:
    """Once the early phase is over, and the effect of the class does not grow by ``RISE`` over the second half so far
    any more: another class changes pictures by less than ``EFFECT`` of the reals' spread; or a
    linear classifier finds the class that was asked for hardly oftener than by chance, though it knows reals
    ``TOLD`` times as well; or even reals' labels are found by chance alone, and the effect is ``WEAK``."""
    effect, agreement = history.mean("Health/class_effect"), history.mean("Health/agreement")
    reals, classes = history.last("Health/agreement_reals"), history.classes
    before = history.at("Health/class_effect")
    if effect is None or before is None or effect - before > RISE or not history.is_settled(EARLY):
        return None
    if effect < EFFECT:
        return Seen(f"asked for another class, G's picture changes {effect:.2g} times as much as two reals differ")
    if agreement is None or reals is None or classes < 2:
        return None
    chance = 1 / classes
    if agreement < 1.5 * chance and reals > TOLD * chance:
        return Seen(f"{agreement:.0%} of the pictures are of the class asked for; {chance:.0%} would be by chance")
    if reals < 1.5 * chance and effect < WEAK:
        return Seen(
            f"even of reals, the class is told from the picture in {reals:.0%} only, where {chance:.0%} would be by "
            f"chance; another class changes G's picture {effect:.2g} times as much as two reals differ"
        )
    return None
