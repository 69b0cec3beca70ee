"""Features: pictures or points in, vectors out. Every distance is taken between features, never between pictures.

Which extractors there are is told by the catalog. Figures of two may be compared only where their hashes are equal.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.sizes import is_point
from ganforge.data.dataset import Dataset
from ganforge.metrics.catalog import EXTRACTORS

MAX_BATCH_SIZE = 256
MAX_BATCH_VALUES = 2**24
"""Values in a batch's largest layer, 64 MiB of them: larger pictures come in smaller batches."""

Outputs = tuple[Tensor, Tensor | None]
"""Features, float32 [N, dims], and class probabilities, float32 [N, K], or None where the extractor has no classes."""


class Network(Protocol):
    """An extractor's network, an ``nn.Module`` on the CPU, in evaluation mode. Called with items, it returns
    ``Outputs``.

    version: raised when its numbers change without its weights. largest_layer: values that an item of a shape takes in
    its largest layer.
    """

    version: int
    dims: int
    num_classes: int

    def largest_layer(self, shape: Sequence[int], /) -> int: ...

    def __call__(self, items: Tensor, /) -> Outputs: ...


@dataclass(frozen=True)
class Extractor:
    """One way to turn items into features.

    name: as in the catalog. hash: 16 hexadecimal digits over all that decides its numbers: weights, scaling,
    architecture. dims: length of a feature vector. num_classes: of which it gives probabilities; 0 for none.
    extract: pictures, uint8 [N, C, H, W], or points, float32 [N, 2], N at least 1, on any device -> ``Outputs`` on the
    extractor's device. Works in batches of one size, so that an item's features do not depend on N and memory beside
    the outputs does not grow with it; takes no gradient and no random numbers. Raises UserError for items of another
    shape than the extractor was built for, ValueError for another dtype or no items at all.
    """

    name: str
    hash: str
    dims: int
    extract: Callable[[Tensor], Outputs]
    num_classes: int = 0


def build_extractor(
    name: str,
    shape: Sequence[int],
    device: torch.device,
    inception_file: Path | None = None,
    dataset: Dataset | None = None,
    cache_dir: Path | None = None,
) -> Extractor:
    """The extractor ``name`` for items of one shape, (2,) or (C, H, W), that computes on ``device``.

    inception_file: as for ``load_inception``; the other extractors need no file and no download. dataset: the
    real items, for an extractor that is learned from them. cache_dir: where that is kept; None for the user's own.
    Raises UserError for an unknown name, for a shape that it cannot take, and for weights that are missing or damaged.
    """
    shape = tuple(shape)
    if name not in EXTRACTORS:
        raise UserError(f"There is no feature extractor {name!r}; choose from {', '.join(EXTRACTORS)}.")
    record = EXTRACTORS[name]
    if not record.can_take(shape):
        instead = " or ".join(
            other.name for other in EXTRACTORS.values() if other.can_take(shape) and not other.is_learned
        )
        raise UserError(f"The {name} extractor needs {record.takes}; these are {describe_shape(shape)}: use {instead}.")
    if not record.is_learned:
        network = record.load().network(shape[0], inception_file)
    elif dataset is None:
        raise UserError(f"The {name} extractor is learned from real pictures, and none are given; name the data.")
    else:
        network = record.load().learned(dataset, cache_dir)
    identity = _hash(name, network.version, network.state_dict())
    network.to(device).to(memory_format=torch.channels_last)
    extract = partial(_extract, network, shape, device)
    return Extractor(name, identity, network.dims, extract, network.num_classes)


def describe_shape(shape: Sequence[int]) -> str:
    """Items of one shape in words, height before width: `32 x 32 pictures in colour`, `points in the plane`."""
    if is_point(shape):
        return EXTRACTORS["coordinates"].takes
    if len(shape) != 3:
        return f"items of shape {tuple(shape)}"
    channels, height, width = shape
    kinds = {1: "grey pictures", 3: "pictures in colour"}
    return f"{height} x {width} {kinds.get(channels, f'pictures of {channels} channels')}"


def _extract(network: Network, shape: tuple[int, ...], device: torch.device, items: Tensor) -> Outputs:
    items = _checked(items, shape)
    size = max(1, min(MAX_BATCH_SIZE, MAX_BATCH_VALUES // network.largest_layer(shape)))
    # Made outside inference mode, so that the caller may change them in place.
    features = torch.empty(len(items), network.dims, device=device)
    probabilities = torch.empty(len(items), network.num_classes, device=device) if network.num_classes else None
    # By default, cuDNN rounds to TensorFloat-32's 10 bits, and chooses algorithms whose sums differ from run to run.
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        for start in range(0, len(items), size):
            batch = items[start : start + size].to(device)
            count = len(batch)
            if count < size:  # the last: filled up with black, since kernels of another size would round differently
                batch = torch.cat([batch, batch.new_zeros(size - count, *shape)])
            batch_features, batch_probabilities = network(batch)
            features[start : start + count] = batch_features[:count]
            if probabilities is not None and batch_probabilities is not None:
                probabilities[start : start + count] = batch_probabilities[:count]
    return features, probabilities


def _checked(items: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tuple(items.shape[1:]) != shape:
        raise UserError(f"The features are of {describe_shape(shape)}; these are {describe_shape(items.shape[1:])}.")
    dtype = torch.float32 if is_point(shape) else torch.uint8
    if items.dtype != dtype or not len(items):
        raise ValueError(f"items are {items.dtype} {list(items.shape)}; at least one of {dtype} is wanted")
    return items


def _hash(name: str, version: int, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(f"{name} {version}".encode())
    for key, tensor in sorted(tensors.items()):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
