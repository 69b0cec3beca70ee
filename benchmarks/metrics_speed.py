"""How long 10,000 pictures take to judge, against torchmetrics doing the Fréchet distance alone; and memory by N.

    python benchmarks/metrics_speed.py             # writes benchmarks/results/metrics_speed.md

Judged are MNIST's 10,000 test pictures against 50,000 of the training pictures, all in memory: nothing is generated,
and no picture is read from a file. Both use the same classifier in the same batches, and take turns in one process.

- cold: nothing is known of the real side. Ours measures the reference, the floors (10,000 more real pictures) and how
  far held-out pictures are from the training pictures, and writes its cache. torchmetrics takes in the 50,000.
- warm: ours reads its cache; torchmetrics has kept the real side in memory (`reset_real_features=False`).

Memory is the peak of one child process each, which judges N of 150,000 pictures (a third at most may be judged)
against 50,000: MNIST's training pictures, the same mirrored, and half of them upside down.
"""

import argparse
import cProfile
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from reporting import peak_memory, write_results
from torch import Tensor, nn

from ganforge.base.runtime import keep_freed_memory
from ganforge.data.dataset import Dataset
from ganforge.data.mnist import load_mnist
from ganforge.metrics.features import MAX_BATCH_SIZE, build_extractor
from ganforge.metrics.judge import Judge, Plan
from ganforge.metrics.protocol import split_rows

CPU = torch.device("cpu")
CHUNK = 512  # pictures at a time, as `ganforge evaluate` hands them over
SIZES = (10_000, 20_000, 50_000)
WARM = 3
PARTS = {
    "features": ("features.py", "_extract"),
    "sums of features": ("distances.py", "add"),
    "Fréchet distance": ("distances.py", "frechet_distance"),
    "kernel distance": ("distances.py", "kernel_distance"),
    "precision, recall, density, coverage": ("coverage.py", "prdc"),
    "nearest pictures": ("nearest.py", "nearest"),
    "exact copies": ("memorisation.py", "copies"),
    "reading the cache": ("tensorfile.py", "read_tensorfile"),
    "fingerprints of the data": ("dataset.py", "_fingerprint"),
}
"""What a profile is cut into: functions of the package that do not call each other."""


class Features(nn.Module):
    """Our extractor in the form that torchmetrics wants."""

    def __init__(self) -> None:
        super().__init__()
        self.extractor = build_extractor("classifier", (1, 28, 28), CPU)
        self.num_features = self.extractor.dims

    def forward(self, pictures: Tensor) -> Tensor:
        return self.extractor.extract(pictures)[0]


def judged(train: Dataset, test: Dataset, cache: Path, names: tuple[str, ...] = ("classifier",)) -> dict[str, Any]:
    """Our record of the test pictures. The data sets are copied, so that their fingerprints are computed anew."""
    train, test = replace(train), replace(test)
    ready = Judge(train, test, CPU, Plan(names=names), cache_dir=cache)
    return ready.judge(test.items.split(CHUNK), {"kind": "pictures"}, 0)


def take_in(fid: Any, pictures: Tensor, *, real: bool) -> None:
    """torchmetrics' part, in batches of our extractor's size."""
    for batch in pictures.split(MAX_BATCH_SIZE):
        fid.update(batch, real=real)


def seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def race(rounds: int, cache: Path) -> tuple[list[str], list[str]]:
    """A table of times, one contestant a row; and a profile of ours, warm."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    train, test = load_mnist("train"), load_mnist("test")
    record = judged(train, test, cache)
    reals = train.items[split_rows(train, Judge(train, test, CPU, cache_dir=cache).protocol)[1]]
    features = Features()
    kept = FrechetInceptionDistance(features, reset_real_features=False)
    take_in(kept, reals, real=True)

    def theirs(fid: Any, *, cold: bool) -> float:
        fid.reset()
        if cold:
            take_in(fid, reals, real=True)
        take_in(fid, test.items, real=False)
        return float(fid.compute())

    def ours_cold() -> None:
        with tempfile.TemporaryDirectory() as empty:
            judged(train, test, Path(empty))

    both = ("classifier", "random")
    judged(train, test, cache, both)
    count = len(record["figures"])
    contestants: dict[str, Callable[[], Any]] = {
        f"ours, cold: all {count} figures of the classifier and of copying, and their floors": ours_cold,
        "torchmetrics, cold: FD": lambda: theirs(FrechetInceptionDistance(features), cold=True),
        f"ours, warm: all {count} figures": lambda: judged(train, test, cache),
        "ours, warm: the random features' figures, too": lambda: judged(train, test, cache, both),
        "torchmetrics, warm: FD": lambda: theirs(kept, cold=False),
    }
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            found[name].append(seconds(contestant))
    rows = [
        f"| {name} | {statistics.median(times):.2f} | {min(times):.2f} to {max(times):.2f} |"
        for name, times in found.items()
    ]
    fd = record["figures"]["FD/classifier"]
    values = f"FD/classifier: ours {fd['value']:.9f}, torchmetrics {theirs(kept, cold=False):.9f}"
    lines = [f"| rounds: {rounds}; threads: {torch.get_num_threads()} | median, s | range, s |", "|---|---|---|", *rows]
    lines += ["", f"{values}; floor {fd['floor']:.3f}."]
    return lines, profile(lambda: judged(train, test, cache))


def profile(function: Callable[[], Any]) -> list[str]:
    """A table: where the time of one call goes."""
    profiler = cProfile.Profile()
    profiler.runcall(function)
    stats = pstats.Stats(profiler)
    total = stats.total_tt
    spent = {(Path(file).name, name): row[3] for (file, _, name), row in stats.stats.items()}
    rows = [(part, spent.get(function, 0.0)) for part, function in PARTS.items()]
    rows.append(("all the rest", total - sum(time for _, time in rows)))
    return ["| part of ours, warm, in one profiled call | s |", "|---|---|"] + [
        f"| {part} | {time:.2f} |" for part, time in rows
    ]


def memory_child(count: int, folder: Path) -> None:
    """The child process: prints its peak memory in MiB with the pictures loaded, and at the end."""
    keep_freed_memory()  # as `ganforge evaluate` does
    items, held_out = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in ("items", "held_out"))
    loaded = peak_memory()
    data = Dataset("mnist", "MNIST, as it is, mirrored, and upside down", items)
    judge = Judge(data, Dataset("mnist", "MNIST", held_out), CPU, Plan(num_fakes=count), cache_dir=folder)
    judge.judge(items[:count].split(CHUNK), {"kind": "pictures"}, 0)
    print(loaded, peak_memory())


def memory(folder: Path) -> list[str]:
    """A table: peak memory by the number of pictures judged, first without a cache, then ``WARM`` times with it."""
    items = load_mnist("train").items
    many = torch.cat([items, items.flip(3), items[: len(items) // 2].flip(2)])
    np.save(folder / "items.npy", many.numpy())
    np.save(folder / "held_out.npy", load_mnist("test").items.numpy())
    rows = ["| pictures judged | pictures loaded, MiB | peak, cold, MiB | peak, warm, MiB |", "|---|---|---|---|"]
    for count in SIZES:
        command = [sys.executable, __file__, "--memory", str(count), "--folder", str(folder)]
        said = [subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout for _ in range(1 + WARM)]
        loaded, (cold, *warm) = said[0].split()[0], (float(line.split()[1]) for line in said)
        spread = f"{statistics.median(warm):,.0f} ({min(warm):,.0f} to {max(warm):,.0f})"
        rows.append(f"| {count:,} | {float(loaded):,.0f} | {cold:,.0f} | {spread} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, help="measure memory with so many pictures (used by this script itself)")
    parser.add_argument("--folder", type=Path, help="(used by this script itself)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "metrics_speed.md")
    given = parser.parse_args()
    if given.memory:
        return memory_child(given.memory, given.folder)
    with tempfile.TemporaryDirectory() as name:
        times, parts = race(given.rounds, Path(name))
        peaks = memory(Path(name))
    assert __doc__ is not None
    what = __doc__.partition("\n\n")[2].partition("\n\n")[2].splitlines()
    write_results(given.out, "How fast pictures are judged", [*what, "", *times, "", *parts, "", *peaks])
    return None


if __name__ == "__main__":
    main()
