"""The items that a generator is judged by: from noise and classes that are the same at every time."""

from collections.abc import Callable, Iterator

from torch import Tensor

from ganforge.base.images import to_uint8
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.data.dataset import Dataset

CHUNK = 512
"""Items that are made at once."""


def fakes_in_chunks(
    make: Callable[[Tensor, Tensor | None], Tensor], dataset: Dataset, count: int, *,
    noise: str, z_dim: int, num_classes: int, seed: int, purpose: str,
) -> Iterator[Tensor]:  # fmt: skip
    """``count`` items, chunk by chunk: pictures as uint8 [N, C, H, W], points as they are.

    make: z [N, z_dim], and labels int64 [N] where there are classes -> items, float [N, *shape].
    dataset: the real items; of each class, items come as often as these have it.
    num_classes: that G is told; 0 for one that is told none.
    seed, purpose: of the noise and the classes.
    """
    for index, first in enumerate(range(0, count, CHUNK)):
        size = min(CHUNK, count - first)
        z = draw_z(noise, size, z_dim, generator(seed, f"{purpose}/z", index))
        labels = None
        if num_classes:
            labels = dataset.draw_labels(size, num_classes, generator(seed, f"{purpose}/labels", index))
        items = make(z, labels)
        yield to_uint8(items) if items.dim() == 4 else items
