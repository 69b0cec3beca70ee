"""What each number of the log means for a run's own loss, and where it is while both players are in the game.

The bands are no law: they are what D's answers amount to. For the cross-entropies they reach from "D cannot tell" to
"D is right with 95 % (or, for single answers, 99 %)"; for the others to the values that the loss aims at. Outside of
them one player has nearly won. Where a loss has no absolute scale there is no band, and the text says so. What is said
of D's loss and of its penalties is in their records, in ``objectives``; tests/unit/viewer/test_meaning.py compares the
rest with the losses themselves.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ganforge.objectives.catalog import LN_2, OBJECTIVES, PENALTIES, Objective
from ganforge.viewer.plain import number

VERY_SURE = -math.log(0.01)


@dataclass(frozen=True)
class Meaning:
    """title: for people. text: what the number is and how to read it. healthy: (lowest, highest) while both play.
    even: its value when D cannot tell. below, above: what it means to be outside of the band."""

    title: str
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
D_TITLE, G_TITLE = "D's loss", "G's loss"


def d_loss(objective: Objective) -> Meaning:
    """By its record."""
    return Meaning(D_TITLE, objective.meaning, objective.healthy, objective.undecided, D_WINS, G_WINS)


def cross_entropy_g(kind: str) -> Meaning:
    return Meaning(
        G_TITLE, f"{kind} {LN_2:.3f} when D cannot tell; 4.6 when D takes a fake for real with 1 %.",
        (LN_2 / 1.5, VERY_SURE), LN_2, "D takes fakes for real: it has lost, for now.", "G is not keeping up with D.",
    )  # fmt: skip


def logit(side: str, low: float, high: float, text: str, sure_high: bool) -> Meaning:
    wrong = f"D takes the {side} for the others."
    sure = f"D is very sure of the {side}."
    title = f"D's mean logit of {side}"
    return Meaning(title, text, (low, high), None, wrong if sure_high else sure, sure if sure_high else wrong)


LOG_ODDS = "0: cannot tell; 2.2: 90 % sure of real; -2.2: 90 % sure of fake; 4.6: 99 %."
NO_SCALE = "It has no absolute scale with this loss: only the gap between reals and fakes counts."


def log_odds(side: str) -> Meaning:
    low, high = (-0.5, VERY_SURE) if side == "reals" else (-VERY_SURE, 0.5)
    return logit(side, low, high, LOG_ODDS, side == "reals")


def aimed(side: str, fake: float, real: float) -> Meaning:
    """Logits that the loss pulls to two values; D cannot tell in the middle."""
    middle, slack = (fake + real) / 2, (real - fake) / 4
    low, high = (middle - slack, real + slack) if side == "reals" else (fake - slack, middle + slack)
    text = f"D aims at {real:g} for reals and {fake:g} for fakes; {middle:g}: cannot tell."
    return logit(side, low, high, text, side == "reals")


def unscaled(side: str) -> Meaning:
    return Meaning(f"D's mean logit of {side}", NO_SCALE)


def accuracy(side: str) -> Meaning:
    return Meaning(
        f"D's accuracy on {side}", f"The share of {side} that D calls {side[:-1]}. 50 % is guessing. Read both.",
        (0.5, 0.99), 0.5, f"D is wrong about most {side}.", f"D is right about nearly all {side}.",
    )  # fmt: skip


CROSS_ENTROPY = {
    "Loss/G": cross_entropy_g("-ln of the probability that D gives the fakes to be real, in nats."),
    "Loss/scores/real": log_odds("reals"), "Loss/scores/fake": log_odds("fakes"),
}  # fmt: skip
BESIDE_D_LOSS: dict[str, dict[str, Meaning]] = {
    "non-saturating": CROSS_ENTROPY,
    "minimax": CROSS_ENTROPY | {
        "Loss/G": Meaning(
            G_TITLE, f"ln of the probability that D sees a fake as fake: always 0 or less, which is not a bug. "
            f"{-LN_2:.3f} when D cannot tell; near 0, D wins and G's gradient vanishes.",
            (-1.5 * LN_2 - 0.4, -0.01), -LN_2, "D takes fakes for real: it has lost, for now.",
            "D sees through nearly every fake, and with this loss G then hardly learns.",
        ),
    },
    "lsgan": {
        "Loss/G": Meaning(
            G_TITLE, "Half the squared distance of the fakes' logits from 1. 0.125 when D cannot tell; 0.5 when D "
            "gives the fakes 0.", (0.05, 0.72), 0.125, "D takes fakes for real: it has lost, for now.",
            "G is not keeping up with D.",
        ),
        "Loss/scores/real": aimed("reals", 0, 1), "Loss/scores/fake": aimed("fakes", 0, 1),
    },
    "lsgan-ab": {
        "Loss/G": Meaning(
            G_TITLE, "Half the squared logits of the fakes: 0 when D cannot tell, 0.5 when it gives them -1.",
            (0.0, 0.72), 0.0, "", "G is not keeping up with D.",
        ),
        "Loss/scores/real": aimed("reals", -1, 1), "Loss/scores/fake": aimed("fakes", -1, 1),
    },
    "wgan": {
        "Loss/G": Meaning(G_TITLE, f"Minus the fakes' mean logit, of any sign. {NO_SCALE}"),
    },
    "hinge": {
        "Loss/G": Meaning(G_TITLE, "Minus the fakes' mean logit, of any sign: negative is no bug. 0: D cannot tell."),
        "Loss/scores/real": logit("reals", -0.25, 3.0, "Beyond 1 D gains nothing more; 0: cannot tell.", True),
        "Loss/scores/fake": logit("fakes", -3.0, 0.25, "Below -1 D gains nothing more; 0: cannot tell.", False),
    },
    "relativistic": {
        "Loss/G": cross_entropy_g("-ln of the probability that D finds a fake more real than a real, in nats."),
    },
}  # fmt: skip
ALWAYS = {
    "Gradient/D": Meaning("Gradient norm of D", "Over all of D's weights. No norm is right in itself; a sudden rise by "
                          "orders of magnitude, or a fall towards 0, is a warning."),
    "Gradient/G": Meaning("Gradient norm of G", "The same of G. Near 0 while the pictures are bad: D teaches nothing."),
    "Augmentation/p": Meaning(
        "Adaptive augmentation's p", "How often each transform comes. It rises while D is sure of the reals, and falls "
        "otherwise. Above 0.8 the transforms may begin to show in the fakes.",
    ),
    "Timing/images_per_sec": Meaning("Real pictures a second", "Since the last report, saving included."),
    "Resources/peak_memory_mib": Meaning("Most main memory, MiB", "The process has held so much at most."),
    "Resources/peak_device_mib": Meaning("Most GPU memory, MiB", "Its tensors have held so much at most."),
}  # fmt: skip
"""With every objective."""
FIGURES = {
    "FD": "Fréchet distance: how far the fakes' features are from the reals', in mean and spread.",
    "KID": "Kernel distance: the same question, asked of small subsets; not biased by their number.",
    "precision": "The share of fakes that lie among reals: are they good?",
    "recall": "The share of reals that lie among fakes: are all kinds there?",
    "density": "How thickly the reals lie around the fakes.",
    "coverage": "The share of reals that have a fake nearby: are all kinds there?",
    "modes": "How many of the known kinds were found.",
    "KL": "How unevenly the kinds are met; 0 is even.",
    "high quality": "The share of points that lie close to a mode.",
    "score": "How sure and how varied the classifier's answers are.",
    "class distance": "How far the shares of the classes are from the reals'.",
    "copies": "The share of fakes that equal a training picture, byte by byte.",
    "exact duplicates": "The share of fakes that equal another fake, byte by byte.",
    "near duplicates": "The share of fakes that are very near another fake.",
    "AuthPct": "The percentage of fakes farther from their nearest training picture than that is from its own.",
    "C_T": "Are fakes as far from the training pictures as held-out ones? Far below the floor: copies.",
}
"""By what is measured; docs/metrics.md has the whole story."""


def of_objective(objective: Objective) -> dict[str, Meaning]:
    """What its losses, logits and accuracies mean; where nothing is told here, what its record tells."""
    found = {"Loss/D": d_loss(objective), "Loss/scores/real": unscaled("reals"), "Loss/scores/fake": unscaled("fakes")}
    if objective.boundary is not None:
        found |= {"Accuracy/real": accuracy("reals"), "Accuracy/fake": accuracy("fakes")}
    return found | BESIDE_D_LOSS.get(objective.name, {})


MEANINGS = {name: of_objective(objective) for name, objective in OBJECTIVES.items()}


def meanings(settings: Mapping[str, Any]) -> dict[str, Meaning]:
    """By the log's names, for a run of these settings; without those of the loss where the objective is not known.

    With a penalty, D's loss is the sum of its terms and the penalty, so that it has no band of its own.
    """
    found = dict(MEANINGS.get(str(settings.get("objective")), {}))
    paid = [penalty for penalty in PENALTIES.values() if number(settings.get(penalty.setting))]
    if paid and "Loss/D" in found:
        names = " and ".join(penalty.name for penalty in paid)
        text = f"{found['Loss/D'].text} Here with {names} added, so that it is larger."
        found["Loss/D"] = replace(found["Loss/D"], text=text, healthy=None, even=None, below="", above="")
    for penalty in paid:
        text = f"{penalty.meaning} 0 or more, weight included."
        found[f"Loss/D/{penalty.name}"] = Meaning(f"What D pays for {penalty.name}", text)
    return found | ALWAYS
