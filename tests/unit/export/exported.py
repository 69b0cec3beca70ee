"""Small snapshots of every family, as training leaves them: batch norms that have learned, classes that differ."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ganforge.base.tensorfile import write_tensorfile
from ganforge.export import to_onnx, to_torch
from ganforge.export.portable import Portable
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.sampling.model import Model, load

FAMILIES = ("mlp", "dcgan", "upsample", "resnet", "r3gan", "smooth")
SHAPE = (3, 9, 6)
CASES = [(family, told, ("float32", "bfloat16")[(row + bool(told)) % 2], SHAPE)
         for row, family in enumerate(FAMILIES) for told in (0, 3)]  # fmt: skip
CASES += [("mlp", 0, "float32", (2,)), ("mlp", 3, "bfloat16", (2,)), ("dcgan-unnormalised", 3, "float32", SHAPE)]
"""Family (with G's norm), number of classes that G is told, precision, shape of an item."""
TRACED: dict[str, bytes] = {}


def snapshot(folder: Path, family: str, told: int, precision: str, shape: tuple[int, ...]) -> Path:
    sizes: dict[str, Any] = {"g_hidden": [32]} if family == "mlp" else {"g_width": 8}
    name, _, norm = family.partition("-")
    config = recipe(
        "note", generator=name, conditional=told > 0, precision=precision, z_dim=12, data="digits",
        g_norm=norm or None, **sizes,
    )  # fmt: skip
    G = build_generator(name, 12, shape, 0, num_classes=told, **config.g_sizes)
    torch.manual_seed(0)
    for weight in G.parameters():
        weight.data += 0.05 * torch.randn_like(weight)
    for _ in range(3):
        G(torch.rand(64, 12) * 2 - 1, torch.arange(64) % max(1, told))
    names = {"class_names": [f"kind {number}" for number in range(told)]} if told else {}
    facts = {
        "format": 1,
        "nimg": 640,
        "shape": list(shape),
        "num_classes": told,
        "settings": config.model_dump(mode="json"),
    }
    path = folder / f"{family}-{told}-{len(shape)}.safetensors"
    write_tensorfile(path, "snapshot", G.state_dict(), facts | names)
    return path


def model(
    folder: Path, family: str = "mlp", told: int = 0, precision: str = "float32", shape: tuple[int, ...] = SHAPE
) -> Model:
    return load(snapshot(folder, family, told, precision, shape), "cpu")


def trace_once(patch: pytest.MonkeyPatch) -> None:
    """From now on a model that was traced before is not traced again, which takes seconds: for tests of what is done
    with the file."""
    for place, name in ((to_onnx, "converted"), (to_torch, "traced")):
        trace = getattr(place, name)

        def once(module: Portable, model: Model, told: dict[str, Any], trace: Any = trace, name: str = name) -> bytes:
            key = name + json.dumps(told)  # with the snapshot's digest in it
            if key not in TRACED:
                TRACED[key] = trace(module, model, told)
            return TRACED[key]

        patch.setattr(place, name, once)
