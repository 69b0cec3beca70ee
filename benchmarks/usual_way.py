"""Images a second of `dcgan` and `wgan-gp`: ours against the usual tutorial loops, same networks, interleaved.

    python benchmarks/usual_way.py                 # writes benchmarks/results/usual_way.md

The usual way, written out plainly: a DataLoader over per-sample transforms (picture -> float -> normalised), fresh
noise for D and for G, fakes computed for each of them, `torch.optim.Adam` as it is by default, gradients by
`.backward()`, so that G's step computes D's, too. Ours is the whole of a run's step: batches and noise drawn,
non-finite guard, statistics.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from reporting import write_results
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganforge.base.noise import draw_z
from ganforge.base.runtime import keep_freed_memory
from ganforge.config import Config
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.recipes import recipe
from ganforge.training.adversarial import train_step
from ganforge.training.setup import build_game, build_state, schedule_optimizers

CPU = torch.device("cpu")


class Pictures(torch.utils.data.Dataset[Tensor]):
    """What a tutorial's data set does for each picture: to PIL, to a float tensor, to [-1, 1]."""

    def __init__(self, dataset: Dataset) -> None:
        self.arrays = dataset.items[:, 0].numpy()

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, index: int) -> Tensor:
        picture = Image.fromarray(self.arrays[index])
        numbers = torch.from_numpy(np.array(picture)).unsqueeze(0).float().div(255)
        return (numbers - 0.5) / 0.5


def endless(dataset: Dataset, batch_size: int) -> Iterator[Tensor]:
    loader = torch.utils.data.DataLoader(Pictures(dataset), batch_size, shuffle=True, drop_last=True)
    while True:
        yield from loader


def networks(config: Config, dataset: Dataset) -> tuple[nn.Module, nn.Module]:
    """In the usual memory order, too."""
    state = build_state(config, dataset, CPU)
    return tuple(network.to(memory_format=torch.contiguous_format) for network in (state.G, state.D))


def usual_dcgan(config: Config, dataset: Dataset) -> Iterator[int]:
    G, D = networks(config, dataset)
    G_opt, D_opt = (torch.optim.Adam(net.parameters(), config.lr, (config.beta1, config.beta2)) for net in (G, D))
    ones, zeros = torch.ones(config.batch_size), torch.zeros(config.batch_size)
    for reals in endless(dataset, config.batch_size):
        D_opt.zero_grad()
        fakes = G(draw_z(config.noise, len(reals), config.z_dim, torch.default_generator))
        d_loss = bce(D(reals), ones) + bce(D(fakes.detach()), zeros)
        d_loss.backward()
        D_opt.step()
        G_opt.zero_grad()
        fakes = G(draw_z(config.noise, len(reals), config.z_dim, torch.default_generator))
        g_loss = bce(D(fakes), ones)
        g_loss.backward()
        G_opt.step()
        yield len(reals)


def usual_wgan_gp(config: Config, dataset: Dataset) -> Iterator[int]:
    G, D = networks(config, dataset)
    G_opt, D_opt = (torch.optim.Adam(net.parameters(), config.lr, (config.beta1, config.beta2)) for net in (G, D))
    for step, reals in enumerate(endless(dataset, config.batch_size)):
        D_opt.zero_grad()
        fakes = G(draw_z(config.noise, len(reals), config.z_dim, torch.default_generator))
        alpha = torch.rand(len(reals), 1, 1, 1)
        between = (alpha * reals + (1 - alpha) * fakes.detach()).requires_grad_()
        logits = D(between)
        [slope] = torch.autograd.grad(logits, between, torch.ones_like(logits), create_graph=True, retain_graph=True)
        penalty = ((slope.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
        d_loss = D(fakes).mean() - D(reals).mean() + config.gp_weight * penalty
        d_loss.backward()
        D_opt.step()
        if step % config.d_steps == config.d_steps - 1:
            G_opt.zero_grad()
            fakes = G(draw_z(config.noise, len(reals), config.z_dim, torch.default_generator))
            g_loss = -D(fakes).mean()
            g_loss.backward()
            G_opt.step()
        yield len(reals)


def ours(config: Config, dataset: Dataset) -> Iterator[int]:
    game, state = build_game(config, dataset, CPU), build_state(config, dataset, CPU)
    images = config.batch_size * config.d_steps
    for step in itertools.count():
        nimg = step * images
        schedule_optimizers(config, state, nimg)
        stats = train_step(
            state.G, state.D, state.G_opt, state.D_opt, game.rules(nimg, state), *game.batches(nimg, step), state.failed
        )
        assert not bool(state.failed)
        state.stats.add(stats)
        if step % 250 == 249:
            state.stats.clear()
        yield images


def measure(contestants: dict[str, Iterator[int]], rounds: int, images: int) -> dict[str, list[float]]:
    """Images a second in each round, of at least ``images`` each; the contestants take turns. 1 round warms up."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, contestant in contestants.items():
            done, start = 0, time.perf_counter()
            while done < images:
                done += next(contestant)
            if turn:
                rates[name].append(done / (time.perf_counter() - start))
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--images", type=int, default=1_500, help="in a round, at least")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "usual_way.md")
    given = parser.parse_args()
    keep_freed_memory()
    dataset = load("mnist")
    lines = [f"{torch.get_num_threads()} threads. Ratios are medians over the rounds of the ratio within a round.", ""]
    lines += ["| recipe | usual loop, images/s | ours, images/s | ratio (quartiles) |", "|---|---|---|---|"]
    for name, usual in (("dcgan", usual_dcgan), ("wgan-gp", usual_wgan_gp)):
        config = recipe(name)
        rates = measure({"usual": usual(config, dataset), "ours": ours(config, dataset)}, given.rounds, given.images)
        ratios = [our / their for our, their in zip(rates["ours"], rates["usual"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        speeds = [f"{statistics.median(rates[who]):,.0f}" for who in ("usual", "ours")]
        lines.append(f"| {name} | {speeds[0]} | {speeds[1]} | {middle:.2f} ({low:.2f} to {high:.2f}) |")
    write_results(given.out, "Steps against the usual way", lines)


if __name__ == "__main__":
    main()
