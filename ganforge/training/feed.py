"""What a step is fed with, as functions of nimg: batches, noise, random numbers, weights of penalties, rates.

Nothing here remembers anything: whoever knows the settings and nimg can make any step again.
"""

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.images import to_float
from ganforge.base.noise import draw_z
from ganforge.base.runtime import send
from ganforge.base.schedules import cosine, critic_steps, linear, ramped_halflife
from ganforge.base.seeding import generator
from ganforge.config import Config
from ganforge.data.augment import ADA_DRAWS, DIFF_AUGMENT_DRAWS, ada, diff_augment, translated
from ganforge.data.batches import Batches
from ganforge.data.dataset import Dataset
from ganforge.data.shards.streamed import StreamedBatches
from ganforge.networks.precision import tf32
from ganforge.objectives.catalog import OBJECTIVES
from ganforge.objectives.losses import load_losses
from ganforge.objectives.penalties import load_penalties
from ganforge.objectives.settings import chosen_penalties, penalty_weights
from ganforge.training.ema import ema_beta
from ganforge.training.processes import ALONE, Processes
from ganforge.training.state import TrainingState
from ganforge.training.step_inputs import Batch, Following, StepOptions

Stream = Batches | StreamedBatches
AUGMENT_DRAWS = {"none": 0, "translation": DIFF_AUGMENT_DRAWS, "diffaugment": DIFF_AUGMENT_DRAWS, "ada": ADA_DRAWS}
"""Uniform numbers for an item, by the setting."""

AHEAD, AHEAD_NUMBERS = 16, 1 << 22
"""On a GPU, batches for so many updates of D are made at once, as long as they have no more numbers than these: asking
for many small operations would take longer than the update."""


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


class Feed:
    """What every step of a run looks at, and learns from it; D's stream of batches and, with noise of its own, G's.
    Where several processes train the run, batches are this one's rows of the whole ones."""

    def __init__(self, config: Config, dataset: Dataset, device: torch.device, processes: Processes = ALONE) -> None:
        """Raises UserError where the settings ask for what the data do not have. config: with numbers for
        all that was "auto"."""
        refuse_unfit_data(config, dataset)
        self.config, self.dataset, self.device, self.processes = config, dataset, device, processes
        self.d_stream = stream_of(config, dataset, device, "shuffle")
        self.ahead = updates_ahead(config.batch_size * math.prod(dataset.shape), device)
        self.seconds = 0.0  # that batches have taken, of the process's time, since somebody set it to 0
        self.made: tuple[int, tuple[Tensor, Tensor, Tensor | None]] | None = None
        self.g_stream = None
        if not config.shared_noise:
            # G's reals are others than D's, in another order.
            self.g_stream = stream_of(config, dataset, device, "G/shuffle", config.g_batch_factor)
        self.augment_columns = AUGMENT_DRAWS[config.augment]
        sizes: dict[str, tuple[int, ...]] = {"alpha": (1,), "noise": tuple(dataset.shape)}
        self.penalty_draws: dict[str, tuple[int, ...]] = {
            name: sizes[name] for penalty in chosen_penalties(config) for name in penalty.draws
        }
        self.losses = load_losses(config.objective)
        self.penalties = load_penalties({name: float(weight) for name, weight in penalty_weights(config).items()})

    def batches(self, nimg: int, step: int) -> tuple[list[Batch], Batch]:
        """The batches of D's updates in the step that begins at ``nimg``, and G's."""
        config, start = self.config, time.monotonic()
        places = range(nimg, nimg + images_at(config, nimg, step), config.batch_size)
        d_batches = [self._d_batch(at) for at in places]
        g_batch = d_batches[-1] if self.g_stream is None else self._batch(self.g_stream, "G/", nimg)
        self.seconds += time.monotonic() - start
        return d_batches, g_batch

    def whole(self) -> "Feed":
        """The same with whole batches, for one process that looks at a step alone."""
        feed = copy.copy(self)
        feed.processes, feed.made = ALONE, None
        return feed

    def _rows(self, numbers: Tensor, factor: int = 1) -> Tensor:
        """Of numbers for the items of whole batches, so many times as large as D's, those of this process."""
        size = factor * self.config.batch_size
        return self.processes.rows(numbers, size // int(self.config.accumulate) // self.processes.count)

    def _g_rows(self, numbers: Tensor) -> Tensor:
        return self._rows(numbers, self.config.g_batch_factor)

    def _d_batch(self, nimg: int) -> Batch:
        """That of the update of D which begins at ``nimg``."""
        batch = self._batch(self.d_stream, "", nimg)
        draws = dict(batch.draws)
        draws |= {name: self._uniform(name, nimg, shape) for name, shape in self.penalty_draws.items()}
        return replace(batch, draws=draws)

    def _batch(self, stream: Stream, prefix: str, nimg: int) -> Batch:
        """prefix: of the names of the random streams, so that G's own numbers are others than D's."""
        config = self.config
        items, z, labels = self._items(stream, prefix, nimg)
        purposes = ("reals", "fakes", "G") if self.augment_columns else ()
        columns, factor = (self.augment_columns,), stream.batch_size // config.batch_size
        draws = {name: self._uniform(f"{prefix}augment/{name}", nimg, columns, factor) for name in purposes}
        told = labels if config.conditional else None
        return Batch(items, z, told, draws, penalty_scale(config, nimg))

    def _items(self, stream: Stream, prefix: str, nimg: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Items, z and labels. D's are made for the next ``ahead`` updates at once."""
        size, ahead = self.config.batch_size, self.ahead if stream is self.d_stream else 1
        first = nimg - nimg // size % ahead * size
        if ahead == 1:
            return self._made(stream, prefix, nimg, 1)
        if self.made is None or self.made[0] != first:
            self.made = first, self._made(stream, prefix, first, ahead)
        items, z, labels = self.made[1]
        ours, at = size // self.processes.count, (nimg - first) // self.processes.count
        part = slice(at, at + ours)
        return items[part], z[part], None if labels is None else labels[part]

    def _made(self, stream: Stream, prefix: str, nimg: int, count: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Those of the updates that begin at ``nimg`` and after it, so many, one after the other."""
        config = self.config
        rows, size = self._g_rows if prefix else self._rows, stream.batch_size
        items, labels = stream(nimg * size // config.batch_size, count, rows)
        z = [
            draw_z(config.noise, size, config.z_dim, generator(config.seed, f"{prefix}z", at))
            for at in range(nimg, nimg + count * size, size)
        ]
        return to_float(items), send(rows(z[0] if count == 1 else torch.cat(z)), self.device), labels

    def _uniform(self, purpose: str, nimg: int, shape: Sequence[int], factor: int = 1) -> Tensor:
        """[rows of the batch, *shape], in [0, 1). factor: of the batch's size and D's."""
        source = generator(self.config.seed, purpose, nimg)
        whole = torch.rand(factor * self.config.batch_size, *shape, generator=source)
        return send(self._rows(whole, factor), self.device)

    def options(self, nimg: int, state: TrainingState) -> StepOptions:
        """What is learned in the step that begins at ``nimg``, as the settings' schedules have it."""
        config = self.config
        share = 1.0 if config.gamma_end is None else scheduled(config, nimg, 1.0, config.gamma_end)
        penalties = [
            replace(penalty, weight=penalty.weight * share) if penalty.record.follows_gamma_end else penalty
            for penalty in self.penalties
        ]
        augment = {
            "none": None, "translation": translated, "diffaugment": diff_augment,
            "ada": partial(augment_by, state.ada_p),
        }[config.augment]  # fmt: skip
        return StepOptions(
            self.losses, penalties, config.clip, augment, config.shared_noise, int(config.accumulate), one_pass(config)
        )


def stream_of(config: Config, dataset: Dataset, device: torch.device, purpose: str, factor: int = 1) -> Stream:
    """Batches of the items, so many times as large as D's: of those in memory, or of the shards that are read in
    place."""
    size, seed = factor * config.batch_size, config.seed
    if dataset.shards is None:
        return Batches(dataset, size, seed, device, purpose, config.mirror)
    return StreamedBatches(dataset.shards, size, seed, device, purpose, config.mirror, config.shuffle_window)


def updates_ahead(numbers: int, device: torch.device) -> int:
    """For how many updates of D batches of so many numbers are made at once."""
    return max(1, min(AHEAD, AHEAD_NUMBERS // numbers)) if device.type == "cuda" else 1


def refuse_unfit_data(config: Config, dataset: Dataset) -> None:
    """Raise UserError where the settings ask for what the data do not have."""
    if config.conditional and dataset.labels is None:
        why = f" ({dataset.no_labels})" if dataset.no_labels else ""
        raise UserError(f"{dataset.name} has no classes to tell the networks{why}; leave conditional out.")


def penalty_scale(config: Config, nimg: int) -> float:
    """What the penalties that may be lazy are multiplied by in the update of D that begins at ``nimg``: the interval at
    every so many updates of D, the first included, and 0 between, so that they weigh the same on average.

    Karras et al. 2020, arXiv:1912.04958, section 3.1 and appendix B. There the penalty has an update of D to itself,
    beside those of the loss, and Adam's rate and betas are corrected for the updates that this adds. Here it joins the
    loss of the k-th update, Adam takes as many steps as without, and nothing is to be corrected.
    """
    return float(config.penalty_interval) if nimg // config.batch_size % config.penalty_interval == 0 else 0.0


def one_pass(config: Config) -> bool:
    """Whether D looks at reals and fakes together: less work a step where it may.

    Not where D mixes the items of a batch (batch norm) or changes as it looks (spectral norm), nor where a penalty asks
    for the gradient of one side alone, nor with plain Adam, which stands for the note's own bits.
    """
    one_sided = any(penalty.gradient_at for penalty in chosen_penalties(config))
    return config.d_sees_each_item_alone and config.fused_adam and not one_sided


def augment_by(p: Tensor, images: Tensor, draws: Tensor) -> Tensor:
    """``ada`` at the probability p, 0-d. Where a pixel comes from is worked out in float32."""
    with tf32(False):
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


def following(config: Config, nimg: int, images: int) -> Following:
    """What follows from a step that begins at ``nimg`` and shows D so many images."""
    share, usual = 0.0, config.ema_halflife_nimg
    if usual is not None:
        halflife: float = ramped_halflife(nimg + images, usual) if config.ema_rampup else usual
        halflife = scheduled(config, nimg, 0.0, usual) if config.ema_burn_in else halflife
        share = 1.0 - ema_beta(images, halflife)
    return Following(OBJECTIVES[config.objective].boundary, images, share)
