"""The settings of the networks: which families, how large, and what they start from."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field

from ganforge.base.quantities import WHOLE, Text, Width, Widths
from ganforge.base.section import Conflicts, Section
from ganforge.base.wording import listed
from ganforge.networks.catalog import DISCRIMINATORS, FAMILIES, GENERATORS, NORMS, Norm, takers

if TYPE_CHECKING:
    GName: TypeAlias = str
    DName: TypeAlias = str
    NormName: TypeAlias = str
else:
    GName, DName, NormName = Literal[GENERATORS], Literal[DISCRIMINATORS], Literal[tuple(NORMS)]


class NetworkSettings(Section):
    """G and D."""

    z_dim: Width = 96
    """Length of the noise vector z."""
    noise: Literal["uniform", "normal"] = "uniform"
    """Where z comes from: uniform(-1, 1), or the standard normal distribution."""
    generator: GName = Field(default="mlp", description=f"G's family: {listed(GENERATORS, 'or')}.")
    discriminator: DName = Field(default="mlp", description=f"D's family: {listed(DISCRIMINATORS, 'or')}.")
    g_hidden: Widths = Field(
        default=(1024, 1024), description=f"Widths of {takers('hidden', 'g')} G's hidden layers, for example 1024,1024."
    )
    d_hidden: Widths = Field(
        default=(256, 256), description=f"Widths of {takers('hidden', 'd')} D's hidden layers, for example 256,256."
    )
    g_width: Width | None = None
    """Channels of a convolutional G's last hidden layer; its family's own number by default."""
    d_width: Width | None = None
    """Channels of a convolutional D's first layer, or a recurrent one's state; its family's own by default."""
    g_base_size: Width | None = None
    """A convolutional G starts from a rectangle with no side longer than this; its family's own number by default."""
    d_base_size: Width | None = None
    """A convolutional D halves the picture until no side is longer than this; its family's own number by default."""
    blocks: Annotated[int, Field(ge=1, le=64), WHOLE] | None = Field(
        default=None,
        description=f"Residual blocks at each size of {takers('blocks')} network; 1 by default, 2 in the paper.",
    )
    group_size: Width | None = Field(
        default=None,
        description=f"Channels in a group of {takers('group_size')} network's 3 x 3 convolutions; 16 by default, as in "
        "the paper.",
    )
    g_norm: Literal["batch", "unnormalised"] | None = Field(
        default=None,
        description=f"What {takers('norm', 'g')} G is normalised by: batch (its own choice) or unnormalised.",
    )
    d_norm: NormName | None = Field(
        default=None,
        description=f"What {takers('norm', 'd')} D is normalised by: batch (its own choice), layer, spectral, or "
        "unnormalised.",
    )
    conditional: bool = False
    """Tell both networks each picture's class."""
    init_from: Text | None = None
    """Fine-tune: start from the weights of a snapshot, or of a run's newest checkpoint, instead of from chance."""

    def conflicts(self) -> Conflicts:
        for network, family in (("g", self.generator), ("d", self.discriminator)):
            N = network.upper()
            for size, why in (
                ("hidden", f"is for {takers('hidden', network)} {N}, not for {family}"),
                ("width", f"is for the other families; {family} has no channels"),
                ("base_size", f"is for the convolutional families; {family} does not change the picture's size"),
            ):
                name = f"{network}_{size}"
                yield self._is_chosen(name) and size not in FAMILIES[family].sizes(network), f"{name} {why}"
        for size in ("blocks", "group_size"):
            yield (
                self._is_chosen(size) and size not in (*self._sizes_of("g"), *self._sizes_of("d")),
                f"{size} is for {takers(size, article=False)} networks, and neither G nor D is one",
            )
        for network, family in (("g", self.generator), ("d", self.discriminator)):
            yield (
                self._is_chosen(f"{network}_norm") and "norm" not in self._sizes_of(network),
                f"{network}_norm is for {takers('norm', network)} {network.upper()}, not for {family}",
            )

    def _is_chosen(self, name: str) -> bool:
        return bool(getattr(self, name) != type(self).model_fields[name].default)

    def _sizes_of(self, network: str) -> dict[str, str]:
        """The sizes that G ("g") or D ("d") takes, each with the name of its setting."""
        family = FAMILIES[self.generator if network == "g" else self.discriminator]
        names = {size: f"{network}_{size}" for size in family.sizes(network)}
        return {size: name if name in type(self).model_fields else size for size, name in names.items()}

    @property
    def g_sizes(self) -> dict[str, Any]:
        """How large G is: what ``networks.construct.build_generator`` takes by these names."""
        return {size: getattr(self, name) for size, name in self._sizes_of("g").items()}

    @property
    def d_sizes(self) -> dict[str, Any]:
        """How large D is, and how it is normalised, likewise."""
        return {size: getattr(self, name) for size, name in self._sizes_of("d").items()}

    @property
    def norm_of_d(self) -> Norm:
        """What D's norm brings with it."""
        return FAMILIES[self.discriminator].norm(self.d_norm)

    @property
    def d_sees_each_item_alone(self) -> bool:
        """Whether D may see reals and fakes in one batch: neither the other items nor earlier passes change a logit."""
        norm = self.norm_of_d
        return FAMILIES[self.discriminator].d_one_pass and not (norm.mixes_items or norm.changes_in_use)

    def shaping(self, *, with_d: bool) -> list[str]:
        """The settings that G's weights depend on, and D's: for weights of other ones there is no use."""
        names = ["generator", "z_dim", "noise", *self._sizes_of("g").values()]
        if with_d:
            names += ["discriminator", *self._sizes_of("d").values()]
        return list(dict.fromkeys(names))
