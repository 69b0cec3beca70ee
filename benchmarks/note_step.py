"""One training step of the note's recipe: ours, the note's loop written out, and the floor, interleaved in one process.

    python benchmarks/note_step.py                       # writes benchmarks/results/note_step.md

The floor is what any implementation on this machine must at least do: every matrix product of the step once, at its own
size, with the operands laid out as they are in the step (`addmm` forward, two `mm` backward, minus those whose result
nobody needs), and one pass of fused Adam over all weights. All contestants work on the same preloaded tensors, so that
data and noise cost nobody anything, except in the row `ours, data and noise included`.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from reporting import peak_memory, write_results
from torch import Tensor, nn

from ganforge.base.noise import draw_z
from ganforge.base.runtime import keep_freed_memory
from ganforge.base.seeding import generator
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.recipes.catalog import recipe
from ganforge.training.adversarial import train_step
from ganforge.training.build import build_state
from ganforge.training.feed import Feed, schedule_optimizers
from ganforge.training.optimizer import Adam
from ganforge.training.step_inputs import Batch

BATCHES = 64


def ours(reals: list[Tensor], noise: list[Tensor], *, fused: bool) -> Iterator[None]:
    """Our update, in the default configuration or with plain Adam."""
    config = recipe("note", fused_adam=fused)
    pictures = Dataset("pictures", "", torch.zeros(config.batch_size, 1, 28, 28, dtype=torch.uint8))
    state = build_state(config, pictures, torch.device("cpu"))
    options = Feed(config, pictures, torch.device("cpu")).options(0, state)
    for x, z in itertools.cycle(zip(reals, noise, strict=True)):
        batch = Batch(x, z)
        train_step(state.G, state.D, state.G_opt, state.D_opt, options, [batch], batch, state.failed)
        yield


def ours_with_data(name: str) -> Iterator[None]:
    """The same, drawing its batches and noise as a run does."""
    config = recipe("note")
    feed = Feed(config, load(name, max_images=50_000), torch.device("cpu"))
    state = build_state(config, feed.dataset, torch.device("cpu"))
    for step in itertools.count():
        nimg = step * config.batch_size
        schedule_optimizers(config, state, nimg)
        options = feed.options(nimg, state)
        train_step(state.G, state.D, state.G_opt, state.D_opt, options, *feed.batches(nimg, step), state.failed)
        yield


def note_networks() -> tuple[nn.Sequential, nn.Sequential]:
    """The note's G and D, as it writes them."""
    D = nn.Sequential(nn.Linear(784, 256), nn.LeakyReLU(0.2), nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1))
    G = nn.Sequential(
        nn.Linear(96, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 784), nn.Tanh()
    )  # fmt: skip
    return G, D


def note_loop(reals: list[Tensor], noise: list[Tensor]) -> Iterator[None]:
    """The note's loop: default Adam, fakes computed twice, D's backward through G."""
    G, D = note_networks()
    D_opt = torch.optim.Adam(D.parameters(), lr=3e-4, betas=(0.5, 0.999))
    G_opt = torch.optim.Adam(G.parameters(), lr=3e-4, betas=(0.5, 0.999))
    bce = nn.BCEWithLogitsLoss()
    flat = [x.flatten(1) for x in reals]
    for x, z in itertools.cycle(zip(flat, noise, strict=True)):
        real_logits, fake_logits = D(x), D(G(z))
        d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
        D_opt.zero_grad()
        d_loss.backward()
        D_opt.step()
        fake_logits = D(G(z))
        g_loss = bce(fake_logits, torch.ones_like(fake_logits))
        G_opt.zero_grad()
        g_loss.backward()
        G_opt.step()
        yield


def floor(batch_size: int = 128, *, transposed: bool = False) -> Iterator[None]:
    """The necessary matrix products, and one pass of fused Adam.

    transposed: forward and weight gradients from features that lie transposed, which is faster with several threads.
    """
    G, D = note_networks()
    products = [
        *linear_products(D, batch_size, weight_grads=True, input_grad=False, transposed=transposed),  # D on reals
        *linear_products(D, batch_size, weight_grads=True, input_grad=False, transposed=transposed),  # D on fakes
        *linear_products(G, batch_size, weight_grads=True, input_grad=False, transposed=transposed),  # G
        *linear_products(D, batch_size, weight_grads=False, input_grad=True, transposed=transposed),  # G's loss
    ]
    optimizers = [Adam(network, 3e-4, (0.5, 0.999), fused=True) for network in (G, D)]
    grads = [[torch.randn_like(p) * 1e-3 for p in optimizer.params] for optimizer in optimizers]
    keep_going = torch.zeros(())
    while True:
        for product in products:
            product()
        for optimizer, grad in zip(optimizers, grads, strict=True):
            optimizer.step(grad, skip=keep_going)
        yield


def linear_products(
    network: nn.Sequential, batch_size: int, *, weight_grads: bool, input_grad: bool, transposed: bool
) -> list[Callable[[], Tensor]]:
    """Forward and backward products of a stack of linear layers."""
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    forward, backward = [], []
    for index, layer in enumerate(layers):
        w, b = layer.weight.data, layer.bias.data
        x, g = torch.randn(batch_size, w.shape[1]), torch.randn(batch_size, w.shape[0])
        if transposed:
            x, g = x.t().contiguous().t(), g.t().contiguous().t()
            forward.append(lambda b=b, x=x, w=w: torch.addmm(b.unsqueeze(1), w, x.t()))
        else:
            forward.append(lambda b=b, x=x, w=w: torch.addmm(b, x, w.t()))
        if weight_grads:
            backward.append(lambda g=g, x=x: torch.mm(g.t(), x))
        if index > 0 or input_grad:
            backward.append(lambda g=g, w=w: torch.mm(g, w))
    return forward + backward[::-1]


def flops(batch_size: int = 128) -> int:
    """Multiplications and additions in the floor's products."""
    G, D = ([tuple(layer.weight.shape) for layer in net if isinstance(layer, nn.Linear)] for net in note_networks())
    full = lambda shapes: sum(3 * o * i for o, i in shapes) - shapes[0][0] * shapes[0][1]  # noqa: E731
    through = sum(2 * o * i for o, i in D)
    return 2 * batch_size * (2 * full(D) + full(G) + through)


def time_interleaved(contestants: dict[str, Iterator[None]], rounds: int, steps: int) -> dict[str, list[float]]:
    """Milliseconds a step, for each contestant in each round; the contestants take turns, every round from another one
    on, so that each finds the caches as each other leaves them. 5 rounds warm up."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds + 5):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            contestant = contestants[name]
            start = time.perf_counter()
            for _ in range(steps):
                next(contestant)
            if turn >= 5:
                times[name].append(1e3 * (time.perf_counter() - start) / steps)
    return times


def measure(threads: int, rounds: int, steps: int, data: str) -> list[str]:
    """One table."""
    torch.set_num_threads(threads)
    keep_freed_memory()  # as every run of ours does; here it helps all contestants
    config = recipe("note")
    draws = [draw_z("uniform", config.batch_size, config.z_dim, generator(0, "z", i)) for i in range(BATCHES)]
    feed = Feed(config, load(data, max_images=50_000), torch.device("cpu"))
    reals = [feed.batches(i * config.batch_size, i)[1].reals.clone() for i in range(BATCHES)]
    times = time_interleaved(
        {
            "the note's loop": note_loop(reals, draws),
            "ours, as users get it": ours(reals, draws, fused=True),
            "ours, data and noise included": ours_with_data(data),
            "ours, plain Adam (the note's bits)": ours(reals, draws, fused=False),
            "the floor": floor(config.batch_size),
            "the floor, products transposed": floor(config.batch_size, transposed=True),
        },
        rounds,
        steps,
    )
    base = times["the note's loop"]
    floors = [times["the floor"], times["the floor, products transposed"]]
    rows = [f"### {threads} thread{'s' * (threads > 1)}", ""]
    rows += [
        "| | ms a step: median (quartiles) | speed of the note's loop | the floor's speed | the transposed floor's |",
        "|---|---|---|---|---|",
    ]
    for name, ms in times.items():
        q1, median, q3 = statistics.quantiles(ms, n=4)
        ratio = statistics.median(b / m for b, m in zip(base, ms, strict=True))
        shares = [statistics.median(f / m for f, m in zip(low, ms, strict=True)) for low in floors]
        cells = f"{ratio:.2f} x | {100 * shares[0]:.1f} % | {100 * shares[1]:.1f} %"
        rows.append(f"| {name} | {median:.2f} ({q1:.2f} to {q3:.2f}) | {cells} |")
    rates = " and ".join(f"{flops(config.batch_size) / statistics.median(low) / 1e6:.0f}" for low in floors)
    work = f"{flops(config.batch_size) / 1e9:.2f} GFLOP a step"
    return [*rows, "", f"The floors run at {rates} GFLOP/s ({work}).", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--steps", type=int, default=5, help="steps in a round")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "note_step.md")
    given = parser.parse_args()
    most = torch.get_num_threads()
    tables = [measure(n, given.rounds, given.steps, given.data) for n in sorted({1, most})]
    text = ["Ratios are medians over the rounds of the ratio within a round.", "", *itertools.chain(*tables)]
    text += [f"Peak memory of this process, all contestants together: {peak_memory():.0f} MiB."]
    write_results(given.out, "One step of the note's recipe", text)


if __name__ == "__main__":
    main()
