"""What networks compute in; weights and what comes out stay float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """In the context, GPUs may, or may not, round the factors of products to TF32's 10 bits: in convolutions as in
    matrix products. (PyTorch's own default allows it in convolutions alone.)"""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = allowed
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before


def autocast_forward(network: nn.Module) -> None:
    """Let the network compute in bfloat16 where that is safe (torch.autocast's rules) and give float32 back.

    Not float16, whose range breaks R3GAN: Huang et al. 2024, arXiv:2501.05441, appendix E.
    """
    network.forward = NarrowForward(network)


class NarrowForward:
    """A network's ``forward`` in bfloat16. An object, not a closure, so that a copy of the network gets one of its own
    and the network can be pickled."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __call__(self, *args: Any) -> Tensor:
        with torch.autocast(args[0].device.type, torch.bfloat16):
            out: Tensor = type(self.network).forward(self.network, *args)
        return out.float()
