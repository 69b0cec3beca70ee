"""Does one network learn so much faster than the other that it is alone?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="rates-far-apart",
    order=120,
    title="one network learns far faster than the other",
    meaning="The game needs two. A D that is far faster tells all fakes from reals before G has learned anything, and "
    "one that is far slower has nothing to teach.",
    source="Heusel et al. 2017, arXiv:1706.08500, whose two rates differ by up to 5 times; benchmarks/diagnosis.py",
    foretells=True,
    remedies=(Remedy("take the recipe's rates", {"lr": "recipe", "d_lr": "recipe"}),),
)

TIMES = 20.0
"""So many times farther apart than in the recipe."""


def look(start: Start) -> Seen | None:
    """d_lr / lr is ``TIMES`` times the recipe's, or less than that part of it."""
    lr, usual = start.number("lr"), start.usual_number("lr")
    if not lr or not usual:
        return None
    ratio = start.number("d_lr", lr) / lr
    own = start.usual_number("d_lr", usual) / usual
    if own / TIMES <= ratio <= TIMES * own:
        return None
    faster = f"D's rate is {ratio:,.0f} times G's" if ratio > 1 else f"G's rate is {1 / ratio:,.0f} times D's"
    return Seen(f"{faster}; by the recipe d_lr is {own:g} times lr", "likely")
