"""A generator as one file of torch.export's, which runs without ganforge; compared before it gets its name."""

import io
import json
from pathlib import Path

import torch

from ganforge.base.files import write_atomically
from ganforge.export.parity import Run, check_parity
from ganforge.export.portable import Output, Portable, facts, portable, quiet, traced_with
from ganforge.sampling.model import Model

FACTS = "ganforge.json"
"""The name in the archive under which the facts lie: `torch.export.load(path, extra_files={"ganforge.json": ""})`."""


def write_torch(model: Model, out: Path, output: Output = "uint8", license: str | None = None) -> float:
    """Write the model to ``out``, a .pt2; returns the largest difference from PyTorch's values, at batches of 1, 2, 7.

    Loaded by ``torch.export.load(out).module()``, it takes `z` float32 [N, z_dim] and, where the model is told the
    class, `labels` int64 [N], and gives what ``Portable`` says. Raises RunError where the pictures differ, leaving
    ``out`` as it was.
    """
    module = portable(model, output)
    content = traced(module, model, facts(model, output, license))
    found = float("inf")

    def write(temporary: Path) -> None:
        nonlocal found
        temporary.write_bytes(content)
        found = check_parity(torch_runner(temporary), module, model, "torch.export")

    write_atomically(out, write)
    return found


def traced(module: Portable, model: Model, told: dict[str, object]) -> bytes:
    """The module as bytes of a .pt2 file, with the facts in it."""
    given, free = traced_with(model)
    content = io.BytesIO()
    with quiet():
        program = torch.export.export(module, (), given, dynamic_shapes=free)
        torch.export.save(program, content, extra_files={FACTS: json.dumps(told, indent=1)})
    return content.getvalue()


def torch_runner(path: Path) -> Run:
    """The model in a file as a function of z and labels."""
    with quiet():
        module = torch.export.load(path).module()
    return lambda z, labels: module(z=z) if labels is None else module(z=z, labels=labels)
