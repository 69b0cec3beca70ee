"""Settings' plain values in, networks out; their first weights follow from the seed alone."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from ganforge.base.errors import UserError
from ganforge.base.seeding import derive
from ganforge.networks.catalog import FAMILIES
from ganforge.networks.mlp import Linear

MAX_WEIGHTS = 2**30
"""Numbers in one network: 4 GiB, and several times that in training. The largest GANs there are have about as many."""


def build_generator(
    name: str, z_dim: int, shape: Sequence[int], seed: int, *, num_classes: int = 0, meta: bool = False, **sizes: Any
) -> nn.Module:
    """G for z [N, z_dim] and items of ``shape``, on the CPU.

    name: the family's, one of ``catalog.GENERATORS``. num_classes: 0 for a G that is not told the class. meta: only
    the outline, on the meta device: names and shapes without the memory for weights. sizes: of ``catalog.SIZES``, as
    the family's class has them; None is its own default, and those that it does not have are ignored.

    Raises UserError where the sizes do not fit each other, or ask for more than ``MAX_WEIGHTS``.
    """
    family = FAMILIES[name]
    network = family.load().Generator
    make = partial(network, z_dim, shape, num_classes=num_classes, **chosen(sizes, family.sizes("g")))
    return _built(make, "G", seed, meta=meta)


def build_discriminator(
    name: str, shape: Sequence[int], seed: int, *, num_classes: int = 0, meta: bool = False, **sizes: Any
) -> nn.Module:
    """D for items of ``shape``, likewise; name: one of ``catalog.DISCRIMINATORS``."""
    family = FAMILIES[name]
    network = family.load().Discriminator
    make = partial(network, shape, num_classes=num_classes, **chosen(sizes, family.sizes("d")))
    return _built(make, "D", seed, meta=meta)


def _built(make: Callable[[], nn.Module], which: str, seed: int, *, meta: bool) -> nn.Module:
    """The outline is made in any case, so that too large a network is refused before memory is asked for."""
    try:
        with torch.device("meta"):
            outline = make()
        count = sum(tensor.numel() for tensor in outline.state_dict().values())
        many = f"{count:,}" if count > MAX_WEIGHTS else ""
    except RuntimeError:  # a tensor of more bytes than can be counted
        many = "more than 2^60"
    if many:
        raise UserError(f"{which} would have {many} weights, and {MAX_WEIGHTS:,} are the most; choose smaller sizes.")
    if meta:
        return outline
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, which))
        return make()


def on_device(network: nn.Module, device: torch.device, *, tuned: bool, narrow: bool = False) -> nn.Module:
    """The network on the device.

    tuned: the weights lie as the device's kernels want them: the same numbers up to rounding. On a CPU convolutions'
    lie channels last (up to 1.3 times faster), and with several threads the mlp's hidden layers transposed. On a GPU
    convolutions' lie channels last where the network is to compute in bfloat16 (narrow): up to 1.2 times faster for
    wide networks, 0.95 times for narrow ones; in float32 it is slower (benchmarks/results/accelerator.md).
    """
    if tuned and (device.type == "cpu" or (device.type == "cuda" and narrow)):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if tuned and device.type == "cpu":
        for layer in network.modules():
            if isinstance(layer, Linear):
                layer.transposed = torch.get_num_threads() > 1
    return network.to(device)


def chosen(sizes: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Those of these names that were given."""
    return {name: sizes[name] for name in names if sizes.get(name) is not None}
