"""Is one network far smaller than the other?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="networks-far-apart",
    order=200,
    title="one network is far smaller than the other",
    meaning="A D that is far smaller cannot see what G gets wrong, so that G learns little; a G that is far smaller "
    "cannot make what D asks for, and D soon tells all of its pictures.",
    source="our own rule",
    grave=False,
    remedies=(
        Remedy(
            "take the recipe's sizes",
            {"g_width": "recipe", "d_width": "recipe", "g_hidden": "recipe", "d_hidden": "recipe"},
        ),
    ),
)

TIMES = 50.0


def look(start: Start) -> Seen | None:
    """One has ``TIMES`` the weights of the other."""
    if start.tried is None or start.is_points:
        return None
    G, D = (start.tried.weights.get(name, 0) for name in "GD")
    if max(G, D) <= TIMES * min(G, D):
        return None
    return Seen(f"G has {G:,} weights, and D {D:,}", "possible")
