"""Do the weights move at all?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="frozen",
    order=30,
    title="the weights hardly move",
    meaning="Each step changes so little that nothing will have been learnt at the run's end: the learning rate is far "
    "too low, or no gradient arrives.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Step/G", "Step/D"),
    ruins=True,
    remedies=(Remedy("take the recipe's own learning rates", {"lr": "recipe", "d_lr": "recipe"}, mends=True),),
)

LOW = {"G": 3e-5, "D": 1e-6}
"""A step's size beside that of all weights. D may rest for a while where it is right of everything."""
SCHEDULED = 0.1


def look(history: History) -> Seen | None:
    """No gradient of G at all; or steps below ``LOW``, though the schedule leaves ``SCHEDULED`` of the rate."""
    if history.mean("Gradient/G", 2) == 0:
        return Seen("all gradients of G are 0", "certain")
    if history.rate < SCHEDULED or history.steps < 10:
        return None
    found = [(name, step) for name in LOW if (step := history.mean(f"Step/{name}", 2)) is not None and step < LOW[name]]
    if not found:
        return None
    return Seen(" and ".join(f"a step changes {name} by {step:.1g} of its weights' size" for name, step in found))
