"""Is a learning rate far above the recipe's?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="rate-far-too-high",
    order=100,
    title="a learning rate is far too high",
    meaning="Adam and RMSprop move every weight by about the rate in each step, however small its gradient. Where that "
    "is as much as the weights are large, each step throws away what was learned, and the numbers grow until they are "
    "none.",
    source="Kingma & Ba 2015, arXiv:1412.6980, section 2.1; benchmarks/diagnosis.py",
    foretells=True,
    remedies=(Remedy("take the recipe's rates", {"lr": "recipe", "d_lr": "recipe"}),),
)

TIMES = 30.0
"""The recipe's rate, so many times, is too much. 10 times may do, with some."""


def look(start: Start) -> Seen | None:
    """lr or d_lr above ``TIMES`` times the recipe's."""
    lr, usual = start.number("lr"), start.usual_number("lr")
    d_lr, usual_d = start.number("d_lr", lr), start.usual_number("d_lr", usual)
    for name, value, own in (("lr", lr, usual), ("d_lr", d_lr, usual_d)):
        if value > TIMES * own > 0:
            return Seen(f"{name} is {value:g}, {value / own:,.0f} times the recipe's {own:g}", "certain")
    return None
