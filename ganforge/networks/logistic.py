"""A discriminator without hidden layers: logistic regression on the pixels."""

from collections.abc import Sequence

from ganforge.networks import mlp
from ganforge.networks.catalog import Family

RECORD = Family(
    name="logistic",
    order=2,
    meaning="one affine map: logistic regression on the pixels",
    source="a tutorial note on GANs in PyTorch (docs/sources.md)",
    d_sizes=(),
)


class Discriminator(mlp.Discriminator):
    """Pictures or points [N, *shape] in [-1, 1] (and labels [N]) -> logits [N], by one affine map."""

    def __init__(self, shape: Sequence[int], num_classes: int = 0) -> None:
        super().__init__(shape, hidden=(), num_classes=num_classes)
