"""Does clipping D's weights bound anything?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen
from ganforge.objectives.catalog import OBJECTIVES

RECORD = Check(
    name="loose-clip",
    order=160,
    title="clipping bounds hardly anything",
    meaning="This objective needs a D of bounded slope. Weights start at a few hundredths, so that a clip of tenths "
    "never touches them, and where they grow to it, each layer multiplies the slope: D's logits run away, and G is "
    "pushed about by them.",
    source="Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1, has 0.01; benchmarks/diagnosis.py",
    foretells=True,
    remedies=(
        Remedy("clip at 0.01, as the paper does", {"clip": 0.01}),
        Remedy("a penalty on D's slope instead", {"clip": None, "gp_weight": 10.0, "d_norm": "unnormalised"}),
    ),
)

LOOSE = 0.1


def look(start: Start) -> Seen | None:
    """Clip above ``LOOSE``, where the objective needs a bound and no penalty gives one."""
    clip = start.number("clip")
    objective = OBJECTIVES.get(str(start.settings.get("objective")))
    others = start.number("gp_weight") or start.settings.get("d_norm") == "spectral"
    if objective is None or not objective.needs_bounded_slope or others or clip <= LOOSE:
        return None
    return Seen(f"clip is {clip:g}; the paper's is 0.01", "certain" if clip >= 10 * LOOSE else "likely")
