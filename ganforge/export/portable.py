"""A generator as others take it: one module from z (and labels) to pictures, and the facts that go with it."""

import contextlib
import hashlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganforge._version import __version__
from ganforge.base.files import open_plain
from ganforge.networks.construct import build_generator
from ganforge.sampling.model import Model

Output = Literal["uint8", "float"]

FACTS_FORMAT = 1


class Portable(nn.Module):
    """z float32 [N, z_dim] (and labels int64 [N]) -> what ``output`` says; points are float [N, 2] either way.

    output: `uint8`, pictures as bytes [N, H, W, C], or `float`, as G gives them, [N, C, H, W] in [-1, 1].
    """

    def __init__(self, G: nn.Module, output: Output) -> None:
        super().__init__()
        self.G, self.output = G, output

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        fakes = self.G(z, labels)
        if self.output == "float" or fakes.dim() == 2:
            return fakes
        # As ``images.to_uint8``, without its look at the values, which no graph can hold.
        return fakes.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def portable(model: Model, output: Output) -> Portable:
    """The model's weights in plain layers of float32, on the CPU, without autocast or what was tuned for the device."""
    config = model.config
    G = build_generator(
        config.generator, config.z_dim, model.shape, config.seed, num_classes=model.num_classes, **config.g_sizes
    )
    G.load_state_dict(model.G.state_dict())
    return Portable(G, output).eval().requires_grad_(False)


def inputs(model: Model, count: int) -> tuple[Tensor, Tensor | None]:
    """z [count, z_dim] of the model's noise and, where it is told the class, labels from the last class backwards."""
    labels = (-1 - torch.arange(count)) % model.num_classes if model.num_classes else None
    return model.z(range(count)), labels


def traced_with(model: Model, count: int = 2) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What the exporters run the module with, by the names of its inputs, and which of their sides are free."""
    z, labels = inputs(model, count)
    given = {"z": z} if labels is None else {"z": z, "labels": labels}
    rows = torch.export.Dim("N")
    return given, {name: {0: rows} for name in given}


def facts(model: Model, output: Output, license: str | None) -> dict[str, Any]:
    """What one must know to use the model, and where it comes from; names as in docs/sharing.md. No paths."""
    points = len(model.shape) == 1
    bytes_out = output == "uint8" and not points
    layout = "NC" if points else "NHWC" if bytes_out else "NCHW"
    return {
        "made_by": f"ganforge {__version__}",
        "format": FACTS_FORMAT,
        "recipe": model.config.recipe,
        "nimg": model.nimg,
        "noise": model.config.noise,
        "z_dim": model.config.z_dim,
        "num_classes": model.num_classes,
        "class_names": list(model.class_names),
        "shape": list(model.shape),
        "output": "uint8" if bytes_out else "float32",
        "layout": layout,
        "range": [0, 255] if bytes_out else [-1, 1],
        "trained_precision": model.config.precision,
        "license": license or "",
        "snapshot_sha256": sha256_of(model),
    }


def sha256_of(model: Model) -> str:
    """Of the file that the model was read from."""
    digest = hashlib.sha256()
    with open_plain(model.path.resolve()) as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """PyTorch's exporters warn of their own insides, and of packages that are not there and not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)
