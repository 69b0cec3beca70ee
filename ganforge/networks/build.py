"""Settings' plain values in, networks out; their first weights follow from the seed alone."""

from collections.abc import Sequence

import torch
from torch import nn

from ganforge.base.seeding import derive
from ganforge.networks import dcgan, mlp, r3gan, recurrent, resnet, upsample

GENERATORS = {
    "dcgan": dcgan.Generator,
    "upsample": upsample.Generator,
    "resnet": resnet.Generator,
    "r3gan": r3gan.Generator,
}
DISCRIMINATORS = {"resnet": resnet.Discriminator, "r3gan": r3gan.Discriminator}


def build_generator(
    name: str,
    z_dim: int,
    shape: Sequence[int],
    seed: int,
    *,
    hidden: Sequence[int] = (1024, 1024),
    width: int | None = None,
    num_classes: int = 0,
) -> nn.Module:
    """G for z [N, z_dim] and items of ``shape``, on the CPU.

    name: mlp, or a key of ``GENERATORS``. hidden: the mlp's layers. width: channels at full resolution, the family's
    own by default. num_classes: 0 for a G that is not told the class.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "G"))
        if name == "mlp":
            return mlp.Generator(z_dim, shape, hidden, num_classes)
        wide = {} if width is None else {"width": width}
        return GENERATORS[name](z_dim, shape, num_classes=num_classes, **wide)


def build_discriminator(
    name: str,
    shape: Sequence[int],
    seed: int,
    *,
    hidden: Sequence[int] = (256, 256),
    width: int | None = None,
    norm: dcgan.Norm = "batch",
    num_classes: int = 0,
) -> nn.Module:
    """D for items of ``shape``, likewise; also logistic, recurrent and dcgan. norm: dcgan's, for example "batch"."""
    wide = {} if width is None else {"width": width}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "D"))
        match name:
            case "mlp":
                return mlp.Discriminator(shape, hidden, num_classes)
            case "logistic":
                return mlp.Discriminator(shape, (), num_classes)
            case "recurrent":
                return recurrent.Discriminator(
                    shape, num_classes=num_classes, **({} if width is None else {"hidden": width})
                )
            case "dcgan":
                return dcgan.Discriminator(shape, norm=norm, num_classes=num_classes, **wide)
            case _:
                return DISCRIMINATORS[name](shape, num_classes=num_classes, **wide)
