"""What a row of the log tells of a run's health: signs of what G makes, and how fast the weights move."""

from functools import partial

import torch
from torch import Tensor, nn

from ganforge.base.images import to_float
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.config import Config
from ganforge.data.augment import ADA_DRAWS, DIFF_AUGMENT_DRAWS, ada, diff_augment
from ganforge.data.dataset import Dataset
from ganforge.diagnosis.signs import Signs
from ganforge.networks.generate import BATCH_SIZE, generate
from ganforge.run.stats import separation
from ganforge.training.accumulate import total_norm
from ganforge.training.feed import Feed
from ganforge.training.optimizer import Optimizer
from ganforge.training.state import TrainingState


def _ada(pictures: Tensor, source: torch.Generator) -> Tensor:
    return ada(pictures, 1.0, torch.rand(len(pictures), ADA_DRAWS, generator=source))


def _diff_augment(pictures: Tensor, source: torch.Generator) -> Tensor:
    return diff_augment(pictures, torch.rand(len(pictures), DIFF_AUGMENT_DRAWS, generator=source))


AT_MOST = {"ada": _ada, "diffaugment": _diff_augment}
"""By ``augment``: what it can do to pictures, at most."""


class Health:
    """Looks at a run's networks; all that it tells follows from the settings, the data, the weights and moments."""

    def __init__(self, config: Config, feed: Feed, state: TrainingState) -> None:
        self.feed, self.state = feed, state
        augment = AT_MOST.get(config.augment)
        self.signs = Signs(feed.dataset, config.seed, conditional=config.conditional, augment=augment)
        self.z = draw_z(config.noise, self.signs.count, config.z_dim, generator(config.seed, "health"))

    def row(self) -> dict[str, float | list[float]]:
        """Columns of the log, by name."""
        state, make = self.state, lambda G, labels: generate(G, self.z, labels, self.feed.device)
        plain = None if state.G_ema is None else partial(make, state.G)
        found = self.signs.of(partial(make, state.G_for_sampling), plain)
        for name, network, optimizer in (("G", state.G, state.G_opt), ("D", state.D, state.D_opt)):
            found[f"Weights/{name}"], found[f"Step/{name}"] = size_and_step(network, optimizer)
        return found | self.held_out()

    @torch.no_grad()
    def held_out(self) -> dict[str, float]:
        """How far D keeps what it learns from apart from reals that it has not seen, as ``separation`` does: 1/2 where
        it treats them alike. Nothing where none were set aside."""
        dataset, D = self.feed.dataset, self.state.D
        if dataset.held_out is None:
            return {}
        was_training = D.training
        D.eval()
        try:
            seen, unseen = (self._logits(D, part) for part in (dataset, dataset.held_out))
        finally:
            D.train(was_training)
        return {"Health/seen_apart": separation(seen, unseen)}

    def _logits(self, D: nn.Module, dataset: Dataset) -> Tensor:
        """D's, of as many items as there are fakes, at most, spread over the set."""
        rows = torch.linspace(0, len(dataset) - 1, min(self.signs.count, len(dataset))).long()
        told = None if dataset.labels is None or not self.feed.config.conditional else dataset.labels[rows]
        device, parts = self.feed.device, []
        for at in range(0, len(rows), BATCH_SIZE):
            here = slice(at, at + BATCH_SIZE)
            labels = None if told is None else told[here].to(device)
            parts.append(D(to_float(dataset.items[rows[here]]).to(device), labels).cpu().double())
        return torch.cat(parts)


@torch.no_grad()
def size_and_step(network: nn.Module, optimizer: Optimizer) -> tuple[float, float]:
    """The norm of all weights, and that of the next step beside it, as the moments have it: lr x mean / root of the
    mean square (of RMSprop, which keeps no mean, lr for each weight)."""
    size = total_norm(list(network.parameters()))
    moments = optimizer.tensors()
    roots = [moment.sqrt() for name, moment in moments.items() if name.endswith("_avg_sq")]
    means = [moment for name, moment in moments.items() if name.endswith(".exp_avg")]
    if means:
        steps = torch._foreach_div(means, torch._foreach_add(roots, 1e-8))
        step = total_norm(steps)
    else:
        step = size.new_tensor(sum(one.numel() for one in optimizer.params) ** 0.5)
    step = step * float(optimizer.lr)
    return size.item(), (step / size.clamp(min=1e-12)).item()
