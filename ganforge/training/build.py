"""From settings to objects: the only part of training that reads the config to build things."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.images import to_float
from ganforge.base.noise import draw_z
from ganforge.base.schedules import cosine, critic_steps, linear
from ganforge.base.seeding import generator
from ganforge.base.tensorfile import DamagedFileError, Shapes
from ganforge.base.wording import as_typed
from ganforge.config import Config, make_config, with_gammas
from ganforge.data.augment import ADA_DRAWS, DIFF_AUGMENT_DRAWS, ada, diff_augment
from ganforge.data.batches import Batches
from ganforge.data.dataset import Dataset
from ganforge.networks.build import build_discriminator, build_generator, on_device
from ganforge.networks.precision import autocast_forward
from ganforge.objectives.losses import OBJECTIVES
from ganforge.run.checkpoint import part_of
from ganforge.run.snapshot import refuse_other_shapes
from ganforge.training.adversarial import Batch, Rules
from ganforge.training.optimizer import Adam, Optimizer, RMSprop
from ganforge.training.state import TrainingState
from ganforge.training.warm_start import Items, Source, read_source, warm_start

COPIES, MAX_STATISTICS = 8, 1 << 28
"""A network's weights, their moving average and the optimizers' moments, in a checkpoint; and the steps' statistics."""


@dataclass(frozen=True)
class Game:
    """What a step needs beside the state.

    batches: (nimg, step) -> the batches of D's updates and G's batch, pure in both. rules: (nimg, state) -> Rules.
    """

    dataset: Dataset
    batches: Callable[[int, int], tuple[list[Batch], Batch]]
    rules: Callable[[int, TrainingState], Rules]
    device: torch.device


def build_game(config: Config, dataset: Dataset, device: torch.device) -> Game:
    """The data's way into a step: bytes in the order of the shuffle, then floats in [-1, 1]; noise; and the rules.

    Raises UserError where the settings ask for what the data do not have.
    """
    config = with_gammas(config, dataset.shape)
    if config.conditional and dataset.labels is None:
        why = f" ({dataset.no_labels})" if dataset.no_labels else ""
        raise UserError(f"{dataset.name} has no classes to tell the networks{why}; leave conditional out.")
    if config.augment != "none" and dataset.mixture is not None:
        raise UserError(f"Points are not augmented, and {dataset.name} consists of them; leave augment out.")
    if config.mirror and dataset.mixture is not None:
        raise UserError(f"Points have no mirror image, and {dataset.name} consists of them; leave mirror out.")

    draw = batch_maker(config, dataset, device)

    def batches(nimg: int, step: int) -> tuple[list[Batch], Batch]:
        d_batches = [draw("", at) for at in range(nimg, nimg + images_at(config, nimg, step), config.batch_size)]
        return d_batches, d_batches[-1] if config.shared_noise else draw("G/", nimg)

    return Game(dataset, batches, partial(rules_at, config), device)


def images_in(config: Config, step: int) -> int:
    """Real pictures that D sees in a whole step, counted from 0."""
    d_steps = critic_steps(step, config.d_steps) if config.wgan_schedule else config.d_steps
    return d_steps * config.batch_size


def end_of(config: Config) -> int:
    """Real pictures that D has seen at the run's end: the first whole batch at or past total_nimg."""
    return -(-config.total_nimg // config.batch_size) * config.batch_size


def images_at(config: Config, nimg: int, step: int) -> int:
    """Real pictures that D sees in the step that begins at ``nimg``: the last one has only as many updates of D as lead
    to the run's end."""
    return min(images_in(config, step), end_of(config) - nimg)


def batch_maker(config: Config, dataset: Dataset, device: torch.device) -> Callable[[str, int], Batch]:
    """(whose, nimg) -> the batch there; whose: "" for D's stream of reals and z, "G/" for G's own."""
    streams = {"": Batches(dataset, config.batch_size, config.seed, device, mirror=config.mirror)}
    if not config.shared_noise:
        # G's reals are others than D's, in another order.
        streams["G/"] = Batches(dataset, config.batch_size, config.seed, device, "G/shuffle", config.mirror)
    columns = {"none": 0, "diffaugment": DIFF_AUGMENT_DRAWS, "ada": ADA_DRAWS}[config.augment]

    def draws(purpose: str, nimg: int, *shape: int) -> Tensor:
        numbers = torch.rand(config.batch_size, *shape, generator=generator(config.seed, purpose, nimg))
        return numbers.to(device)

    def draw(whose: str, nimg: int) -> Batch:
        items, labels = streams[whose](nimg)
        z = draw_z(config.noise, config.batch_size, config.z_dim, generator(config.seed, f"{whose}z", nimg)).to(device)
        uniform = {name: draws(f"{whose}augment/{name}", nimg, columns) for name in ("reals", "fakes", "G") if columns}
        if not whose and (config.gp_weight or config.dragan_weight):
            uniform["alpha"] = draws("alpha", nimg, 1)
        if not whose and config.dragan_weight:
            uniform["noise"] = draws("noise", nimg, *dataset.shape)
        told = labels if config.conditional else None
        return Batch(to_float(items), z, told, uniform, penalty_scale(config, nimg))

    return draw


def penalty_scale(config: Config, nimg: int) -> float:
    """What R1 or R2 is multiplied by in the update of D that begins at ``nimg``: with lazy regularisation the interval
    at every so many updates of D, the first included, and 0 between, so that it weighs the same on average.

    Karras et al. 2020, arXiv:1912.04958, section 3.1 and appendix B. There the penalty has an update of D to itself,
    beside those of the loss, and Adam's rate and betas are corrected for the updates that this adds. Here it joins the
    loss of the k-th update, Adam takes as many steps as without, and nothing is to be corrected.
    """
    return float(config.penalty_interval) if nimg // config.batch_size % config.penalty_interval == 0 else 0.0


def rules_at(config: Config, nimg: int, state: TrainingState) -> Rules:
    """What is played by at ``nimg``, as the settings' schedules have it."""
    gammas = [float(gamma) for gamma in (config.r1_gamma, config.r2_gamma)]
    share = 1.0 if config.gamma_end is None else scheduled(config, nimg, 1.0, config.gamma_end)
    augment = None
    if config.augment == "diffaugment":
        augment = diff_augment
    elif config.augment == "ada":
        augment = partial(augment_by, state.ada_p)
    return Rules(
        OBJECTIVES[config.objective], gammas[0] * share, gammas[1] * share, config.gp_weight,
        config.dragan_weight, config.clip, augment, config.shared_noise, config.accumulate, one_pass(config),
    )  # fmt: skip


def one_pass(config: Config) -> bool:
    """Whether D looks at reals and fakes together: less work a step where it may.

    Not where D mixes the items of a batch (batch norm) or changes as it looks (spectral norm), nor where R1 or R2 ask
    for the gradient of one side alone, nor with plain Adam, which stands for the note's own bits.
    """
    return config.d_sees_each_item_alone and config.fused_adam and not (config.r1_gamma or config.r2_gamma)


def augment_by(p: Tensor, images: Tensor, draws: Tensor) -> Tensor:
    return ada(images, p, draws)


def scheduled(config: Config, nimg: int, start: float, end: float) -> float:
    """A setting's value at ``nimg``, on its way from start to end."""
    curve = cosine if config.burn_in_curve == "cosine" else linear
    return curve(nimg, start, end, config.burn_in_nimg or 1)


def schedule_optimizers(config: Config, state: TrainingState, nimg: int) -> None:
    """Set the learning rates and beta2 for the step at ``nimg``."""
    share = 1.0 if config.lr_end is None else scheduled(config, nimg, 1.0, config.lr_end)
    beta2 = config.beta2 if config.beta2_end is None else scheduled(config, nimg, config.beta2, config.beta2_end)
    state.G_opt.lr, state.D_opt.lr = config.lr * share, (config.d_lr or config.lr) * share
    state.G_opt.betas = state.D_opt.betas = (config.beta1, beta2)


def build_networks(config: Config, items: Items, *, meta: bool = False) -> tuple[nn.Module, nn.Module]:
    """Fresh G and D on the CPU, or (meta) their outlines. Raises UserError for sizes that do not fit each other."""
    told: dict[str, Any] = {"num_classes": items.num_classes, "meta": meta}
    G = build_generator(config.generator, config.z_dim, items.shape, config.seed, **told, **config.g_sizes)
    D = build_discriminator(config.discriminator, items.shape, config.seed, **told, **config.d_sizes)
    return G, D


def refuse_misfit(config: Config, items: Items, shapes: Shapes) -> None:
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
    G, D = (on_device(network, device, tuned=config.fused_adam) for network in (G, D))
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
    if config.precision == "bfloat16":
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
