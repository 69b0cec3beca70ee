"""Does Adam remember gradients for too long, or forget their sizes too soon?"""

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.catalog import Check, Remedy, Seen

RECORD = Check(
    name="long-momentum",
    order=130,
    title="the betas of Adam do not suit a GAN",
    meaning="Each network chases the other, so that old gradients point to where it was. With much momentum both swing "
    "past each other, farther each time. And where the mean square forgets sooner than the mean, steps may be of any "
    "size.",
    source="Radford et al. 2016, arXiv:1511.06434, section 4, for beta1 = 0.5; Kingma & Ba 2015, arXiv:1412.6980, "
    "theorem 4.1, for beta1 squared below the root of beta2",
    foretells=True,
    remedies=(Remedy("take the recipe's betas", {"beta1": "recipe", "beta2": "recipe", "beta2_end": "recipe"}),),
)

LONG = 0.95


def look(start: Start) -> Seen | None:
    """beta1 of ``LONG`` or more, or its square not below the root of beta2."""
    beta1, beta2 = start.number("beta1"), start.number("beta2", 1.0)
    if start.settings.get("optimizer") != "adam":
        return None
    if beta1 >= LONG:
        return Seen(f"beta1 is {beta1:g}: the mean is over about {1 / (1 - beta1):,.0f} steps" if beta1 < 1 else
                    f"beta1 is {beta1:g}", "certain")  # fmt: skip
    if beta1**2 >= beta2**0.5:
        return Seen(f"beta1 is {beta1:g}, and beta2 {beta2:g}", "likely")
    return None
