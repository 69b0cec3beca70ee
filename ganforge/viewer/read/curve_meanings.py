"""What each column of the log means for a run's own loss, and where it is while both players are in the game.

What a loss, D's logits and a penalty are is told by their records (``objectives/catalog.py``); here is how to read the
other columns, and what it means to be outside of a band. Where a loss has no absolute scale there is no band.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ganforge.objectives.catalog import OBJECTIVES, PENALTIES, Objective
from ganforge.viewer.read.untrusted import number

TITLES = {
    "Loss/D": "D's loss", "Loss/G": "G's loss",
    "Loss/scores/real": "D's mean logit of reals", "Loss/scores/fake": "D's mean logit of fakes",
    "Accuracy/real": "D's accuracy on reals", "Accuracy/fake": "D's accuracy on fakes",
    "Gradient/D": "Gradient norm of D", "Gradient/G": "Gradient norm of G",
    "Health/spread": "How far fakes differ from each other", "Health/overlap": "Kinds that fakes and reals share",
    "Health/contrast": "Contrast of the fakes", "Health/roughness": "Roughness of the fakes",
    "Logits/separation": "How well D keeps reals and fakes apart",
    "Health/seen_apart": "How well D knows what it has seen", "Step/G": "G's step", "Step/D": "D's step",
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
    "Health/spread": Meaning("The mean distance of fakes from each other, beside that of reals. 1 is theirs; near 0 G "
                             "makes one thing only.", even=1.0),
    "Health/overlap": Meaning("Reals fall into kinds; this is what the shares of kinds among fakes and reals have in "
                              "common. 1: all of it; kinds that are never made are missing from it."),
    "Health/contrast": Meaning("The mean deviation within a picture, beside that of reals. 1 is theirs; 0 is plain.",
                               even=1.0),
    "Health/roughness": Meaning("How much neighbouring pixels differ, beside reals'. 1 is theirs; far above is noise, "
                                "far below blur.", even=1.0),
    "Logits/separation": Meaning("The share of pairs, a real and a fake, in which D gives the real the higher logit, "
                                 "whatever the loss. 50 % is guessing; at 100 % for long, D has won.", even=0.5),
    "Health/seen_apart": Meaning("The same of reals that D learns from and reals that were held out. 50 %: it treats "
                                 "them alike; near 100 % it has learned the pictures by heart.", even=0.5),
    "Step/G": Meaning("The next step of G's weights beside their size. Near 0 nothing is learned; above 0.1 the rate "
                      "is too high."),
    "Step/D": Meaning("The same for D."),
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
    """The losses, logits and accuracies, by the objective's record."""
    sure, wrong = "D is very sure of the {}.", "D takes the {} for {}."
    reals, fakes = wrong.format("reals", "fakes"), wrong.format("fakes", "reals")
    text = objective.logits_meaning
    found = {"Loss/D": Meaning(objective.meaning, objective.healthy, objective.undecided, D_WINS, G_WINS)}
    if objective.g_meaning:
        found["Loss/G"] = Meaning(
            objective.g_meaning, objective.g_healthy, objective.g_undecided, FOOLED, objective.g_above
        )
    found["Loss/scores/real"] = Meaning(text, objective.real_logits, None, reals, sure.format("reals"))
    found["Loss/scores/fake"] = Meaning(text, objective.fake_logits, None, sure.format("fakes"), fakes)
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
