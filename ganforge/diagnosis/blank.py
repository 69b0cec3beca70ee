"""Does G make plain areas instead of pictures?"""

from ganforge.diagnosis.catalog import Detector, Remedy, Seen
from ganforge.diagnosis.history import History

RECORD = Detector(
    name="blank",
    order=52,
    title="G makes plain areas",
    meaning="Within a picture there is hardly any difference from one place to another. G has learnt nothing yet, or "
    "it has been driven to where its last layer has no slope.",
    source="The numbers are our own, set by benchmarks/diagnosis.py",
    needs=("Health/contrast",),
    ruins=True,
    remedies=(
        Remedy("take the recipe's own learning rates and betas", {"lr": "recipe", "d_lr": "recipe", "beta1": "recipe"}),
    ),
)

LOW = 0.1


def look(history: History) -> Seen | None:
    """Less than ``LOW`` of the reals' contrast after the first updates."""
    contrast = history.mean("Health/contrast", 2)
    if contrast is None or contrast > LOW or not history.is_under_way:
        return None
    return Seen(f"the contrast within a picture is {contrast:.2g} times that of reals")
