"""The families of networks: which there are, and what is true of each. Importing this loads no PyTorch."""

from dataclasses import dataclass

from ganforge.base.records import Record, read_records
from ganforge.base.wording import listed

SIZES = ("hidden", "width", "base_size", "blocks", "group_size", "norm")
"""The sizes that networks can take, by the names of their classes' parameters."""


@dataclass(frozen=True, kw_only=True)
class Norm:
    """What normalising D brings with it.

    mixes_items: an item's logit depends on the rest of its batch, so that there are no gradients per item to penalise.
    changes_in_use: a pass in training mode changes D. bounds_slope: logits cannot change faster than the items do.
    """

    mixes_items: bool = False
    changes_in_use: bool = False
    bounds_slope: bool = False


NORMS = {
    "batch": Norm(mixes_items=True),
    "layer": Norm(),
    "spectral": Norm(changes_in_use=True, bounds_slope=True),
    "unnormalised": Norm(),
}


@dataclass(frozen=True, kw_only=True)
class Family(Record):
    """What is true of a family. Its file has a class ``Generator``, a class ``Discriminator``, or both.

    g_sizes, d_sizes: which of ``SIZES`` its G, its D takes; None: it has no such network. Their own defaults stand in
    the classes' signatures. d_norm: what its D is normalised by, unless it takes "norm" and another is chosen.
    d_one_pass: D may see reals and fakes in one batch, if its norm allows it. article: of its name.
    """

    g_sizes: tuple[str, ...] | None = None
    d_sizes: tuple[str, ...] | None = None
    d_norm: str = "unnormalised"
    d_one_pass: bool = True
    article: str = "a"

    def sizes(self, network: str) -> tuple[str, ...]:
        """Those of its G (network: "g") or D ("d"); none where it has no such network."""
        return {"g": self.g_sizes, "d": self.d_sizes}[network] or ()

    def norm(self, chosen: str | None = None) -> Norm:
        """What its D's norm brings with it; chosen: a key of ``NORMS``, or None for the family's own."""
        return NORMS[chosen or self.d_norm]


FAMILIES = read_records("ganforge.networks", Family)
GENERATORS = tuple(name for name, family in FAMILIES.items() if family.g_sizes is not None)
DISCRIMINATORS = tuple(name for name, family in FAMILIES.items() if family.d_sizes is not None)


def takers(size: str, networks: str = "gd", *, article: bool = True) -> str:
    """The families whose G ("g"), D ("d") or either takes this size: `an mlp or a dcgan`; without articles, `mlp or
    dcgan`."""
    found = [family for family in FAMILIES.values() if any(size in family.sizes(network) for network in networks)]
    return listed([f"{family.article} {family.name}" if article else family.name for family in found], "or")
