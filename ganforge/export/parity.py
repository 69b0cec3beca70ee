"""Is what leaves what was trained? The exported model's pictures beside PyTorch's, before the file has its name."""

from collections.abc import Callable

import torch
from torch import Tensor

from ganforge.base.errors import RunError
from ganforge.export.portable import Portable, inputs
from ganforge.sampling.model import Model

BATCHES = (1, 2, 7)
"""How many pictures are compared at a time: exporters may take the number that they saw for the only one."""
TOLERANCE = 1e-4
"""The most that a value may differ, of pictures in [-1, 1]: an 80th of a grey level. Of larger values, this share."""
NARROW_TOLERANCE = 0.25
"""The same between float32, in which every exported model computes, and ganforge's own pictures where the run computes
in bfloat16, with 8 bits: it shows a wrong model, not a wrong digit."""

Run = Callable[[Tensor, Tensor | None], Tensor]
"""The exported model: z and labels -> what ``Portable`` gives."""


@torch.no_grad()
def check_parity(run: Run, module: Portable, model: Model, what: str) -> float:
    """The largest difference of values from PyTorch's, in float32, at ``BATCHES``; what bytes cannot show counts as 0.

    Raises RunError where it is above ``TOLERANCE``, or where ganforge's own pictures differ.
    """
    largest = 0.0
    for count in BATCHES:
        z, labels = inputs(model, count)
        made, plain = run(z, labels), module.G(z, labels)
        own = model.generate(z, labels)
        narrow = model.config.precision == "bfloat16"
        for other, tolerance, whose in (
            (plain, TOLERANCE, "PyTorch's"),
            (own, NARROW_TOLERANCE if narrow else TOLERANCE, "ganforge's own"),
        ):
            found = difference(made, other)
            if not found <= tolerance:  # nor where it is NaN
                raise RunError(
                    f"The {what} model is not written: at batch {count} its pictures differ from {whose} by {found:.2g}"
                    f" of a range of 2, and {tolerance:g} is the most; please report it, with config.json."
                )
            largest = max(largest, found if other is plain else 0.0)
    return largest


def difference(made: Tensor, fakes: Tensor) -> float:
    """The largest difference of values, as a share of the largest fake above 1; infinite where shapes differ.

    made: fakes of the exported model, or bytes [N, H, W, C] of them: then only what rounding cannot explain counts.
    fakes: float [N, *shape].
    """
    if made.dtype == torch.uint8:
        levels = fakes.add(1).mul(127.5).clamp(0, 255).movedim(1, -1)
        if made.shape != levels.shape:
            return float("inf")
        return float((made - levels).abs().sub(0.5).clamp(min=0).max() / 127.5)
    if made.shape != fakes.shape or made.dtype != fakes.dtype:
        return float("inf")
    return float((made - fakes).abs().max() / fakes.abs().max().clamp(min=1))
