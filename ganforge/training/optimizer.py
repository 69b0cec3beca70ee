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

from ganforge.base.errors import UserError

WRAPPERS = {"DistributedDataParallel", "DataParallel", "FullyShardedDataParallel", "FSDPModule"}


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


def refuse_wrapped(*networks: nn.Module) -> None:
    """Raise UserError for a wrapper that gathers gradients in ``backward``, which is never called here."""
    for part in (part for network in networks for part in network.modules()):
        if WRAPPERS.intersection(one.__name__ for one in type(part).__mro__):
            raise UserError(
                f"A network is wrapped in {type(part).__name__}, and the update of ganforge's does not synchronise "
                "several processes or devices as yet; give it the plain network, in one process."
            )


class Adam:
    """Kingma & Ba 2015, arXiv:1412.6980, algorithm 1, by PyTorch's kernels (eps = 1e-8, no weight decay).

    With fused=False the weights are equal, to the bit, to ``torch.optim.Adam``'s.
    """

    def __init__(self, network: nn.Module, lr: float, betas: tuple[float, float], *, fused: bool) -> None:
        self.names = [name for name, _ in network.named_parameters()]
        self.params: list[Tensor] = list(network.parameters())
        self.lr, self.betas, self.fused = lr, betas, fused
        self.exp_avg = [torch.zeros_like(p, requires_grad=False) for p in self.params]
        self.exp_avg_sq = [torch.zeros_like(p, requires_grad=False) for p in self.params]
        # Plain Adam counts its steps on the CPU, for each parameter anew; fused Adam once for all, beside the weights.
        counts = 1 if fused else len(self.params)
        self.steps = [torch.zeros((), device=self.params[0].device if fused else "cpu") for _ in range(counts)]

    @torch.no_grad()
    def step(self, grads: Sequence[Tensor], skip: Tensor) -> None:
        beta1, beta2 = self.betas
        if self.fused:
            # As torch.optim.adam.adam does it, without its regrouping of the tensors and its count for each of them.
            (count,) = self.steps
            count.add_(1).sub_(skip)
            torch._fused_adam_(
                self.params, laid_out_as(self.params, grads), self.exp_avg, self.exp_avg_sq, [],
                [count] * len(grads), found_inf=skip,
                lr=self.lr, beta1=beta1, beta2=beta2, weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False,
            )  # fmt: skip
        elif not bool(skip):
            adam(
                self.params, list(grads), self.exp_avg, self.exp_avg_sq, [], self.steps, foreach=False, fused=False,
                lr=self.lr, beta1=beta1, beta2=beta2, weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False,
            )  # fmt: skip

    def tensors(self) -> dict[str, Tensor]:
        """`<parameter>.exp_avg`, `.exp_avg_sq` and `.step`; fused, `step` for all parameters together."""
        kinds = [("exp_avg", self.exp_avg), ("exp_avg_sq", self.exp_avg_sq)]
        if not self.fused:
            kinds.append(("step", self.steps))
        named = {f"{n}.{kind}": t for kind, ts in kinds for n, t in zip(self.names, ts, strict=True)}
        return named | {"step": self.steps[0]} if self.fused else named


def laid_out_as(params: Sequence[Tensor], grads: Sequence[Tensor]) -> list[Tensor]:
    """The gradients in the memory order of their parameters, which the fused kernel goes by whatever the strides say.

    Gradients of gradients, which the penalties ask for, come in other orders, and `torch.autograd.grad`, unlike
    `.backward()`, does not bring them into the parameter's.
    """
    return [
        grad if grad.stride() == param.stride() else torch.empty_like(param).copy_(grad)
        for param, grad in zip(params, grads, strict=True)
    ]


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
