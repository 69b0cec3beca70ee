"""Is the learning rate so low that nothing is learned?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="rate-far-too-low",
    order=110,
    title="the learning rate is far too low",
    meaning="Adam and RMSprop move every weight by about the rate in each step. At so low a rate the weights hardly "
    "leave the place where they began within the run: the pictures stay noise.",
    source="Kingma & Ba 2015, arXiv:1412.6980, section 2.1; benchmarks/diagnosis.py",
    foretells=True,
    remedies=(Remedy("take the recipe's rates", {"lr": "recipe", "d_lr": "recipe"}),),
)

SHARE = 0.01
"""Of the recipe's rate."""


def look(start: Start) -> Seen | None:
    """lr below ``SHARE`` of the recipe's, in a run that starts from fresh weights."""
    lr, usual = start.number("lr"), start.usual_number("lr")
    if start.is_fine_tuned or lr >= SHARE * usual:
        return None
    return Seen(f"lr is {lr:g}, and the recipe's {usual:g}", "certain")
