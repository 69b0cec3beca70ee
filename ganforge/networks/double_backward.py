"""Layers for a D whose gradient is penalised: the gradient of its gradient costs no more than the gradient did.

With PyTorch's own layers it does. The gradient of a convolution's gradient (ATen's ``_convolution_double_backward``)
is worked out with filters as large as the pictures, and group by group. And since LeakyReLU's gradient does not
depend on its input but for the sign, the gradient of it for the input is 0: PyTorch takes these zeros back through all
layers below. The numbers are the same here, up to rounding where gradients of gradients are summed.

Where no gradient will be differentiated (``base.gradients``), they are PyTorch's own, which are quicker then.
torch.func's transforms go through these layers. torch.compile and torch.export see PyTorch's own in their place: a
compiler loses what autograd functions, such as those here, save for a second gradient.
"""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, leaky_relu_

from ganforge.base.gradients import are_differentiated_twice

Pair = tuple[int, ...]
"""For height and for width."""


class Conv2d(nn.Conv2d):
    """[N, in_channels, h, w] -> [N, out_channels, ...]: as ``nn.Conv2d`` with zeros for padding and no dilation."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        assert isinstance(self.padding, tuple)
        return convolution(input, weight, bias, self.stride, self.padding, self.groups)


class LeakyReLU(nn.Module):
    """As ``nn.LeakyReLU(slope, inplace=True)``: it overwrites its input, except in a compiler."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, input: Tensor) -> Tensor:
        if _is_plain(input):
            return leaky_relu(input, self.slope, inplace=not torch.compiler.is_compiling())
        output: Tensor = _LeakyReLU.apply(input, self.slope)
        return output


def convolution(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Pair = (1, 1), padding: Pair = (0, 0),
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """``torch.nn.functional.conv2d``, whose gradient for the input is a transposed convolution where it is to be
    differentiated, as in the code of Karras et al. 2020, arXiv:2006.06676 (`conv2d_gradfix`).

    The gradient for the input and that for weight and bias are nodes of their own in the graph, so that autograd works
    out only those that it is asked for: a penalty asks for the input's alone. Both nodes give out an empty stand-in of
    the output's shape, which takes no memory; the output's node hands its gradient on to them.
    """
    if _is_plain(input):
        return conv2d(input, weight, bias, stride, padding, groups=groups)
    if input.device.type != "meta" and torch.is_autocast_enabled(input.device.type):
        narrow = torch.get_autocast_dtype(input.device.type)
        input, weight = input.to(narrow), weight.to(narrow)
        bias = None if bias is None else bias.to(narrow)
    weight = weight[...]  # a node of its own, so that this call's gradients are summed before other calls' join them
    geometry = stride, padding, groups
    (count, _, height, width), (channels, _, *reach) = input.shape, weight.shape
    rows = (height + 2 * padding[0] - reach[0]) // stride[0] + 1
    columns = (width + 2 * padding[1] - reach[1]) // stride[1] + 1
    shape = count, channels, rows, columns
    # What is wrapped in a tuple is no input to autograd: no gradient for it is asked of the node, yet the gradient that
    # the node gives out can be differentiated for it.
    for_input = _InputGradient.apply(input, (weight,), shape, geometry)
    for_weight = _WeightGradient.apply(weight, bias, (input,), shape, geometry)
    output: Tensor = _Convolution.apply(for_input, for_weight, (input, weight, bias), geometry)
    return output


def _is_plain(input: Tensor) -> bool:
    """Whether PyTorch's own layer is used: in a compiler, where no gradient for the input can be asked for, and where
    none will be differentiated."""
    if torch.compiler.is_compiling() or not are_differentiated_twice():
        return True
    return not (input.requires_grad and torch.is_grad_enabled())


def _bound_quickly(forward: Callable[..., Tensor]) -> Any:
    """A ``forward`` as a static method whose signature is known in advance: ``Function.apply`` looks it up each time,
    which takes longer than all else that it does."""
    forward.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]
    return staticmethod(forward)


class _Convolution(torch.autograd.Function):
    """(the two stand-ins, (input, weight, bias), geometry) -> output."""

    generate_vmap_rule = True

    @_bound_quickly
    def forward(*given: Any) -> Tensor:
        _, _, (input, weight, bias), (stride, padding, groups) = given
        return conv2d(input, weight, bias, stride, padding, groups=groups)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad, grad, None, None


class _InputGradient(torch.autograd.Function):
    """(input, (weight,), shape, geometry) -> stand-in of this shape."""

    generate_vmap_rule = True

    @_bound_quickly
    def forward(*given: Any) -> Tensor:
        input, _, shape, _ = given
        return _stand_in(input, shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        input, (weight,), _, ctx.geometry = inputs
        ctx.save_for_backward(input, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        input, weight = ctx.saved_tensors
        if not torch.is_grad_enabled():
            return _gradients(grad, input, weight, ctx.geometry, [True, False, False])[0], None, None, None
        # It is to be differentiated.
        stride, padding, groups = ctx.geometry
        rest = _unreached(input, weight, grad, stride, padding)
        return conv_transpose2d(grad, weight, None, stride, padding, rest, groups), None, None, None


class _WeightGradient(torch.autograd.Function):
    """(weight, bias, (input,), shape, geometry) -> stand-in of this shape."""

    generate_vmap_rule = True

    @_bound_quickly
    def forward(*given: Any) -> Tensor:
        weight, _, _, shape, _ = given
        return _stand_in(weight, shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        weight, _, (input,), _, ctx.geometry = inputs
        ctx.save_for_backward(input, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        input, weight = ctx.saved_tensors
        asked = [False, *ctx.needs_input_grad[:2]]
        return *_gradients(grad, input, weight, ctx.geometry, asked)[1:], None, None, None


def _stand_in(like: Tensor, shape: Pair) -> Tensor:
    return like.new_empty_strided(shape, (0, 0, 0, 0))


def _gradients(
    grad: Tensor, input: Tensor, weight: Tensor, geometry: tuple[Pair, Pair, int], asked: list[bool]
) -> tuple[Tensor | None, ...]:
    """Those for input, weight and bias, or None where not asked for."""
    stride, padding, groups = geometry
    found: tuple[Tensor | None, ...] = torch.ops.aten.convolution_backward.default(
        grad, input, weight, [len(weight)], stride, padding, [1, 1], False, [0, 0], groups, asked
    )
    return found


def _unreached(input: Tensor, weight: Tensor, grad: Tensor, stride: Pair, padding: Pair) -> list[int]:
    """How many rows and columns at the end of the padded input no filter reaches."""
    sides = zip(input.shape[2:], weight.shape[2:], grad.shape[2:], stride, padding, strict=True)
    return [side + 2 * around - ((places - 1) * step + reach) for side, reach, places, step, around in sides]


class _LeakyReLU(torch.autograd.Function):
    """(input, slope) -> output."""

    generate_vmap_rule = True

    @_bound_quickly
    def forward(*given: Any) -> Tensor:
        input, slope = given
        return leaky_relu_(input, slope).view_as(input)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.slope = inputs[1]
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (output,) = ctx.saved_tensors
        # Detached: the sign is a constant.
        found: Tensor = torch.ops.aten.leaky_relu_backward.default(grad, output.detach(), ctx.slope, True)
        return found, None
