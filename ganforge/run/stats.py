"""Statistics of the steps since the last report, kept on the device until the row is due."""

from typing import Any

import torch
from torch import Tensor

from ganforge.base.runtime import widened

LOGITS = ("real_logits", "fake_logits")
MAX_NAMES = 100
SEPARATED = 1_024
"""So many logits of reals, and of fakes, of the newest steps tell how well D keeps them apart."""


class Stats:
    """A list of tensors for each name, one a step: 0-d losses and norms, and [N] logits.

    Nothing is reduced before the row is due, so that adding costs nothing, needs no synchronisation, and a row does
    not depend on where a run was interrupted.
    """

    def __init__(self, num_logits: int | None = None) -> None:
        """num_logits: N, which restored statistics are to have; None where they are not checked."""
        self.values: dict[str, list[Tensor]] = {}
        self.before: dict[str, Tensor] = {}
        self.num_logits = num_logits

    def add(self, step: dict[str, Tensor]) -> None:
        """Keep one step's detached tensors."""
        for name, value in step.items():
            self.values.setdefault(name, []).append(value)

    def clear(self) -> None:
        self.values, self.before = {}, {}

    def row(self, boundary: float | None = 0.0) -> dict[str, Any]:
        """Means over the steps: of everything 0-d as it is; of the logits [N], D's mean score, its accuracy, how far
        it keeps reals and fakes apart (``separation``, of the newest steps), and its logits' deviation in a batch.

        boundary: the logit at which D cannot tell reals from fakes; where there is none, there is no accuracy.
        """
        stacked = self.tensors()
        row = {name: widened(value).mean().item() for name, value in sorted(stacked.items()) if value.dim() == 1}
        for name, sign in zip(LOGITS, (1, -1), strict=True):
            if (logits := stacked.get(name)) is not None:
                side = name.removesuffix("_logits")
                row[f"Loss/scores/{side}"] = widened(logits).mean().item()
                if boundary is not None:
                    row[f"Accuracy/{side}"] = widened((logits - boundary) * sign > 0).mean().item()
        if len(both := [stacked[name] for name in LOGITS if name in stacked]) == len(LOGITS):
            newest = [widened(logits[-SEPARATED // logits.shape[1] :]) for logits in both]
            row["Logits/separation"] = separation(*newest)
            row["Logits/spread"] = torch.cat(newest, dim=1).std(1, correction=0).mean().item()
        return row

    def tensors(self) -> dict[str, Tensor]:
        """Everything kept, stacked: [steps] or [steps, N] by name."""
        parts = {name: [self.before[name]] if name in self.before else [] for name in self.values}
        return {
            name: torch.cat([*parts[name], *([torch.stack(values)] if values else [])])
            for name, values in self.values.items()
        }

    def unfit(self, tensors: dict[str, Tensor]) -> list[str]:
        """The names of those that ``tensors`` cannot have given, or one of them where there are too many."""
        if len(tensors) > MAX_NAMES:
            return list(tensors)[:1]
        return [
            name
            for name, value in tensors.items()
            if not value.is_floating_point()
            or value.dim() != (2 if name in LOGITS else 1)
            or not len(value)
            or (name in LOGITS and self.num_logits not in (None, value.shape[1]))
        ]

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Restore what ``tensors`` gave, as it is: a tensor for each step would take many times its memory."""
        self.before, self.values = dict(tensors), {name: [] for name in tensors}


def separation(reals: Tensor, fakes: Tensor) -> float:
    """The share of pairs, a real and a fake, in which the real has the higher logit, ties half: 1/2 where D cannot tell
    them apart, 1 where it always can, whatever the objective (the area under the ROC curve; Mann and Whitney 1947)."""
    order, fakes = reals.flatten().sort().values, fakes.flatten()
    above = len(order) - torch.searchsorted(order, fakes, right=True)
    not_below = len(order) - torch.searchsorted(order, fakes, right=False)
    return (widened(above + not_below).mean() / (2 * len(order))).item()
