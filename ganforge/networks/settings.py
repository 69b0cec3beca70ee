"""The settings of the networks: which families, how large, and what they start from."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ganforge.base.quantities import WHOLE, Text, Width, Widths
from ganforge.base.section import Misfits, Section


class NetworkSettings(Section):
    """G and D."""

    z_dim: Width = 96
    """Length of the noise vector z."""
    noise: Literal["uniform", "normal"] = "uniform"
    """Where z comes from: uniform(-1, 1), or the standard normal distribution."""
    generator: Literal["mlp", "dcgan", "upsample", "resnet", "r3gan"] = "mlp"
    """G's family: mlp, dcgan, upsample, resnet or r3gan."""
    discriminator: Literal["mlp", "logistic", "recurrent", "dcgan", "resnet", "r3gan"] = "mlp"
    """D's family: mlp, logistic, recurrent, dcgan, resnet or r3gan."""
    g_hidden: Widths = (1024, 1024)
    """Widths of an mlp G's hidden layers, for example 1024,1024."""
    d_hidden: Widths = (256, 256)
    """Widths of an mlp D's hidden layers, for example 256,256."""
    g_width: Width | None = None
    """Channels of a convolutional G at full resolution; its family's own number by default."""
    d_width: Width | None = None
    """Channels of a convolutional D at full resolution, or a recurrent one's state; its family's own by default."""
    g_lowest_side: Width | None = None
    """A convolutional G starts from a rectangle with no side longer than this; its family's own number by default."""
    d_lowest_side: Width | None = None
    """A convolutional D halves the picture until no side is longer than this; its family's own number by default."""
    blocks: Annotated[int, Field(ge=1, le=64), WHOLE] | None = None
    """Residual blocks at each size of an r3gan network; 1 by default, 2 in the paper."""
    group_size: Width | None = None
    """Channels in a group of an r3gan network's 3 x 3 convolutions; 16 by default, as in the paper."""
    d_norm: Literal["batch", "layer", "spectral", "unnormalised"] | None = None
    """What a dcgan D is normalised by: batch (its own choice), layer, spectral, or unnormalised."""
    conditional: bool = False
    """Tell both networks each picture's class."""
    init_from: Text | None = None
    """Fine-tune: start from the weights of a snapshot, or of a run's newest checkpoint, instead of from chance."""

    def misfits(self) -> Misfits:
        defaults = type(self).model_fields
        for network, family, hidden, width, lowest_side in (
            ("g", self.generator, self.g_hidden, self.g_width, self.g_lowest_side),
            ("d", self.discriminator, self.d_hidden, self.d_width, self.d_lowest_side),
        ):
            yield (
                family != "mlp" and hidden != defaults[f"{network}_hidden"].default,
                f"{network}_hidden is for an mlp {network.upper()}, not for {family}",
            )
            plain = family in ("mlp", "logistic")
            yield width is not None and plain, f"{network}_width is for the other families; {family} has no channels"
            yield (
                lowest_side is not None and (plain or family == "recurrent"),
                f"{network}_lowest_side is for the convolutional families; {family} does not change the picture's size",
            )
        for name, size in (("blocks", self.blocks), ("group_size", self.group_size)):
            yield (
                size is not None and "r3gan" not in (self.generator, self.discriminator),
                f"{name} is for r3gan networks, and neither G nor D is one",
            )
        yield (
            self.d_norm and self.discriminator != "dcgan",
            f"d_norm is for a dcgan D, not for {self.discriminator}",
        )

    @property
    def g_sizes(self) -> dict[str, Any]:
        """How large G is: what ``networks.build.build_generator`` takes by these names."""
        sizes = {"hidden": self.g_hidden, "width": self.g_width, "lowest_side": self.g_lowest_side}
        return sizes | {"blocks": self.blocks, "group_size": self.group_size}

    @property
    def d_sizes(self) -> dict[str, Any]:
        """How large D is, likewise."""
        sizes = {"hidden": self.d_hidden, "width": self.d_width, "lowest_side": self.d_lowest_side}
        return sizes | {"blocks": self.blocks, "group_size": self.group_size}
