"""How long a step takes with N processes, on paper: what they share / N + what each does for all + the exchange.

    seconds = ((compute * B / N) + whole * B + fixed) * max(1, N / cores) + exchange(N)

compute: of an image, which the processes share. whole: of an image of the whole batch, which each of them draws noise
and random numbers for. fixed: of a step, as optimizers and the asking for operations take it. cores: beyond so many
processes, they wait for each other's. exchange: the sums of gradients, which begin when the gradients are there, and
which nothing overlaps.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganforge.config import with_gammas
from ganforge.data.dataset import Dataset
from ganforge.recipes.catalog import recipe
from ganforge.training.accumulate import BUCKET
from ganforge.training.adversarial import train_step
from ganforge.training.build import build_state
from ganforge.training.feed import Feed

BATCH = 512
"""R3GAN's on stacked MNIST, and its 8 L40 took 7 hours for 10 million pictures: arXiv:2501.05441, table 9, appendix."""
PUBLISHED_RATE = 10e6 / (7 * 3600)
"""Images a second of those 8 GPUs."""
L40_FLOPS = 90.5e12
"""An L40's most in float32, by NVIDIA's data sheet."""
LAUNCH_SEC = 5e-6
"""For an operation to be asked for from Python, at the least; nothing is recorded where several processes train."""
COUNTS = (8, 64, 512)


@dataclass(frozen=True)
class Cost:
    """compute_sec, whole_sec: of an image. fixed_sec, sums, bytes: of a step."""

    compute_sec: float
    whole_sec: float
    fixed_sec: float
    sums: float
    bytes: float


@dataclass(frozen=True)
class Machine:
    """bandwidth: bytes a second through the slowest link. latency_sec: of one message. cores: processes that compute
    at full speed at the same time."""

    bandwidth: float
    latency_sec: float
    cores: float = math.inf


def step_sec(cost: Cost, batch: int, count: int, machine: Machine) -> float:
    """Seconds that ``count`` processes take for a step of ``batch`` images together."""
    work = cost.compute_sec * batch / count + cost.whole_sec * batch + cost.fixed_sec
    return work * max(1.0, count / machine.cores) + exchange_sec(cost, count, machine)


def exchange_sec(cost: Cost, count: int, machine: Machine) -> float:
    """All sums of a step: each number goes out and comes back once, in log2(count) messages each way at the least."""
    if count == 1:
        return 0.0
    messages = cost.sums * 2 * math.ceil(math.log2(count))
    return messages * machine.latency_sec + 2 * (count - 1) / count * cost.bytes / machine.bandwidth


def efficiency(cost: Cost, batch: int, count: int, machine: Machine) -> float:
    """Of each of ``count`` processes, beside one that does the whole batch alone."""
    return step_sec(cost, batch, 1, machine) / (count * step_sec(cost, batch, count, machine))


class Operations(TorchDispatchMode):
    """Counts what is asked of the device, and the floating point operations of its convolutions and products."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.flops = 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.count += 1
        made = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.convolution.default:
            self.flops += convolved(args[0], args[1], made, args[6])
        elif func is torch.ops.aten.convolution_backward.default:
            self.flops += sum(args[10][:2]) * convolved(args[1], args[2], args[0], args[7])
        elif (formula := flop_registry.get(func._overloadpacket)) is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=made)
        return made


def convolved(x: Tensor, weight: Tensor, made: Tensor, is_transposed: bool) -> int:
    """Operations of a convolution, also with groups, of which PyTorch's own formula for gradients knows nothing."""
    return 2 * (x if is_transposed else made).numel() * weight[0].numel()


@dataclass(frozen=True)
class Counted:
    """Of r3gan at the paper's size: weights of G and D, floating point operations an image, operations asked for in a
    step."""

    weights: tuple[int, int]
    flops: float
    operations: int


def counted(width: int = 768, blocks: int = 2) -> Counted:
    """One step of r3gan on two pictures of 32 x 32 in colour, counted."""
    size, device = 2, torch.device("cpu")
    config = recipe(
        "r3gan", data="digits", g_width=width, d_width=width, blocks=blocks, batch_size=size, max_images=None
    )
    dataset = Dataset("blank", "", torch.zeros(size, 3, 32, 32, dtype=torch.uint8))
    config = with_gammas(config, dataset.shape)
    feed, state = Feed(config, dataset, device), build_state(config, dataset, device)
    batches, options = feed.batches(0, 0), feed.options(0, state)
    with Operations() as operations:
        train_step(state.G, state.D, state.G_opt, state.D_opt, options, *batches, state.failed)
    weights = tuple(sum(p.numel() for p in network.parameters()) for network in (state.G, state.D))
    return Counted((weights[0], weights[1]), operations.flops / size, operations.count)


LINKS = {
    "8 GPUs, PCIe 4": (8, Machine(20e9, 15e-6)),
    "64 GPUs, 100 Gbit/s a machine": (64, Machine(10e9, 30e-6)),
    "512 GPUs, 100 Gbit/s a machine": (512, Machine(10e9, 30e-6)),
    "64 GPUs, 8 x 400 Gbit/s a machine": (64, Machine(150e9, 30e-6)),
    "512 GPUs, 8 x 400 Gbit/s a machine": (512, Machine(150e9, 30e-6)),
}
"""What joins the GPUs: assumed, none of it measured here."""


def paper_table(whole_sec: float) -> list[str]:
    """r3gan at the paper's size on many GPUs. whole_sec: of an image's noise, as it was measured."""
    found = counted()
    bytes_ = 4.0 * sum(found.weights)
    sums = float(sum(math.ceil(count / BUCKET) for count in found.weights))
    fixed = found.operations * LAUNCH_SEC
    alone = 8 / PUBLISHED_RATE - exchange_of(found, sums, bytes_) / (BATCH / 8) - fixed / (BATCH / 8)
    cost = Cost(alone, whole_sec, fixed, sums, bytes_)
    rate = found.flops / alone
    lines = [
        f"Counted: G {found.weights[0]:,} and D {found.weights[1]:,} weights; {found.flops / 1e9:,.1f} GFLOP an image "
        f"in a step (both updates, R1 and R2); {found.operations:,} operations; {bytes_ / 1e6:,.0f} MB to be summed.",
        "",
        f"8 L40 took 7 hours for 10 million pictures: {PUBLISHED_RATE:,.0f} images/s, so that one computes "
        f"{rate / 1e12:,.1f} TFLOP/s ({rate / L40_FLOPS:.0%} of its float32).",
        "",
        "| | exchange, ms | a step, batch 512 | efficiency | images/s | a step, 64 a GPU | efficiency | images/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (count, machine) in LINKS.items():
        cells = [name, f"{1000 * exchange_sec(cost, count, machine):.1f}"]
        for batch in (BATCH, 64 * count):
            took = step_sec(cost, batch, count, machine)
            share = efficiency(cost, batch, count, machine)
            cells += [f"{1000 * took:,.0f} ms", f"{share:.0%}", f"{batch / took:,.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def exchange_of(found: Counted, sums: float, bytes_: float) -> float:
    """Seconds of a step's sums on the 8 GPUs of the published run."""
    return exchange_sec(Cost(0, 0, 0, sums, bytes_), 8, LINKS["8 GPUs, PCIe 4"][1])
