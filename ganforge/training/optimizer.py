"""Optimizers as explicit objects: the arithmetic is PyTorch's, the state is plain lists of tensors.

They take gradients as an argument instead of reading ``.grad``, so that nothing is left over between updates, and spare
the bookkeeping of ``torch.optim.Optimizer``, which a small network on a CPU feels. Whether a step is skipped is told by
a tensor beside the weights, and nobody waits to read it: the step is computed and masked.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError

WRAPPERS = {"DistributedDataParallel", "DataParallel", "FullyShardedDataParallel", "FSDPModule"}


class Optimizer(Protocol):
    """What the update needs: the parameters in their order, and a step.

    lr, betas: may be set anew before every step, by a schedule; 0-d float32 tensors beside the weights do, too: the
    rate, the second beta, as a step that is recorded to be replayed needs them (``training.capture``).
    """

    params: list[Tensor]
    lr: float | Tensor
    betas: tuple[float, float | Tensor]

    def step(self, grads: Sequence[Tensor], skip: Tensor) -> None:
        """Update the weights and moments with one gradient each, unless ``skip`` (a float, 0-d, 0 or 1) is set, from
        which on no step is taken any more."""

    def tensors(self) -> dict[str, Tensor]:
        """All state, by name: `<parameter>.<kind>`."""

    def loaded(self) -> None:
        """To be called when other values were put into ``tensors()``."""


def parameters_of(network: nn.Module) -> tuple[list[str], list[Tensor]]:
    """Names and parameters, in their order.

    Raises UserError for a wrapper that gathers gradients in ``backward``, which is never called here: processes would
    not be synchronised.
    """
    for part in network.modules():
        if WRAPPERS.intersection(one.__name__ for one in type(part).__mro__):
            raise UserError(
                f"A network is wrapped in {type(part).__name__}, and the update of ganforge's does not synchronise "
                "several processes or devices as yet; give it the plain network, in one process."
            )
    return [name for name, _ in network.named_parameters()], list(network.parameters())


class Adam:
    """Kingma & Ba 2015, arXiv:1412.6980, algorithm 1, with eps = 1e-8 and no weight decay.

    With fused=True by PyTorch's one-pass kernel; with fused=False the weights on a CPU are equal, to the bit, to those
    of ``torch.optim.Adam``. Raises UserError as ``parameters_of`` does.
    """

    def __init__(self, network: nn.Module, lr: float, betas: tuple[float, float], *, fused: bool) -> None:
        self.names, self.params = parameters_of(network)
        self.fused = fused
        self.lr: float | Tensor = lr
        self.betas: tuple[float, float | Tensor] = betas
        self.exp_avg = [torch.zeros_like(p, requires_grad=False) for p in self.params]
        self.exp_avg_sq = [torch.zeros_like(p, requires_grad=False) for p in self.params]
        self.count = 0  # of the steps, on the host, so that nobody has to read ``steps`` from the device
        # Fused, one for all.
        self.steps = [torch.zeros((), device=p.device) for p in (self.params[:1] if fused else self.params)]

    @torch.no_grad()
    def step(self, grads: Sequence[Tensor], skip: Tensor) -> None:
        if not self.fused:
            self._plain_step(grads, skip)
            return
        # As torch.optim.adam.adam does it, without its regrouping of the tensors and its count for each of them.
        (count,) = self.steps
        count.add_(1).sub_(skip)
        beta1, beta2 = self.betas
        grads = laid_out_as(self.params, grads)
        if isinstance(beta2, Tensor):
            self._step_by_lists(grads, skip, count, beta2)
            return
        torch._fused_adam_(
            self.params, grads, self.exp_avg, self.exp_avg_sq, [], [count] * len(grads), found_inf=skip,
            lr=self.lr, beta1=beta1, beta2=beta2, weight_decay=0.0, eps=1e-8, amsgrad=False, maximize=False,
        )  # fmt: skip

    def _step_by_lists(self, grads: Sequence[Tensor], skip: Tensor, count: Tensor, beta2: Tensor) -> None:
        """The same with a beta2 that only the device knows, which the one-pass kernel does not take: an operation for
        all weights at a time; with ``skip`` set, each leaves things as they are."""
        beta1, go, count = self.betas[0], 1 - skip, count.clamp(min=1)
        flat = torch.where(skip == 0, torch.cat(list(map(_in_memory, grads))), 0.0)
        finite = list(flat.split([grad.numel() for grad in grads]))
        params, means, squares = (list(map(_in_memory, one)) for one in (self.params, self.exp_avg, self.exp_avg_sq))
        nearer = torch._foreach_sub(finite, means)
        torch._foreach_mul_(nearer, go * (1 - beta1))
        torch._foreach_add_(means, nearer)
        torch._foreach_mul_(squares, go * beta2 + skip)
        torch._foreach_mul_(finite, finite)
        torch._foreach_mul_(finite, 1 - beta2)
        torch._foreach_add_(squares, finite)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, (1 - beta2**count).sqrt())
        torch._foreach_add_(roots, 1e-8)
        steps = torch._foreach_div(means, roots)
        torch._foreach_mul_(steps, -self.lr * go / (1 - beta1**count))
        torch._foreach_add_(params, steps)

    def _plain_step(self, grads: Sequence[Tensor], skip: Tensor) -> None:
        """The operations of torch.optim.Adam, one by one; with ``skip`` set, each leaves things as they are."""
        (beta1, beta2), lr = self.betas, self.lr
        assert not isinstance(beta2, Tensor) and not isinstance(lr, Tensor)  # the count is on the host, too
        self.count += 1
        step_size, correction = lr / (1 - beta1**self.count), (1 - beta2**self.count) ** 0.5
        go, one = _go_ahead(skip)
        share, kept = (one * (1 - beta1)).to(self.params[0].dtype), one * beta2 + (1 - one)
        eps = 1e-8 / one  # infinite where the step is skipped: the weight's change is then 0
        for param, grad, mean, square in zip(self.params, grads, self.exp_avg, self.exp_avg_sq, strict=True):
            finite = torch.where(go, grad, 0.0)
            mean.lerp_(finite, share)
            square.mul_(kept).addcmul_(finite, finite, value=1 - beta2)
            root = torch.sqrt(square, out=finite)  # into memory that is needed no more
            param.addcdiv_(mean, root.div_(correction).add_(eps), value=-step_size)
        torch._foreach_add_(self.steps, [1 - skip] * len(self.steps))

    def tensors(self) -> dict[str, Tensor]:
        """`<parameter>.exp_avg` and `.exp_avg_sq`; and the count of steps: fused, `step`, else `<parameter>.step`, the
        same number for each."""
        kinds = (("exp_avg", self.exp_avg), ("exp_avg_sq", self.exp_avg_sq))
        named = {f"{n}.{kind}": t for kind, ts in kinds for n, t in zip(self.names, ts, strict=True)}
        counts = {"step": self.steps[0]} if self.fused else _counts(self.names, self.steps)
        return named | counts

    def loaded(self) -> None:
        self.count = int(self.steps[0])


def laid_out_as(params: Sequence[Tensor], grads: Sequence[Tensor]) -> list[Tensor]:
    """The gradients in the memory order of their parameters, which the fused kernel goes by whatever the strides say.

    Gradients of gradients, which the penalties ask for, come in other orders, and `torch.autograd.grad`, unlike
    `.backward()`, does not bring them into the parameter's.
    """
    return [
        grad if grad.stride() == param.stride() else torch.empty_like(param).copy_(grad)
        for param, grad in zip(params, grads, strict=True)
    ]


def _in_memory(tensor: Tensor) -> Tensor:
    """The tensor's numbers in the order in which they lie in memory, without gaps: a view."""
    return tensor.as_strided((tensor.numel(),), (1,))


class RMSprop:
    """Tieleman & Hinton 2012, lecture 6.5, with alpha = 0.99, eps = 1e-8 and no momentum.

    The original WGAN's (arXiv:1701.07875), which found momentum harmful. On a CPU the weights are equal, to the bit, to
    those of ``torch.optim.RMSprop``. ``betas`` are ignored. Raises UserError likewise.
    """

    def __init__(self, network: nn.Module, lr: float) -> None:
        self.names, self.params = parameters_of(network)
        self.lr: float | Tensor = lr
        self.betas: tuple[float, float | Tensor] = (0.0, 0.0)
        self.square_avg = [torch.zeros_like(p, requires_grad=False) for p in self.params]
        self.steps = [torch.zeros((), device=p.device) for p in self.params]

    @torch.no_grad()
    def step(self, grads: Sequence[Tensor], skip: Tensor) -> None:
        """As torch.optim.RMSprop, one operation after the other; with ``skip`` set, each leaves things as they are."""
        go, one = _go_ahead(skip)
        kept = one * 0.99 + (1 - one)
        for param, grad, square in zip(self.params, grads, self.square_avg, strict=True):
            finite = torch.where(go, grad, 0.0)
            square.mul_(kept).addcmul_(finite, finite, value=1 - 0.99)
            root = square.sqrt().add_(1e-8)
            if isinstance(self.lr, Tensor):
                param.sub_(finite.div_(root).mul_(self.lr))
            else:
                param.addcdiv_(finite, root, value=-self.lr)
        torch._foreach_add_(self.steps, [1 - skip] * len(self.steps))

    def tensors(self) -> dict[str, Tensor]:
        """`<parameter>.square_avg`; and `<parameter>.step`, the count of steps, the same number for each."""
        named = {f"{n}.square_avg": t for n, t in zip(self.names, self.square_avg, strict=True)}
        return named | _counts(self.names, self.steps)

    def loaded(self) -> None:
        pass


def _counts(names: Sequence[str], steps: Sequence[Tensor]) -> dict[str, Tensor]:
    return {f"{name}.step": count for name, count in zip(names, steps, strict=True)}


def _go_ahead(skip: Tensor) -> tuple[Tensor, Tensor]:
    """Whether a step is to be taken: as a mask; and as 1 or 0, as exact as Python's numbers but on MPS."""
    go = skip == 0
    return go, go.to(torch.float32 if skip.device.type == "mps" else torch.float64)
