"""Anybody's pictures: the time to prepare them, the speed of training from the prepared file, and memory.

    GANFORGE_DATA=FOLDER python benchmarks/data_speed.py      # FOLDER holds photos32-train.zip

Preparing is compared with decoding by a plain loop of Pillow in one thread, and with one pass of PyTorch's DataLoader
over the same zip file (every sample decoded and scaled by itself, shuffled, two workers), which has to be paid again
in every epoch. All begin anew in each round, take turns, and include the start of their processes. Files are in the
system's cache.

Training is the recipe fast: from the mapped file, and from a copy in memory, a few steps each in turn. Memory is that
of a process that trains fast on more and more pictures (the photographs, repeated), prepared before: its peak, and the
part of it that is not files.
"""

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from reporting import write_results
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from ganforge.base.runtime import keep_freed_memory
from ganforge.config import with_gammas
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.data.prepared.prepare import prepare
from ganforge.data.prepared.request import Request
from ganforge.recipes.catalog import recipe
from ganforge.training.adversarial import train_step
from ganforge.training.build import build_state
from ganforge.training.feed import Feed, schedule_optimizers

CPU = torch.device("cpu")
COUNTS = (1_000, 25_000, 250_000)
CHILD = """
import resource, sys
import ganforge
ganforge.train("fast", out=sys.argv[2], data=sys.argv[1], total_nimg=int(sys.argv[3]), device="cpu",
               hold_out="none",
               metric_samples=int(sys.argv[4]))
status = dict(line.split(":", 1) for line in open("/proc/self/status", encoding="utf-8") if ":" in line)
print(*(int(status[key].split()[0]) / 1024 for key in ("VmHWM", "RssAnon")), file=sys.stderr)
"""


class ZipPictures(TorchDataset[Tensor]):
    """The usual way: one file's bytes, Pillow, a float tensor."""

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, None
        with zipfile.ZipFile(path) as file:
            self.names = [name for name in file.namelist() if name.endswith(".jpg")]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Tensor:
        if self.file is None:
            self.file = zipfile.ZipFile(self.path)  # each worker its own
        with Image.open(io.BytesIO(self.file.read(self.names[index]))) as picture:
            array = np.asarray(picture.convert("RGB"))
        return torch.from_numpy(array.transpose(2, 0, 1).copy()).float().div_(127.5).sub_(1)


def decode_in_one_thread(path: Path) -> None:
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            if name.endswith(".jpg"):
                np.asarray(Image.open(io.BytesIO(file.read(name))).convert("RGB"))


def pass_of_a_loader(path: Path) -> None:
    for _ in DataLoader(ZipPictures(path), batch_size=128, shuffle=True, num_workers=2):
        pass


def prepare_anew(path: Path, root: Path, workers: int | None) -> None:
    shutil.rmtree(root, ignore_errors=True)
    prepare(str(path), Request(), None, lambda line: None, root=root, workers=workers)


def seconds_of(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def preparing(path: Path, rounds: int, folder: Path) -> list[str]:
    root = folder / "prepared"
    ways: dict[str, Callable[[], None]] = {
        "decoding in one thread, nothing else": lambda: decode_in_one_thread(path),
        "one pass of a DataLoader, 2 workers": lambda: pass_of_a_loader(path),
        "prepare, one process": lambda: prepare_anew(path, root, 0),
        "prepare, as it comes": lambda: prepare_anew(path, root, None),
        "finding it prepared": lambda: prepare(
            str(path), Request(), None, lambda line: None, root=root
        ) and None,
    }  # fmt: skip
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            taken[name].append(seconds_of(work))
    base = statistics.median(taken["decoding in one thread, nothing else"])
    lines = ["| what | seconds | of decoding in one thread |", "|---|---|---|"]
    for name, found in taken.items():
        middle = statistics.median(found)
        lines.append(f"| {name} | {middle:.2f} ({min(found):.2f} to {max(found):.2f}) | {middle / base:.2f} |")
    return [f"## Preparing {path.name}", "", f"{rounds} rounds; medians, least and most.", "", *lines, ""]


def steps(dataset: Dataset) -> Iterator[int]:
    """Train; yields the pictures shown in each step."""
    config = recipe("fast")
    feed, state = Feed(with_gammas(config, dataset.shape), dataset, CPU), build_state(config, dataset, CPU)
    nimg = step = 0
    while True:
        schedule_optimizers(config, state, nimg)
        batches = feed.batches(nimg, step)
        train_step(state.G, state.D, state.G_opt, state.D_opt, feed.options(nimg, state), *batches, state.failed)
        nimg, step = nimg + config.batch_size, step + 1
        yield config.batch_size


def training(path: Path, rounds: int, images: int) -> list[str]:
    mapped = load(str(path))
    players = {
        "mapped from the prepared file": steps(mapped),
        "a copy in memory": steps(replace(mapped, items=mapped.items.clone(), release=None)),
    }
    rates: dict[str, list[float]] = {name: [] for name in players}
    for turn in range(rounds + 1):
        order = list(players.items())
        for name, player in order if turn % 2 else reversed(order):
            done, start = 0, time.perf_counter()
            while done < images:
                done += next(player)
            if turn:
                rates[name].append(done / (time.perf_counter() - start))
    lines = ["| reals | images/s | of memory's |", "|---|---|---|"]
    base = statistics.median(rates["a copy in memory"])
    for name, found in rates.items():
        low, middle, high = statistics.quantiles(found, n=4)
        lines.append(f"| {name} | {middle:,.0f} ({low:,.0f} to {high:,.0f}) | {middle / base:.3f} |")
    what = f"Recipe fast on the CPU, {torch.get_num_threads()} threads, {rounds} rounds of {images:,} images in turn;"
    return ["## Training", "", f"{what} medians and quartiles.", "", *lines, ""]


def memory(path: Path, counts: list[int], total_nimg: int, folder: Path) -> list[str]:
    photos = load(str(path)).items.permute(0, 2, 3, 1)
    lines = [
        "| pictures | prepared file, MiB | figures | peak, MiB | of it no files, at the end, MiB |",
        "|---|---|---|---|---|",
    ]
    for count in counts:
        array = folder / f"{count}.npy"
        pixels = np.lib.format.open_memmap(array, "w+", np.uint8, (count, *photos.shape[1:]))
        for at in range(0, count, len(photos)):
            pixels[at : at + len(photos)] = photos[: count - at].numpy()
        pixels.flush()
        del pixels
        load(str(array))  # prepared in this process
        size = count * photos[0].numel() / 2**20
        for samples in (0, 2_000):
            run = folder / f"run-{count}-{samples}"
            command = [sys.executable, "-c", CHILD, str(array), str(run), str(total_nimg), str(samples)]
            done = subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            peak, anonymous = map(float, done.stderr.strip().splitlines()[-1].split())
            figures = "usual" if samples else "none"
            lines.append(f"| {count:,} | {size:,.1f} | {figures} | {peak:,.0f} | {anonymous:,.0f} |")
        array.unlink()
    what = (
        f"Recipe fast, {total_nimg:,} images, each in a process of its own. The usual figures compare with up to "
        "10,000 pictures, so that they take less of fewer."
    )
    return ["## Memory while training", "", what, "", *lines, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of preparing")
    parser.add_argument("--turns", type=int, default=30, help="of training")
    parser.add_argument("--images", type=int, default=2_560, help="in each of training's turns")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS), help="pictures for the peak of memory")
    parser.add_argument("--total-nimg", type=int, default=100_000, help="length of the runs whose peak is taken")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "data_speed.md")
    given = parser.parse_args()
    path = Path(os.environ["GANFORGE_DATA"]) / "photos32-train.zip"
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = name
        lines = preparing(path, given.rounds, folder)
        lines += training(path, given.turns, given.images)
        lines += memory(path, given.counts, given.total_nimg, folder)
    write_results(given.out, "Anybody's pictures: preparing, training, memory", lines)


if __name__ == "__main__":
    main()
