"""Optimizers as explicit objects: the arithmetic is PyTorch's, the state is plain lists of tensors.

They take gradients as an argument instead of reading ``.grad``, so that nothing is left over between updates, and spare
the bookkeeping of ``torch.optim.Optimizer``, which a small network on a CPU feels.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop


class Optimizer(Protocol):
    """What the update needs: the parameters in their order, and a step.

    lr, betas: may be set anew before every step, by a schedule.
    """

    params: list[Tensor]
    lr: float
    betas: tuple[float, float]

    def step(self, grads: Sequence[Tensor], skip: Tensor) -> None:
        """Update the weights and moments with one gradient each, unless ``skip`` (a float, 0-d, 0 or 1) is set."""

    def tensors(self) -> dict[str, Tensor]:
        """All state, by name: `<parameter>.<kind>`."""


class Adam:
    """Kingma & Ba 2015, arXiv:1412.6980, algorithm 1, by ``torch.optim.adam.adam`` (eps = 1e-8, no weight decay).

    With fused=False the weights are equal, to the bit, to ``torch.optim.Adam``'s.
    """

    def __init__(self, network: nn.Module, lr: float, betas: tuple[float, float], *, fused: bool) -> None:
        self.names = [name for name, _ in network.named_parameters()]
        self.params: list[Tensor] = list(network.parameters())
        self.lr, self.betas, self.fused = lr, betas, fused
        self.exp_avg = [torch.zeros_like(p, requires_grad=False) for p in self.params]
        self.exp_avg_sq = [torch.zeros_like(p, requires_grad=False) for p in self.params]
        # Plain Adam keeps its step counts on the CPU, fused Adam beside the weights.
        self.steps = [torch.zeros((), device=p.device if fused else "cpu") for p in self.params]

    @torch.no_grad()
    def step(self, grads: Sequence[Tensor], skip: Tensor) -> None:
        if not self.fused and bool(skip):
            return
        adam(
            self.params, list(grads), self.exp_avg, self.exp_avg_sq, [], self.steps,
            foreach=False, fused=self.fused, found_inf=skip if self.fused else None,
            amsgrad=False, beta1=self.betas[0], beta2=self.betas[1], lr=self.lr,
            weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip

    def tensors(self) -> dict[str, Tensor]:
        """`<parameter>.exp_avg`, `.exp_avg_sq` and `.step`."""
        kinds = (("exp_avg", self.exp_avg), ("exp_avg_sq", self.exp_avg_sq), ("step", self.steps))
        return {f"{n}.{kind}": t for kind, ts in kinds for n, t in zip(self.names, ts, strict=True)}


class RMSprop:
    """Tieleman & Hinton 2012, lecture 6.5, by ``torch.optim.rmsprop.rmsprop`` (alpha = 0.99, eps = 1e-8, no momentum).

    The original WGAN's (arXiv:1701.07875), which found momentum harmful. betas are not looked at.
    """

    def __init__(self, network: nn.Module, lr: float) -> None:
        self.names = [name for name, _ in network.named_parameters()]
        self.params: list[Tensor] = list(network.parameters())
        self.lr, self.betas = lr, (0.0, 0.0)
        self.square_avg = [torch.zeros_like(p, requires_grad=False) for p in self.params]
        self.steps = [torch.zeros(()) for _ in self.params]

    @torch.no_grad()
    def step(self, grads: Sequence[Tensor], skip: Tensor) -> None:
        if bool(skip):
            return
        rmsprop(
            self.params, list(grads), self.square_avg, [], [], self.steps,
            lr=self.lr, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False,
        )  # fmt: skip

    def tensors(self) -> dict[str, Tensor]:
        """`<parameter>.square_avg` and `.step`."""
        kinds = (("square_avg", self.square_avg), ("step", self.steps))
        return {f"{n}.{kind}": t for kind, ts in kinds for n, t in zip(self.names, ts, strict=True)}
