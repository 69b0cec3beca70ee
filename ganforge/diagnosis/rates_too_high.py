"""Are steps so large that they undo what was learnt?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="rates-too-high",
    order=40,
    title="the steps are far too large",
    meaning="Weights jump instead of moving, and logits become so large that gradients are nothing or not finite. What "
    "was learnt is lost with each step.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Step/G", "Step/D"),
    ruins=True,
    remedies=(
        Remedy("take the recipe's own learning rates", {"lr": "recipe", "d_lr": "recipe"}, mends=True),
        Remedy("lower the learning rates to a tenth", {"lr": "x0.1", "d_lr": "x0.1"}, mends=True),
    ),
)

JUMP, GROWTH, LOGITS = 0.2, 3.0, 1e3
THROWN, ROWS = 1e2, 20
"""Mean logits in one of so many rows, after which no gradient of G is left: D's step threw it there. A D that wins by
learning leaves some, and comes to a few tens."""
NETWORKS = ("G", "D")


def look(history: History) -> Seen | None:
    """Steps above ``JUMP`` of the weights' size; weights grown by ``GROWTH`` over the second half of the run so far;
    or mean logits beyond ``LOGITS``, or, where G has no gradient any more, beyond ``THROWN`` a while ago."""
    scores = [history.last(f"Loss/scores/{side}") for side in ("real", "fake")]
    if (largest := max(abs(score) for score in [*scores, 0.0] if score is not None)) > LOGITS:
        return Seen(f"D's mean logits have reached {largest:.2g}", "certain")
    past = [abs(one) for side in ("real", "fake") for one in history.recent(f"Loss/scores/{side}", ROWS)]
    if history.mean("Gradient/G", 2) == 0 and max(past, default=0.0) > THROWN:
        return Seen(f"D's mean logits had reached {max(past):.3g}, and no gradient of G is left", "certain")
    if history.steps < 50:
        return None
    for name in NETWORKS:
        step, now, before = (
            history.mean(f"Step/{name}", 2),
            history.last(f"Weights/{name}"),
            history.at(f"Weights/{name}"),
        )
        if step is not None and step > JUMP:
            return Seen(f"a step changes {name} by {step:.0%} of its weights' size")
        if now is not None and before and now > GROWTH * before:
            return Seen(f"{name}'s weights are {now / before:.1f} times as large as halfway here")
    return None
