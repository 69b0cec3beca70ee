"""All that training changes, in one object. What is not in it may not change."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.wording import as_typed
from ganforge.run.stats import Stats
from ganforge.run.stored_facts import Counters, counters_in
from ganforge.training.optimizer import Optimizer


class TrainingState:
    """Both networks, their optimizers, the moving average, the statistics of the report under way, and counters.

    step: G's updates so far. ada_p: adaptive augmentation's probability, 0-d, where there is any.
    nimg: real pictures shown to D so far. reported_nimg: nimg at the last row of the log that stands (-1: none yet);
    measured_nimg: the same of metrics.jsonl.
    elapsed_sec: time spent training, over all the processes that worked on the run. failed: float, 0-d, on the device,
    1 once a step was not finite. num_logits: as ``Stats`` has it.
    """

    def __init__(
        self,
        G: nn.Module,
        D: nn.Module,
        G_opt: Optimizer,
        D_opt: Optimizer,
        *,
        with_ema: bool,
        with_ada: bool = False,
        num_logits: int | None = None,
    ) -> None:
        self.G, self.D, self.G_opt, self.D_opt = G, D, G_opt, D_opt
        self.G_ema = copy.deepcopy(G).requires_grad_(False).eval() if with_ema else None
        device = next(G.parameters()).device
        self.ada_p = torch.zeros((), device=device)
        self.with_ada = with_ada
        self.stats = Stats(num_logits)
        self.step = 0
        self.nimg = 0
        self.reported_nimg = -1
        self.measured_nimg = -1
        self.elapsed_sec = 0.0
        self.failed = torch.zeros((), device=device)

    @property
    def G_for_sampling(self) -> nn.Module:
        """The network that makes the pictures: the moving average where there is one, else G."""
        return self.G if self.G_ema is None else self.G_ema

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor, by name: `G.<parameter>`, `D_opt.<parameter>.exp_avg`, `stats.Loss/D`, ..."""
        named = self._fixed() | {f"stats.{name}": value for name, value in self.stats.tensors().items()}
        return {name: value.detach() for name, value in named.items()}

    def facts(self) -> dict[str, Any]:
        """Every number that is not a tensor."""
        return {name: getattr(self, name) for name in Counters.model_fields}

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take over what ``tensors`` and ``facts`` gave. Raises UserError, having taken over nothing, where names,
        shapes or types are others, or facts are none."""
        counters = counters_in(facts)
        fixed = self._fixed()
        stats = {name.removeprefix("stats."): t for name, t in tensors.items() if name.startswith("stats.")}
        given = {name: t for name, t in tensors.items() if not name.startswith("stats.")}
        faults = sorted(fixed.keys() ^ given.keys())
        faults += [name for name in fixed.keys() & given.keys() if not _alike(fixed[name], given[name])]
        faults += [f"stats.{name}" for name in self.stats.unfit(stats)]
        if faults:
            named = ", ".join(map(as_typed, faults[:5])) + ", ..." * (len(faults) > 5)
            why = "A run of another version goes on with that version only."
            raise UserError(f"The checkpoint does not fit the run's settings: {named}. {why}")
        for name, tensor in fixed.items():
            tensor.copy_(given[name])
        self.G_opt.loaded()
        self.D_opt.loaded()
        self.stats.load_tensors({name: value.to(self.failed.device) for name, value in stats.items()})
        for name, value in counters:
            setattr(self, name, value)

    def take_weights(self, tensors: dict[str, Tensor]) -> None:
        """Take over networks, optimizers, average and ADA's p of what ``tensors`` gave; counters and statistics stay.
        Raises as ``load``."""
        own = {name: tensor for name, tensor in self.tensors().items() if name.startswith("stats.")}
        given = {name: tensor for name, tensor in tensors.items() if not name.startswith("stats.")}
        self.load(given | own, self.facts())

    def _fixed(self) -> dict[str, Tensor]:
        parts = {"G": self.G.state_dict(), "D": self.D.state_dict()}
        parts |= {"G_opt": self.G_opt.tensors(), "D_opt": self.D_opt.tensors()}
        if self.G_ema is not None:
            parts["G_ema"] = self.G_ema.state_dict()
        if self.with_ada:
            parts["ada"] = {"p": self.ada_p}
        return {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype
