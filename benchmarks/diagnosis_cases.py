"""Faults to plant in runs, and healthy runs."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

import ganforge
from ganforge.base.errors import RunError
from ganforge.training import loop
from ganforge.training.step_inputs import StepOptions

SHORT = {"report_nimg": 8_000, "snapshot_nimg": 32_000, "metric_samples": 1_000, "keep_snapshots": 1}


@dataclass(frozen=True)
class Case:
    """expected: names of findings, of which one has to be found; none for a healthy run. plant: a context to train in;
    what it yields is set, too."""

    recipe: str
    settings: Mapping[str, Any]
    expected: tuple[str, ...] = ()
    plant: Callable[[int], contextlib.AbstractContextManager[Mapping[str, Any]]] = field(
        default=lambda seed: contextlib.nullcontext({})
    )

    def train(self, seed: int, out: str) -> None:
        torch.set_num_threads(1)
        with (
            self.plant(seed) as more,
            contextlib.suppress(RunError),
        ):  # a run that is stopped by its guard has a log, too
            ganforge.train(self.recipe, out, **SHORT | dict(self.settings) | dict(more), seed=seed)


@contextlib.contextmanager
def pictures(make: Callable[[np.random.Generator], dict[str, np.ndarray]], seed: int) -> Any:
    """Pictures of the benchmark's own, in a file that is there while it is trained."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "pictures.npz"
        np.savez(path, **make(np.random.default_rng(seed)))
        yield {"data": str(path)}


def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.images * 255 / 16).astype(np.uint8), found.target.astype(np.int64)


def black(source: np.random.Generator) -> dict[str, np.ndarray]:
    return {"images": np.zeros((1_000, 16, 16), np.uint8)}


def five(source: np.random.Generator) -> dict[str, np.ndarray]:
    return {"images": digits()[0][source.permutation(1_797)[:5]]}


def hundred(source: np.random.Generator) -> dict[str, np.ndarray]:
    return {"images": digits()[0][source.permutation(1_797)[:100]]}


def shuffled(source: np.random.Generator) -> dict[str, np.ndarray]:
    images, labels = digits()
    return {"images": images, "labels": source.permutation(labels)}


@contextlib.contextmanager
def leaking(seed: int) -> Any:
    """D sees reals augmented, and fakes as they are."""
    with patch.object(StepOptions, "augmented", only_reals):
        yield {}


def only_reals(options: StepOptions, images: torch.Tensor, batch: Any, purpose: str) -> torch.Tensor:
    return options.augment(images, batch.draws[purpose]) if options.augment and purpose == "reals" else images


@contextlib.contextmanager
def burst(seed: int) -> Any:
    """For ``BURST`` images, rates are 300 times as high: what was learnt is lost."""
    usual = loop.schedule_optimizers

    def bursting(config: Any, state: Any, nimg: int) -> None:
        usual(config, state, nimg)
        if nimg in BURST:
            state.G_opt.lr, state.D_opt.lr = 300 * state.G_opt.lr, 300 * state.D_opt.lr

    with patch.object(loop, "schedule_optimizers", bursting):
        yield {}


BURST = range(160_000, 164_000)
PHOTOGRAPHS = str(Path(os.environ.get("GANFORGE_DATA", ".")) / "photos32-train.zip")
NOTE, FAST = {"data": "mnist", "total_nimg": 160_000}, {"data": "digits", "total_nimg": 96_000}
MLP = {"generator": "mlp", "discriminator": "mlp"}

HEALTHY = {
    "note": Case("note", {"data": "mnist", "total_nimg": 500_000}),
    "note-digits": Case("note", {"data": "digits", "total_nimg": 500_000}),
    "cgan": Case("cgan", {"data": "mnist", "total_nimg": 320_000}),
    "cgan-digits": Case("cgan", {"data": "digits", "total_nimg": 500_000}),
    "fast-digits": Case("fast", {"data": "digits"}),
    "fast": Case("fast", {"data": "mnist", "total_nimg": 128_000}),
    "fast-conditional": Case("fast", {"data": "digits", "conditional": True}),
    "fast-photographs": Case("fast", {"data": PHOTOGRAPHS, "total_nimg": 64_000}),
    "r1-digits": Case("r1", {"data": "digits", "total_nimg": 250_000}),
    "dcgan-digits": Case("dcgan", {"data": "digits", "total_nimg": 200_000}),
    "lsgan-digits": Case("lsgan", {"data": "digits", "total_nimg": 200_000}),
    "wgan-digits": Case("wgan", {"data": "digits", "total_nimg": 400_000}),
    "wgan-gp-digits": Case("wgan-gp", {"data": "digits", "total_nimg": 200_000}),
    "dragan-digits": Case("dragan", {"data": "digits", "total_nimg": 200_000}),
    "sngan-digits": Case("sngan", {"data": "digits", "total_nimg": 100_000}),
    "r3gan-digits": Case("r3gan", {"data": "digits", "total_nimg": 64_000}),
    "r3gan-ring": Case("r3gan", MLP | {"data": "ring", "total_nimg": 500_000}),
    # The rest came after the thresholds were set.
    "fast-diffaugment": Case("fast", {"data": "digits", "augment": "diffaugment"}),
    "fast-ada": Case("fast", {"data": "digits", "augment": "ada"}),
    "r1": Case("r1", {"data": "mnist", "total_nimg": 96_000}),
    "r1-photographs": Case("r1", {"data": PHOTOGRAPHS, "total_nimg": 64_000}),
    "r1-conditional": Case("r1", {"data": "digits", "total_nimg": 200_000, "conditional": True}),
    "dcgan-conditional": Case("dcgan", {"data": "digits", "total_nimg": 200_000, "conditional": True}),
    "wgan-gp-conditional": Case("wgan-gp", {"data": "digits", "total_nimg": 200_000, "conditional": True}),
    "sngan-conditional": Case("sngan", {"data": "digits", "total_nimg": 100_000, "conditional": True}),
    "r3gan-conditional": Case("r3gan", {"data": "digits", "total_nimg": 64_000, "conditional": True}),
    "r1-ring": Case("r1", MLP | {"data": "ring", "total_nimg": 300_000}),
    "wgan-gp-ring": Case("wgan-gp", MLP | {"data": "ring", "total_nimg": 300_000}),
    "lsgan-grid": Case("lsgan", MLP | {"data": "grid", "total_nimg": 300_000}),
    "r3gan-grid": Case("r3gan", MLP | {"data": "grid", "total_nimg": 300_000}),
}
FAULTS = {
    "lr-0.1": Case("note", NOTE | {"lr": 0.1}, ("rates-too-high",)),
    "lr-1e-7": Case("note", NOTE | {"lr": 1e-7}, ("frozen",)),
    "r1-1000": Case("r1", FAST | {"r1_gamma": 1000.0}, ("penalty-dominates",)),
    "batch-2": Case("note", NOTE | {"batch_size": 2, "total_nimg": 48_000}, ("rough-pictures",)),
    "wgan-clip-1": Case("wgan", FAST | {"clip": 1.0, "total_nimg": 250_000}, ("logits-run-away",)),
    "d-weak": Case("note", NOTE | {"d_lr": 1e-6}, ("d-has-lost",)),
    "d-strong": Case("note", NOTE | {"d_lr": 2e-3, "lr": 2e-5}, ("d-has-won",)),
    "five": Case("fast", FAST, ("overfitting",), plant=lambda seed: pictures(five, seed)),
    "hundred": Case("fast", FAST, ("overfitting",), plant=lambda seed: pictures(hundred, seed)),
    "leak": Case("fast", FAST | {"augment": "diffaugment"}, ("leaking-augmentation",), plant=leaking),
    "beta1-0.99": Case("note", NOTE | {"beta1": 0.99}, ("d-has-won", "mode-collapse")),
    "z-1": Case("note", NOTE | {"z_dim": 1}, ("missing-modes", "noise")),
    "note-ring": Case("note", {"data": "ring", "total_nimg": 250_000}, ("mode-collapse", "missing-modes")),
    "shuffled-labels": Case(
        "fast", FAST | {"conditional": True}, ("class-ignored",), plant=lambda seed: pictures(shuffled, seed)
    ),
}
NARROW = {"g_hidden": (256, 256), "d_hidden": (256, 256)}
RUINED = {"burst": Case("note", NARROW | {"data": "digits", "total_nimg": 320_000}, plant=burst)}
"""Good runs that are ruined midway, which benchmarks/remedies.py mends as they go."""
REFUSED = {
    "lr-1e10": Case("note", NOTE | {"lr": 1e10}),
    "black": Case("fast", FAST, plant=lambda seed: pictures(black, seed)),
}
"""Of these nothing is trained: the first step is not finite, and the pictures are all equal. Both end with an error."""
CASES = {f"healthy/{name}": case for name, case in HEALTHY.items()} | FAULTS
