"""Is a penalty so heavy that D learns nothing but to be flat?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen
from ganforge.objectives.catalog import PENALTIES

RECORD = Check(
    name="heavy-penalty",
    order=170,
    title="a penalty outweighs all else",
    meaning="D pays more for being steep than it gains by telling reals from fakes. It stays flat, cannot tell, and "
    "has nothing to teach G.",
    source="Mescheder et al. 2018, arXiv:1801.04406, has 10 for pictures of 256 x 256; Gulrajani et al. 2017, "
    "arXiv:1704.00028, has 10; for gamma our own rule, the numbers of a picture / 1000",
    foretells=True,
    remedies=(
        Remedy("take the recipe's weights", {"r1_gamma": "recipe", "r2_gamma": "recipe"}),
        Remedy("weights by our rule", {"r1_gamma": "auto"}),
        Remedy("take the recipe's weights", {"gp_weight": "recipe", "dragan_weight": "recipe"}),
    ),
)

TIMES = 100.0
"""The usual weight, so many times, and ``LEAST``: weights of the papers are not found."""
USUAL, LEAST = 10.0, 20.0


def look(start: Start) -> Seen | None:
    """A penalty of more than ``TIMES`` the weight of its paper, or of our rule."""
    for penalty in PENALTIES.values():
        weight = start.number(penalty.setting)
        usual = start.gamma if penalty.may_be_auto else USUAL
        if weight > max(TIMES * usual, LEAST):
            return Seen(f"{penalty.setting} is {weight:g}; for these data {usual:.3g} is usual", "likely")
    return None
