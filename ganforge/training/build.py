"""From settings to objects: networks, optimizers, and the state of training."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganforge.base.errors import UserError
from ganforge.base.shared_batches import shared_by
from ganforge.base.tensorfile import DamagedFileError, Shapes
from ganforge.base.wording import as_typed
from ganforge.config import Config, make_config
from ganforge.data.dataset import Dataset
from ganforge.networks.construct import build_discriminator, build_generator, on_device
from ganforge.networks.precision import autocast_forward
from ganforge.run.checkpoint import part_of
from ganforge.run.snapshot import refuse_other_shapes
from ganforge.training.accumulate import Stats
from ganforge.training.capture import Captured, StepTaker
from ganforge.training.optimizer import Adam, Optimizer, RMSprop
from ganforge.training.processes import ALONE, Processes
from ganforge.training.state import TrainingState
from ganforge.training.step_inputs import Batch, Following, StepOptions
from ganforge.training.warm_start import Items, Source, read_source, warm_start
from ganforge.training.whole_step import whole_step

COPIES, MAX_STATISTICS = 8, 1 << 28
"""A network's weights, their moving average and the optimizers' moments, in a checkpoint; and the steps' statistics."""


def build_networks(config: Config, items: Items, *, meta: bool = False) -> tuple[nn.Module, nn.Module]:
    """Fresh G and D on the CPU, or (meta) their outlines. Raises UserError for sizes that do not fit each other."""
    told: dict[str, Any] = {"num_classes": items.num_classes, "meta": meta}
    G = build_generator(config.generator, config.z_dim, items.shape, config.seed, **told, **config.g_sizes)
    D = build_discriminator(config.discriminator, items.shape, config.seed, **told, **config.d_sizes)
    return G, D


def refuse_other_networks(config: Config, items: Items, shapes: Shapes) -> None:
    """Raise DamagedFileError for a checkpoint whose networks are not those of the settings, or that holds far more
    numbers than those and their optimizers: by the shapes alone, since a small file may promise a large one."""
    networks = dict(zip("GD", build_networks(config, items, meta=True), strict=True))
    numbers = sum(math.prod(shape) for shape in shapes.values())
    most = COPIES * sum(tensor.numel() for network in networks.values() for tensor in network.state_dict().values())
    if numbers > most + MAX_STATISTICS:
        raise DamagedFileError(f"The checkpoint holds {numbers:,} numbers, far more than its settings have to.")
    for part, network in networks.items():
        try:
            refuse_other_shapes(network.state_dict(), part_of(shapes, part), f"The checkpoint's {part}")
        except UserError as error:
            raise DamagedFileError(str(error)) from None


def build_state(config: Config, dataset: Dataset, device: torch.device) -> TrainingState:
    """Fresh networks and optimizers on the device."""
    G, D = build_networks(config, Items(dataset.shape, dataset.num_classes if config.conditional else 0))
    # Plain Adam stands for the note's own bits, which come of the note's own products.
    narrow = config.precision == "bfloat16"
    G, D = (on_device(network, device, tuned=config.fused_adam, narrow=narrow) for network in (G, D))
    G_opt, D_opt = build_optimizer(config, G, config.lr), build_optimizer(config, D, config.d_lr or config.lr)
    state = TrainingState(
        G,
        D,
        G_opt,
        D_opt,
        with_ema=config.ema_halflife_nimg is not None,
        with_ada=config.augment == "ada",
        num_logits=config.batch_size,
    )
    if narrow:
        for network in (state.G, state.D, state.G_ema):
            if network is not None:
                autocast_forward(network)
    return state


def source_of(config: Config) -> Source | None:
    """The weights that init_from names, None where it names none. Raises UserError where they cannot be read, or are of
    other networks."""
    if config.init_from is None:
        return None
    source = read_source(Path(config.init_from))
    there = make_config(source.settings, source=source.path)
    names = config.shaping(with_d=source.D is not None)
    pairs = [(name, as_typed(getattr(there, name)), as_typed(getattr(config, name))) for name in names]
    if other := [f"{name}: {old} there, {new} here" for name, old, new in pairs if old != new]:
        only_d = all(line.startswith(("d_", "discriminator")) for line in other)
        instead = ", or start from a snapshot, which leaves D fresh" if only_d else ""
        raise UserError(f"{source.path} is of other networks ({'; '.join(other)}); give its settings{instead}.")
    return source


def start_from(
    source: Source | None, config: Config, state: TrainingState, dataset: Dataset
) -> tuple[str, dict[str, Any]]:
    """Fill a fresh state's networks with a source's weights.

    Returns what there is to say, and what config.json is to keep: the file, and how many images it had seen; ("", {})
    without a source.
    """
    if source is None:
        return "", {}
    said = warm_start(state, source, Items(dataset.shape, dataset.num_classes if config.conditional else 0))
    return said, {"init_from": {"file": str(source.path), "nimg": source.nimg}}


def build_optimizer(config: Config, network: nn.Module, lr: float) -> Optimizer:
    if config.optimizer == "rmsprop":
        return RMSprop(network, lr)
    return Adam(network, lr, (config.beta1, config.beta2), fused=config.fused_adam)


def step_taker(
    config: Config, device: torch.device, say: Callable[[str], None], processes: Processes = ALONE
) -> StepTaker:
    """How this run's steps are taken: recorded where that is possible and wanted, else one operation at a time."""
    if processes.count > 1:
        if device.type == "cuda" and config.capture:
            say("Steps are not recorded to be replayed, since several processes take them together.")
        return partial(shared_step, processes)
    if device.type != "cuda" or not config.capture:
        return whole_step
    if not config.fused_adam and config.optimizer == "adam":
        say("Steps are not recorded to be replayed, since plain Adam counts them on the CPU; --fused-adam is faster.")
        return whole_step
    return Captured(device, say, beta2_changes=config.beta2_end is not None)


def shared_step(
    processes: Processes, state: TrainingState, options: StepOptions, d_batches: Sequence[Batch], g_batch: Batch,
    then: Following,
) -> Stats:  # fmt: skip
    """``whole_step`` on batches of which each process has its rows."""
    with shared_by(processes):
        return whole_step(state, options, d_batches, g_batch, then)
