"""bfloat16: networks compute in it, weights and what comes out stay float32."""

from typing import Any

import torch
from torch import Tensor, nn


def autocast_forward(network: nn.Module, device: torch.device) -> None:
    """Let the network compute in bfloat16 where that is safe (torch.autocast's rules) and give float32 back.

    Not float16, whose range breaks R3GAN: Huang et al. 2024, arXiv:2501.05441, appendix E.
    """
    plain = network.forward

    def forward(*args: Any) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16):
            out: Tensor = plain(*args)
        return out.float()

    network.forward = forward
