"""What each number of the log means for a run's own loss, and where it is while both players are in the game.

The bands are no law: they are what D's answers amount to. For the cross-entropies they reach from "D cannot tell" to
"D is right with 95 % (or, for single answers, 99 %)"; for the others to the values that the loss aims at. Outside of
them one player has nearly won. Where a loss has no absolute scale there is no band, and the text says so. The formulas
are those of ``objectives/losses.py``, and tests/unit/viewer/read/test_curve_meanings.py compares the two.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ganforge.viewer.read.untrusted import number

HALF, SURE, VERY_SURE = math.log(2), -math.log(0.95), -math.log(0.01)


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


def cross_entropy_d(even: float, kind: str) -> Meaning:
    text = f"{kind} {even:.3f} when D cannot tell reals from fakes; it falls towards 0 as D wins."
    return Meaning(text, (even / HALF * SURE, even * 1.05), even, D_WINS, G_WINS)


def cross_entropy_g(kind: str) -> Meaning:
    text = f"{kind} {HALF:.3f} when D cannot tell; 4.6 when D gives a fake a 1 % chance of being real."
    return Meaning(text, (HALF / 1.5, VERY_SURE), HALF, FOOLED, BEHIND)


def logits(text: str, reals: tuple[float, float], fakes: tuple[float, float]) -> dict[str, Meaning]:
    """D's mean logits of both sides, each with its band."""
    sure, wrong = "D is very sure of the {}.", "D takes the {} for {}."
    return {
        "Loss/scores/real": Meaning(text, reals, None, wrong.format("reals", "fakes"), sure.format("reals")),
        "Loss/scores/fake": Meaning(text, fakes, None, sure.format("fakes"), wrong.format("fakes", "reals")),
    }


LOG_ODDS = logits(
    "0: cannot tell; 2.2: 90 % sure of real; -2.2: 90 % sure of fake; 4.6: 99 %.", (-0.5, VERY_SURE), (-VERY_SURE, 0.5)
)
NO_SCALE = "It has no absolute scale with this loss: only the gap between reals and fakes counts."
UNSCALED = {"Loss/scores/real": Meaning(NO_SCALE), "Loss/scores/fake": Meaning(NO_SCALE)}


def aimed(fake: float, real: float) -> dict[str, Meaning]:
    """Logits that the loss pulls to two values; D cannot tell in the middle."""
    middle, slack = (fake + real) / 2, (real - fake) / 4
    text = f"D aims at {real:g} for reals and {fake:g} for fakes; {middle:g}: cannot tell."
    return logits(text, (middle - slack, real + slack), (fake - slack, middle + slack))


def squares_d(even: float) -> Meaning:
    text = f"Squared distances from what D aims at. {even:g} when D cannot tell; it falls to 0 as D wins."
    return Meaning(text, (even / 10, even * 1.2), even, D_WINS, G_WINS)


ACCURACY = {
    f"Accuracy/{side}": Meaning(
        f"The share of {side}s that D calls {side}. 50 % is guessing. Read both.", (0.5, 0.99), 0.5,
        f"D is wrong about most {side}s.", f"D is right about nearly all {side}s.",
    )
    for side in ("real", "fake")
}  # fmt: skip
MEANINGS: dict[str, dict[str, Meaning]] = {
    "non-saturating": {
        "Loss/D": cross_entropy_d(2 * HALF, "The cross-entropy of D's answers on reals and fakes, in nats."),
        "Loss/G": cross_entropy_g("-ln of the probability that D gives the fakes of being real, in nats."),
    } | LOG_ODDS | ACCURACY,
    "minimax": {
        "Loss/D": cross_entropy_d(2 * HALF, "The cross-entropy of D's answers on reals and fakes, in nats."),
        "Loss/G": Meaning(
            f"ln of the probability that D sees a fake as fake: always 0 or less, which is not a bug. {-HALF:.3f} when "
            "D cannot tell; near 0, D wins and G's gradient vanishes.", (-1.5 * HALF - 0.4, -0.01), -HALF, FOOLED,
            "D sees through nearly every fake, and with this loss G then hardly learns.",
        ),
    } | LOG_ODDS | ACCURACY,
    "lsgan": {
        "Loss/D": squares_d(0.25),
        "Loss/G": Meaning(
            "Half the squared distance of the fakes' logits from 1. 0.125 when D cannot tell; 0.5 when D gives the "
            "fakes 0.", (0.05, 0.72), 0.125, FOOLED, BEHIND,
        ),
    } | aimed(0, 1) | ACCURACY,
    "lsgan-ab": {
        "Loss/D": squares_d(1.0),
        "Loss/G": Meaning(
            "Half the squared logits of the fakes: 0 when D cannot tell, 0.5 when it gives them -1.", (0.0, 0.72), 0.0,
            "", BEHIND,
        ),
    } | aimed(-1, 1) | ACCURACY,
    "wgan": {
        "Loss/D": Meaning(
            "Without penalties: minus the distance that D sees between reals and fakes, up to a factor. Negative is "
            "not a bug; 0: D sees none. Its way towards 0 is what to look at, not its value.", None, 0.0,
        ),
        "Loss/G": Meaning(f"Minus the fakes' mean logit, of any sign. {NO_SCALE}"),
    } | UNSCALED,
    "hinge": {
        "Loss/D": Meaning(
            "How far D's logits are from beyond 1 for reals and beyond -1 for fakes. 2 when D cannot tell; 0 when it "
            "is sure of everything.", (0.1, 2.1), 2.0, D_WINS, G_WINS,
        ),
        "Loss/G": Meaning("Minus the fakes' mean logit, of any sign: negative is no bug. 0: D cannot tell."),
    } | logits("Beyond 1 for reals and -1 for fakes D gains nothing more; 0: cannot tell.", (-0.25, 3.0), (-3.0, 0.25))
    | ACCURACY,
    "relativistic": {
        "Loss/D": cross_entropy_d(HALF, "-ln of the probability that D finds a real more real than a fake, in nats."),
        "Loss/G": cross_entropy_g("-ln of the probability that D finds a fake more real than a real, in nats."),
    } | UNSCALED,
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
PENALTIES = {"r1": "r1_gamma", "r2": "r2_gamma", "gp": "gp_weight", "dragan": "dragan_weight"}


def title_of(column: str) -> str:
    """D's loss; D's penalty r1."""
    return TITLES.get(column, f"D's penalty {column.removeprefix('Loss/D/')}")


def shared_band(found: Iterable[Meaning | None]) -> tuple[tuple[float, float], ...]:
    """The healthy band, if it is the same for all of them; else none."""
    bands = {meaning.healthy if meaning is not None else None for meaning in found}
    return tuple(band for band in bands if band is not None and len(bands) == 1)


def meanings(settings: Mapping[str, Any]) -> dict[str, Meaning]:
    """By the log's columns, for a run of these settings; without those of the loss where the objective is not known.

    With a penalty, D's loss is the sum of its terms and the penalty, so that it has no band of its own.
    """
    found = dict(MEANINGS.get(str(settings.get("objective")), {}))
    paid = [name for name, setting in PENALTIES.items() if number(settings.get(setting))]
    if paid and "Loss/D" in found:
        found["Loss/D"] = Meaning(f"{found['Loss/D'].text} This run adds {' and '.join(paid)} to it.")
    return found | {f"Loss/D/{name}": Meaning("0 or more, weight included.") for name in paid} | ALWAYS
