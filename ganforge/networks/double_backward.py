"""Layers for a D whose gradient is penalised: the gradient of its gradient costs no more than the gradient did.

With PyTorch's own layers it does. The gradient of a convolution's gradient (ATen's ``_convolution_double_backward``)
is worked out with filters as large as the pictures, and group by group. And since LeakyReLU's gradient does not
depend on its input but for the sign, the gradient of it for the input is 0: PyTorch takes these zeros back through all
layers below. The numbers are the same here, up to rounding where gradients of gradients are summed.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu_

Pair = tuple[int, ...]
"""For height and for width."""


class Conv2d(nn.Conv2d):
    """[N, in_channels, h, w] -> [N, out_channels, ...]: as ``nn.Conv2d`` with zeros for padding and no dilation."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        assert isinstance(self.padding, tuple)
        return convolution(input, weight, bias, self.stride, self.padding, self.groups)


class LeakyReLU(nn.Module):
    """As ``nn.LeakyReLU(slope, inplace=True)``."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, input: Tensor) -> Tensor:
        output: Tensor = _LeakyReLU.apply(input, self.slope)
        return output


def convolution(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Pair = (1, 1), padding: Pair = (0, 0),
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """``torch.nn.functional.conv2d``, whose gradient for the input is a transposed convolution also where it is to be
    differentiated, as in the code of Karras et al. 2020, arXiv:2006.06676 (`conv2d_gradfix`)."""
    given = [input, weight, bias]
    if input.device.type != "meta" and torch.is_autocast_enabled(input.device.type):
        narrow = torch.get_autocast_dtype(input.device.type)
        given = [None if tensor is None else tensor.to(narrow) for tensor in given]
    # tensor[...] is the same tensor as a node of its own in the graph, which knows whether its gradient is asked for.
    nodes = [None if tensor is None else tensor[...] for tensor in given]
    output: Tensor = _Convolution.apply(*nodes, stride, padding, groups)
    return output


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair, groups: int
    ) -> Tensor:
        ctx.save_for_backward(input, weight)
        ctx.nodes = [None if tensor is None else tensor.grad_fn for tensor in (input, weight, bias)]
        ctx.geometry = stride, padding, groups
        return conv2d(input, weight, bias, stride, padding, groups=groups)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        input, weight = ctx.saved_tensors
        stride, padding, groups = ctx.geometry
        asked = [node is not None and torch._C._will_engine_execute_node(node) for node in ctx.nodes]
        for_input = None
        if asked[0] and torch.is_grad_enabled():  # for the input, and to be differentiated
            asked[0] = False
            rest = _unreached(input, weight, grad, stride, padding)
            for_input = conv_transpose2d(grad, weight, None, stride, padding, rest, groups)
        grads: list[Tensor | None] = [None, None, None]
        if any(asked):
            grads = torch.ops.aten.convolution_backward(
                grad, input, weight, [len(weight)], stride, padding, [1, 1], False, [0, 0], groups, asked
            )
        return grads[0] if for_input is None else for_input, grads[1], grads[2], None, None, None


def _unreached(input: Tensor, weight: Tensor, grad: Tensor, stride: Pair, padding: Pair) -> list[int]:
    """How many rows and columns at the end of the padded input no filter reaches."""
    sides = zip(input.shape[2:], weight.shape[2:], grad.shape[2:], stride, padding, strict=True)
    return [side + 2 * around - ((places - 1) * step + reach) for side, reach, places, step, around in sides]


class _LeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, slope: float) -> Tensor:
        ctx.mark_dirty(input)
        output = leaky_relu_(input, slope)
        ctx.save_for_backward(output)
        ctx.slope = slope
        return output

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (output,) = ctx.saved_tensors
        # Detached: the sign is a constant.
        found: Tensor = torch.ops.aten.leaky_relu_backward(grad, output.detach(), ctx.slope, True)
        return found, None
