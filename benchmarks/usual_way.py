"""Images a second of `dcgan` and `wgan-gp`: ours against the usual tutorial loops, same networks, taking turns.

    python benchmarks/usual_way.py                 # writes benchmarks/results/usual_way.md

The usual way, written out plainly: a DataLoader over per-sample transforms (picture -> float -> normalised), fresh
noise for D and for G, fakes computed for each of them, `torch.optim.Adam` as it is by default, gradients by
`.backward()`, so that G's step computes D's, too; layers are PyTorch's. Ours is the whole of a run's step: batches and
noise drawn, non-finite guard, statistics. Each has a process of its own, since a run of ours asks the system to keep
freed memory, which no tutorial does; they take turns.
"""

import argparse
import itertools
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from reporting import write_results
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from ganforge.base.noise import draw_z
from ganforge.base.runtime import keep_freed_memory
from ganforge.config import Config, with_gammas
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.networks import double_backward
from ganforge.recipes.catalog import recipe
from ganforge.training.adversarial import train_step
from ganforge.training.build import build_state
from ganforge.training.feed import Feed, schedule_optimizers

CPU = torch.device("cpu")
Loop = Callable[[Config, Dataset], Iterator[int]]
"""Endless training steps; each yields how many images it took."""


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
    """G and D in the usual memory order, of PyTorch's layers."""
    state = build_state(config, dataset, CPU)
    for network in (state.G, state.D):
        network.to(memory_format=torch.contiguous_format)
        for module in list(network.modules()):
            for name, layer in module.named_children():
                if isinstance(layer, double_backward.Conv2d):
                    layer.__class__ = nn.Conv2d
                elif isinstance(layer, double_backward.LeakyReLU):
                    setattr(module, name, nn.LeakyReLU(layer.slope, inplace=True))
    return state.G, state.D


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
    feed, state = Feed(with_gammas(config, dataset.shape), dataset, CPU), build_state(config, dataset, CPU)
    images = config.batch_size * config.d_steps
    for step in itertools.count():
        nimg = step * images
        schedule_optimizers(config, state, nimg)
        options, batches = feed.options(nimg, state), feed.batches(nimg, step)
        stats = train_step(state.G, state.D, state.G_opt, state.D_opt, options, *batches, state.failed)
        assert not bool(state.failed)
        state.stats.add(stats)
        if step % 250 == 249:
            state.stats.clear()
        yield images


def serve(make: Loop, name: str, threads: int, connection: Connection) -> None:
    """In a process of its own: for each number of images asked for, train on so many and answer with images/s."""
    if make is ours:
        keep_freed_memory()
    torch.set_num_threads(threads)
    loop = make(recipe(name), load("mnist"))
    while images := connection.recv():
        done, start = 0, time.perf_counter()
        while done < images:
            done += next(loop)
        connection.send(done / (time.perf_counter() - start))


def measure(loops: dict[str, Loop], name: str, rounds: int, images: int) -> dict[str, list[float]]:
    """Images a second in each round, of at least ``images`` each; the loops take turns. 1 round warms up."""
    spawn = multiprocessing.get_context("spawn")
    rates: dict[str, list[float]] = {who: [] for who in loops}
    ends = {}
    for who, make in loops.items():
        ends[who], theirs = spawn.Pipe()
        spawn.Process(target=serve, args=(make, name, torch.get_num_threads(), theirs), daemon=True).start()
    for turn in range(rounds + 1):
        for who, end in ends.items():
            end.send(images)
            rate = end.recv()
            if turn:
                rates[who].append(rate)
    for end in ends.values():
        end.send(0)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--images", type=int, default=1_500, help="in a round, at least")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "usual_way.md")
    given = parser.parse_args()
    lines = [f"{torch.get_num_threads()} threads. Ratios are medians over the rounds of the ratio within a round.", ""]
    lines += ["| recipe | usual loop, images/s | ours, images/s | ratio (quartiles) |", "|---|---|---|---|"]
    for name, usual in (("dcgan", usual_dcgan), ("wgan-gp", usual_wgan_gp)):
        rates = measure({"usual": usual, "ours": ours}, name, given.rounds, given.images)
        ratios = [our / their for our, their in zip(rates["ours"], rates["usual"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        speeds = [f"{statistics.median(rates[who]):,.0f}" for who in ("usual", "ours")]
        lines.append(f"| {name} | {speeds[0]} | {speeds[1]} | {middle:.2f} ({low:.2f} to {high:.2f}) |")
    write_results(given.out, "Steps against the usual way", lines)


if __name__ == "__main__":
    main()
