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
    remedies=(
        Remedy("take the recipe's own learning rates", {"lr": "recipe", "d_lr": "recipe"}),
        Remedy("lower the learning rates to a tenth", {"lr": "x0.1", "d_lr": "x0.1"}, mends=True),
    ),
)

JUMP, GROWTH, LOGITS = 0.2, 3.0, 1e3
NETWORKS = ("G", "D")


def look(history: History) -> Seen | None:
    """Steps above ``JUMP`` of the weights' size; weights grown by ``GROWTH`` over the second half of the run so far;
    or mean logits beyond ``LOGITS``."""
    scores = [history.last(f"Loss/scores/{side}") for side in ("real", "fake")]
    if (largest := max(abs(score) for score in [*scores, 0.0] if score is not None)) > LOGITS:
        return Seen(f"D's mean logits have reached {largest:.2g}", "certain")
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
