"""Statistics of the steps since the last report, kept on the device until the row is due."""

from typing import Any

import torch
from torch import Tensor


class Stats:
    """A list of tensors for each name, one a step: 0-d losses and norms, and [N] logits.

    Nothing is reduced before the row is due, so that adding costs nothing, needs no synchronisation, and a row does
    not depend on where a run was interrupted.
    """

    def __init__(self) -> None:
        self.values: dict[str, list[Tensor]] = {}

    def add(self, step: dict[str, Tensor]) -> None:
        """Keep one step's detached tensors."""
        for name, value in step.items():
            self.values.setdefault(name, []).append(value)

    def clear(self) -> None:
        self.values = {}

    def row(self) -> dict[str, Any]:
        """Means over the steps: of everything 0-d as it is; of the logits [N], D's mean score and its accuracy."""
        stacked = self.tensors()
        row = {name: value.double().mean().item() for name, value in sorted(stacked.items()) if value.dim() == 1}
        for side, sign in (("real", 1), ("fake", -1)):
            if (logits := stacked.get(f"{side}_logits")) is not None:
                row[f"Loss/scores/{side}"] = logits.double().mean().item()
                row[f"Accuracy/{side}"] = (logits * sign > 0).double().mean().item()
        return row

    def tensors(self) -> dict[str, Tensor]:
        """Everything kept, stacked: [steps] or [steps, N] by name."""
        return {name: torch.stack(values) for name, values in self.values.items()}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take back what ``tensors`` gave."""
        self.values = {name: list(value.unbind()) for name, value in tensors.items()}
