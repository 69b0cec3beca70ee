"""What each column of the log means for a run's own loss, and where it is while both players are in the game.

What D's loss and the penalties are is told by their records (``objectives/catalog.py``); here is how to read the other
curves. The bands are no law: they are what D's answers amount to. For the cross-entropies they reach from "D cannot
tell" to "D is right with 95 %" (or, for single answers, 99 %); for the others to the values that the loss aims at.
Outside of them one player has nearly won. Where a loss has no absolute scale there is no band, and the text says so.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ganforge.objectives.catalog import LN_2, OBJECTIVES, PENALTIES, Objective
from ganforge.viewer.read.untrusted import number

VERY_SURE = -math.log(0.01)
"""The cross-entropy of an answer with 1 % for what is true, and the logit of one with 99 %, nearly."""
TITLES = {
    "Loss/D": "D's loss", "Loss/G": "G's loss",
    "Loss/scores/real": "D's mean logit of reals", "Loss/scores/fake": "D's mean logit of fakes",
    "Accuracy/real": "D's accuracy on reals", "Accuracy/fake": "D's accuracy on fakes",
    "Gradient/D": "Gradient norm of D", "Gradient/G": "Gradient norm of G",
    "Augmentation/p": "Adaptive augmentation's p", "Timing/images_per_sec": "Pictures a second",
    "Resources/peak_memory_mib": "Peak main memory, MiB", "Resources/peak_device_mib": "Peak GPU memory, MiB",
}  # fmt: skip
"""Columns of the log, for people."""


@dataclass(frozen=True)
class Meaning:
    """text: what the number is and how to read it. healthy: (lowest, highest) while both play. even: its value when D
    cannot tell. below, above: what it means to be outside of the band."""

    text: str
    healthy: tuple[float, float] | None = None
    even: float | None = None
    below: str = ""
    above: str = ""

    def judge(self, value: float | None) -> str:
        """The sentence for a value outside of the band; empty within it, without a band, and without a value."""
        if value is None or self.healthy is None:
            return ""
        low, high = self.healthy
        return self.below if value < low else self.above if value > high else ""


D_WINS = "D is nearly always right. If the pictures get no better either, it teaches G too little."
G_WINS = "D does worse than a coin: it has lost, for now."
FOOLED = "D takes fakes for real: it has lost, for now."
BEHIND = "G is not keeping up with D."
NO_SCALE = "It has no absolute scale with this loss: only the gap between reals and fakes counts."


def cross_entropy_g(kind: str) -> Meaning:
    text = f"{kind} {LN_2:.3f} when D cannot tell; 4.6 when D gives a fake a 1 % chance of being real."
    return Meaning(text, (LN_2 / 1.5, VERY_SURE), LN_2, FOOLED, BEHIND)


G_LOSSES = {
    "non-saturating": cross_entropy_g("-ln of the probability that D gives the fakes of being real, in nats."),
    "minimax": Meaning(
        f"ln of the probability that D sees a fake as fake: always 0 or less, which is not a bug. {-LN_2:.3f} when D "
        "cannot tell; near 0, D wins and G's gradient vanishes.", (-1.5 * LN_2 - 0.4, -0.01), -LN_2, FOOLED,
        "D sees through nearly every fake, and with this loss G then hardly learns.",
    ),
    "lsgan": Meaning(
        "Half the squared distance of the fakes' logits from 1. 0.125 when D cannot tell; 0.5 when D gives the fakes "
        "0.", (0.05, 0.72), 0.125, FOOLED, BEHIND,
    ),
    "lsgan-ab": Meaning(
        "Half the squared logits of the fakes: 0 when D cannot tell, 0.5 when it gives them -1.", (0.0, 0.72), 0.0, "",
        BEHIND,
    ),
    "wgan": Meaning(f"Minus the fakes' mean logit, of any sign. {NO_SCALE}"),
    "hinge": Meaning("Minus the fakes' mean logit, of any sign: negative is no bug. 0: D cannot tell."),
    "relativistic": cross_entropy_g("-ln of the probability that D finds a fake more real than a real, in nats."),
}  # fmt: skip
LOG_ODDS = "0: cannot tell; 2.2: 90 % sure of real; -2.2: 90 % sure of fake; 4.6: 99 %."
LOGITS = {
    "non-saturating": (LOG_ODDS, (-0.5, VERY_SURE), (-VERY_SURE, 0.5)),
    "minimax": (LOG_ODDS, (-0.5, VERY_SURE), (-VERY_SURE, 0.5)),
    "lsgan": ("D aims at 1 for reals and 0 for fakes; 0.5: cannot tell.", (0.25, 1.25), (-0.25, 0.75)),
    "lsgan-ab": ("D aims at 1 for reals and -1 for fakes; 0: cannot tell.", (-0.5, 1.5), (-1.5, 0.5)),
    "hinge": ("Beyond 1 for reals and -1 for fakes D gains nothing more; 0: cannot tell.", (-0.25, 3.0), (-3.0, 0.25)),
}
"""How to read D's mean logits, and where those of reals and of fakes are while both play."""
ACCURACY = {
    f"Accuracy/{side}": Meaning(
        f"The share of {side}s that D calls {side}. 50 % is guessing. Read both.", (0.5, 0.99), 0.5,
        f"D is wrong about most {side}s.", f"D is right about nearly all {side}s.",
    )
    for side in ("real", "fake")
}  # fmt: skip
ALWAYS = {
    "Gradient/D": Meaning("Over all of D's weights. No norm is right in itself; a sudden rise by orders of magnitude, "
                          "or a fall towards 0, is a warning."),
    "Gradient/G": Meaning("The same for G. Near 0 while the pictures are bad: D teaches it nothing."),
    "Augmentation/p": Meaning(
        "How often each transform is applied. It rises while D is sure of the reals, and falls otherwise. Above 0.8 "
        "the transforms may begin to show in the fakes.",
    ),
    "Timing/images_per_sec": Meaning("Real pictures since the last report, saving included."),
    "Resources/peak_memory_mib": Meaning("The most that the process has held."),
    "Resources/peak_device_mib": Meaning("The most that its tensors have held."),
}  # fmt: skip
"""With every objective."""


def title_of(column: str) -> str:
    """D's loss; D's penalty r1."""
    return TITLES.get(column, f"D's penalty {column.removeprefix('Loss/D/')}")


def shared_band(found: Iterable[Meaning | None]) -> tuple[tuple[float, float], ...]:
    """The healthy band, if it is the same for all of them; else none."""
    bands = {meaning.healthy if meaning is not None else None for meaning in found}
    return tuple(band for band in bands if band is not None and len(bands) == 1)


def of_objective(objective: Objective) -> dict[str, Meaning]:
    """The losses, logits and accuracies; of an objective that is not named above, what its record tells."""
    found = {"Loss/D": Meaning(objective.meaning, objective.healthy, objective.undecided, D_WINS, G_WINS)}
    if objective.name in G_LOSSES:
        found["Loss/G"] = G_LOSSES[objective.name]
    derived = NO_SCALE if objective.boundary is None else f"{objective.boundary:g}: cannot tell."
    text, reals, fakes = LOGITS.get(objective.name, (derived, None, None))
    sure, wrong = "D is very sure of the {}.", "D takes the {} for {}."
    found["Loss/scores/real"] = Meaning(text, reals, None, wrong.format("reals", "fakes"), sure.format("reals"))
    found["Loss/scores/fake"] = Meaning(text, fakes, None, sure.format("fakes"), wrong.format("fakes", "reals"))
    return found | (ACCURACY if objective.boundary is not None else {})


MEANINGS = {name: of_objective(objective) for name, objective in OBJECTIVES.items()}


def meanings(settings: Mapping[str, Any]) -> dict[str, Meaning]:
    """By the log's columns, for a run of these settings; without those of the loss where the objective is not known.

    With a penalty, D's loss is the sum of its terms and the penalty, so that it has no band of its own.
    """
    found = dict(MEANINGS.get(str(settings.get("objective")), {}))
    paid = [penalty for penalty in PENALTIES.values() if number(settings.get(penalty.setting))]
    if paid and found:
        added = " and ".join(penalty.name for penalty in paid)
        found["Loss/D"] = Meaning(f"{found['Loss/D'].text} This run adds {added} to it.")
    terms = {f"Loss/D/{one.name}": Meaning(f"{one.meaning} 0 or more, weight included.") for one in paid}
    return found | terms | ALWAYS
