"""Short runs, one a recipe and one with everything at once, and all that is to be told of what they did.

What is exact on every processor (bytes of pictures, labels, uniform numbers, signs of noise) is told as a digest;
floats are told as they are, for a comparison by tolerance.
"""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from short_runs import begin, checkpoint_of, rows_of, snapshot_of, tiny
from torch import Tensor, nn

import ganforge.judging.judged
import ganforge.metrics.fakes
import ganforge.sampling.model
import ganforge.training.actions
import ganforge.training.measure
import ganforge.training.whole_step
from ganforge.judging.evaluation import Wanted, evaluate
from ganforge.run.folder import RunFolder
from ganforge.training.feed import images_in
from ganforge.training.optimizer import Optimizer
from ganforge.training.step_inputs import Batch, StepOptions

STEPS = 6
NARROW = {"g_width": 4, "d_width": 4}
R3GAN = {"g_width": 8, "d_width": 8, "ema_halflife_nimg": 300, "burn_in_nimg": 30}
EVERYTHING = "everything"
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "note": ("note", {"fused_adam": False}),
    "fast": ("fast", {**NARROW, "burn_in_nimg": 60, "ema_halflife_nimg": 100}),
    "r1": ("r1", {**NARROW, "burn_in_nimg": 60, "ema_halflife_nimg": 100, "ema_rampup": False, "penalty_interval": 3}),
    "photo": ("photo", {**NARROW, "burn_in_nimg": 60, "ema_halflife_nimg": 100, "penalty_interval": 3}),
    "dcgan": ("dcgan", NARROW),
    "lsgan": ("lsgan", NARROW),
    "wgan": ("wgan", {"batch_size": 4, "generator": "mlp", "discriminator": "mlp"}),
    "wgan-gp": ("wgan-gp", NARROW),
    "dragan": ("dragan", NARROW),
    "sngan": ("sngan", {**NARROW, "burn_in_nimg": 400}),
    "r3gan": ("r3gan", R3GAN),
    "cgan": ("cgan", {}),
    EVERYTHING: (
        "dcgan",
        {"data": "pictures", "size": "28x28", "channels": 3, "mirror": True, "conditional": True, "augment": "ada"}
        | {"d_steps": 3, "shared_noise": False, "accumulate": 2, "r1_gamma": "auto", "penalty_interval": 4}
        | {"d_norm": "unnormalised", "d_lr": 1e-3, "burn_in_nimg": 100, "lr_end": 0.2, "beta2_end": 0.9}
        | {"gamma_end": 0.5, "ema_halflife_nimg": 150, "noise": "normal", "seed": 3, "metric_samples": 400, **NARROW},
    ),
}  # fmt: skip
"""name -> recipe, and settings beside ``TINY``'s. A report every two steps, a snapshot every three, a checkpoint every
four."""

SIGNS = ("Health/", "Logits/", "Weights/", "Step/")
"""Columns that tell of a run's health, which follow from what else is held here (tests/unit/diagnosis)."""


def write_pictures(folder: Path) -> None:
    """900 pictures of one class and 300 of another, 32 wide and 30 high: bands of other places, colours and widths."""
    for label, (name, count) in enumerate({"day": 900, "night": 300}.items()):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            array = np.full((30, 32, 3), 200 - 150 * label, np.uint8)
            array[index % 23 : index % 23 + 3 + 4 * label, :, index % 3] = index % 251
            array[:, index % 19 : index % 19 + 1 + index % 7, (index + 1) % 3] = 255 - index % 241
            Image.fromarray(array).save(folder / name / f"{index:03d}.bmp")


def golden_run(name: str, place: Path) -> dict[str, Any]:
    """Train it in a folder, and tell what it did: JSON."""
    recipe_name, changes = RUNS[name]
    settings: dict[str, Any] = {
        "batch_size": 8,
        "max_images": None,
        "metric_samples": 300,
        "checkpoint_sec": 1e6,
    } | changes
    if name == EVERYTHING:
        write_pictures(place / settings["data"])
        settings["data"] = str(place / settings["data"])
    images = images_in(tiny(recipe_name, **settings), 0)
    settings |= {"report_nimg": 2 * images, "snapshot_nimg": 3 * images, "checkpoint_nimg": 4 * images}
    with pytest.MonkeyPatch.context() as patch:
        seen = Witness(patch)
        folder = begin(place / "run", recipe_name, **(settings | {"total_nimg": STEPS * images}))
        if name == EVERYTHING:
            record = evaluate(
                folder.path, wanted=Wanted(features=["random", "channel classifier"]), device="cpu"
            ).record
            seen.evaluated.append(told_of_record(record))
    return vars(seen) | told_of(folder)


class Witness:
    """Looks at what the loop gives to the update, to the average, and to the network that makes pictures."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.steps: list[dict[str, Any]] = []
        self.made: list[dict[str, Any]] = []
        self.evaluated: list[dict[str, Any]] = []
        whole, actions, measure = ganforge.training.whole_step, ganforge.training.actions, ganforge.training.measure
        step, average, generate = whole.train_step, whole.update_ema, actions.generate

        def train_step(
            G: nn.Module, D: nn.Module, G_opt: Optimizer, D_opt: Optimizer, options: StepOptions,
            d_batches: Sequence[Batch], g_batch: Batch, failed: Tensor,
        ) -> dict[str, Tensor]:  # fmt: skip
            one: dict[str, Any] = {"D": told_of_batches(d_batches)}
            one["G"] = "D's last" if g_batch is d_batches[-1] else told_of_batches([g_batch])
            one["rates"] = [G_opt.lr, D_opt.lr, *G_opt.betas, *D_opt.betas]
            weights = {penalty.record.name: penalty.weight for penalty in options.penalties}
            one["gammas"] = [weights.get("r1", 0.0), weights.get("r2", 0.0)]
            stats = step(G, D, G_opt, D_opt, options, d_batches, g_batch, failed)
            one["stats"] = {key: value.double().mean().item() for key, value in stats.items()}
            self.steps.append(one)
            return stats

        def update_ema(G_ema: nn.Module, G: nn.Module, new_share: float) -> None:
            self.steps[-1]["average keeps"] = 1 - new_share
            average(G_ema, G, new_share)

        def noting(whose: str) -> Any:
            def made(G: nn.Module, z: Tensor, labels: Tensor | None, *given: Any) -> Tensor:
                told = {"for": whose, "by": size_of(G.state_dict()), "z": told_of_noise(z)}
                self.made.append(told if labels is None else told | {"labels": digest(labels)})
                return generate(G, z, labels, *given)

            return made

        patch.setattr(whole, "train_step", train_step)
        patch.setattr(whole, "update_ema", update_ema)
        patch.setattr(actions, "generate", noting("the grid"))
        patch.setattr(measure, "generate", noting("the figures"))
        patch.setattr(ganforge.sampling.model, "generate", noting("the evaluation"))
        for module in (ganforge.metrics.fakes, ganforge.judging.judged):
            patch.setattr(module, "CHUNK", 128)  # that a few hundred pictures are several chunks


def told_of_batches(batches: Sequence[Batch]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "reals": digest(*(((batch.reals + 1) * 127.5).round().to(torch.uint8) for batch in batches)),
        "z": told_of_noise(torch.cat([batch.z for batch in batches])),
    }
    if batches[0].labels is not None:
        told["labels"] = digest(*(batch.labels for batch in batches if batch.labels is not None))
    for name in sorted(batches[0].draws):  # uniform in [0, 1), multiples of 2^-24
        told[f"draws/{name}"] = digest(*((batch.draws[name] * 256).to(torch.uint8) for batch in batches))
    if len({batch.penalty_scale for batch in batches}) > 1 or batches[0].penalty_scale != 1:
        told["penalties times"] = [batch.penalty_scale for batch in batches]
    return told


def told_of_noise(z: Tensor) -> list[Any]:
    """Normal numbers differ in their last bit from processor to processor; their signs do not."""
    return [digest(z > 0), z.double().mean().item(), z.double().square().mean().sqrt().item()]


def told_of(folder: RunFolder) -> dict[str, Any]:
    """What lies in the folder afterwards."""
    metrics = list(folder.metrics_rows())
    tensors, _ = checkpoint_of(folder, folder.all_checkpoints()[-1][0])
    with Image.open(folder.reals) as reals, Image.open(folder.all_fakes()[-1][1]) as fakes:
        pictures = np.asarray(fakes, dtype=np.float64)
        shown = {"reals": [digest(torch.from_numpy(np.array(reals)))], "fakes": [pictures.mean(), pictures.std()]}
    return {
        "rows": [{key: value for key, value in row.items() if not key.startswith(SIGNS)} for row in rows_of(folder)],
        "figures": [told_of_record(record) for record in metrics],
        "weights": {name: size_of({name: t}) for name, t in tensors.items() if not name.startswith("stats.")},
        "snapshots": [[nimg, size_of(snapshot_of(folder, nimg)[0])] for nimg, _ in folder.all_snapshots()],
        "checkpoints": [nimg for nimg, _ in folder.all_checkpoints()],
        "grids": [nimg for nimg, _ in folder.all_fakes()],
        **shown,
    }  # fmt: skip


def told_of_record(record: dict[str, Any]) -> dict[str, Any]:
    protocol = {
        key: record["protocol"][key] for key in ("num_fakes", "num_reals", "num_floor", "kernel_subsets", "seed")
    }
    values = {name: [figure["value"], figure["floor"]] for name, figure in record["figures"].items()}
    return {"nimg": record["nimg"], "headline": record["headline"], **protocol, "figures": values}


def size_of(tensors: dict[str, Tensor]) -> list[float]:
    """The norm of all numbers together; their sum, each weighted by its place, so that their order counts."""
    flat = torch.cat([tensor.flatten().double() for tensor in tensors.values()])
    places = torch.cos(torch.arange(len(flat), dtype=torch.float64))
    return [flat.norm().item(), (flat @ places).item() / math.sqrt(len(flat))]


def digest(*tensors: Tensor) -> str:
    """12 hexadecimal digits over the tensors' bytes, in their order."""
    hasher = hashlib.sha256()
    for tensor in tensors:
        hasher.update(tensor.contiguous().numpy().tobytes())
    return hasher.hexdigest()[:12]
