"""Is z too short for the pictures to differ in?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="small-z",
    order=150,
    title="z is too short",
    meaning="All that differs between two pictures comes from z. With one number G draws a line through the space of "
    "pictures, with two a sheet: it cannot reach most of what there is to make.",
    source="benchmarks/diagnosis.py; pictures of handwritten digits differ in some 7 to 13 ways: Pope et al. 2021, "
    "arXiv:2104.08894, table 1",
    foretells=True,
    remedies=(Remedy("take the recipe's z", {"z_dim": "recipe"}),),
)

SHORT, VERY_SHORT = 8, 3


def look(start: Start) -> Seen | None:
    """Fewer than ``SHORT`` numbers for pictures."""
    z_dim = start.number("z_dim", SHORT)
    if start.is_points or z_dim >= SHORT:
        return None
    numbers = "1 number" if z_dim == 1 else f"{z_dim:g} numbers"
    usual = start.usual_number("z_dim")
    return Seen(f"z has {numbers}; the recipe's has {usual:g}", "likely" if z_dim < VERY_SHORT else "possible")
