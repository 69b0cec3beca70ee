"""From settings to objects: the only part of training that reads the config to build things."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.base.images import to_float
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.config import Config
from ganforge.data.batches import Batches
from ganforge.data.dataset import Dataset
from ganforge.networks.build import build_discriminator, build_generator
from ganforge.objectives.losses import NON_SATURATING, Objective
from ganforge.training.adam import Adam
from ganforge.training.state import TrainingState


@dataclass(frozen=True)
class Game:
    """What a step needs beside the state. ``reals`` and ``z`` are pure functions of nimg."""

    dataset: Dataset
    objective: Objective
    reals: Callable[[int], Tensor]
    z: Callable[[int], Tensor]
    device: torch.device


def build_game(config: Config, dataset: Dataset, device: torch.device) -> Game:
    """The data's way into a step: bytes in the order of the shuffle, then floats in [-1, 1]; and the noise."""
    batches = Batches(dataset, config.batch_size, config.seed, device)

    def reals(nimg: int) -> Tensor:
        items, _ = batches(nimg)
        return to_float(items)

    def z(nimg: int) -> Tensor:
        return draw_z(config.noise, config.batch_size, config.z_dim, generator(config.seed, "z", nimg)).to(device)

    return Game(dataset, NON_SATURATING, reals, z, device)


def build_state(config: Config, shape: tuple[int, ...], device: torch.device) -> TrainingState:
    """Fresh networks and optimizers on the device."""
    G = build_generator(config.z_dim, shape, config.g_hidden, config.seed).to(device)
    D = build_discriminator(shape, config.d_hidden, config.seed).to(device)
    betas = (config.beta1, config.beta2)
    G_opt = Adam(G, config.lr, betas, fused=config.fused_adam)
    D_opt = Adam(D, config.lr, betas, fused=config.fused_adam)
    return TrainingState(G, D, G_opt, D_opt, with_ema=config.ema_halflife_nimg is not None)
