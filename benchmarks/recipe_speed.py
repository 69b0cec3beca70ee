"""Images a second of every recipe's update on MNIST, and what a run of its own length takes at that speed.

    python benchmarks/recipe_speed.py              # writes benchmarks/results/recipe_speed.md

The recipes take turns, a few steps each round; batches and noise are drawn as in a run. Start-up, grids, checkpoints
and figures are not in it. WGAN is timed in its usual part, five updates of D for one of G.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from reporting import write_results

from ganforge.base.runtime import keep_freed_memory
from ganforge.config import with_gammas
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.recipes.catalog import RECIPES, recipe
from ganforge.training.adversarial import train_step
from ganforge.training.build import build_state
from ganforge.training.feed import Feed, schedule_optimizers

CPU = torch.device("cpu")


def steps(name: str, dataset: Dataset) -> Iterator[int]:
    """Train; yields the pictures shown in each step."""
    config = recipe(name, data="mnist", **({"wgan_schedule": False} if name == "wgan" else {}))
    feed, state = Feed(with_gammas(config, dataset.shape), dataset, CPU), build_state(config, dataset, CPU)
    images = config.batch_size * config.d_steps
    step = 0
    while True:
        nimg = step * images
        schedule_optimizers(config, state, nimg)
        batches = feed.batches(nimg, step)
        train_step(state.G, state.D, state.G_opt, state.D_opt, feed.options(nimg, state), *batches, state.failed)
        step += 1
        yield images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "recipe_speed.md")
    given = parser.parse_args()
    keep_freed_memory()
    dataset = load("mnist")
    players = {name: steps(name, dataset) for name in RECIPES}
    rates: dict[str, list[float]] = {name: [] for name in RECIPES}
    for turn in range(given.rounds + 1):
        for name, player in players.items():
            done, start = 0, time.perf_counter()
            while done < 300:
                done += next(player)
            if turn:
                rates[name].append(done / (time.perf_counter() - start))
    lines = [f"{torch.get_num_threads()} threads, {given.rounds} rounds, medians and quartiles.", ""]
    lines += [
        "| recipe | images/s | of note's speed | its length, images | minutes for that |",
        "|---|---|---|---|---|",
    ]
    note = statistics.median(rates["note"])
    for name, found in rates.items():
        low, middle, high = statistics.quantiles(found, n=4)
        total = recipe(name, data="mnist").total_nimg
        cells = f"{middle:,.0f} ({low:,.0f} to {high:,.0f}) | {middle / note:.2f} | {total:,}"
        lines.append(f"| {name} | {cells} | {total / middle / 60:.1f} |")
    write_results(given.out, "Speed of the recipes", lines)


if __name__ == "__main__":
    main()
