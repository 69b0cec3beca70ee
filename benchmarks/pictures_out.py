"""Pictures out of a model: how long and how much memory beside what G alone takes.

    python benchmarks/pictures_out.py             10,000 grey 28 x 28 pictures, then 50,000
    python benchmarks/pictures_out.py --small     a look at whether it runs

G is the note's, untrained: its arithmetic is the same. The target: 10,000 pictures as PNG files in at most three times
the time that G takes for them. Each way runs in a process of its own; its peak of memory is that of the whole process.
The ways take turns, and nothing is removed before the end: an ext4 without a journal makes new files a hundred times
more slowly for minutes after many were removed, since it passes over each inode that became free lately. So all is done
in memory (/dev/shm, where there is one), too.

The floors are what no way of saving can do without, each alone: z from seeds, packing (zlib on pixels that are laid out
already), and the system's own calls that make files of such a size; the latter two on as many threads as cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import torch
from reporting import peak_memory, write_results

from ganforge.base.picture_format import PNG_EFFORT
from ganforge.data.prepared.workers import usual_workers
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.sampling.model import Model, load

RESULTS = Path(__file__).parent / "results" / "pictures_out.md"
SAVED = ("folder/", "file.zip", "file.tar", "file.npz")
FLOORS = ("z from seeds", "packing", "making files")
WAYS = ("G alone", *SAVED, *FLOORS)
PNG_BYTES = 640
"""Of a picture of the untrained G's, which is noise: a trained one's are a third."""
RATIO = 3.0
NOTE = (
    "The last three of each number of pictures are floors: z, packing and making files, each without all else. Medians "
    "would hide what others do on the machine: the shortest of 4 turns (2 of 50,000)."
)


def make_run(folder: Path) -> None:
    config, run = recipe("note"), RunFolder(folder)
    values = config.model_dump(mode="json")
    run.create({"settings": values, "data": {}, "environment": [{}]})
    save_snapshot(run, 640, build_generator("mlp", config.z_dim, (1, 28, 28), 5, hidden=config.g_hidden), values, (1, 28, 28), 0)  # fmt: skip # noqa: E501


def on_all_cores(count: int, work: Callable[[int, int], object]) -> None:
    """work: is given the first number and the one after the last."""
    share = -(-count // usual_workers())
    threads = [Thread(target=work, args=(at, min(count, at + share))) for at in range(0, count, share)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def floor(model: Model, way: str, count: int, out: Path) -> None:
    if way == "z from seeds":
        for first in range(0, count, model.batch_size):
            model.z(range(first, min(count, first + model.batch_size)))
    elif way == "packing":
        pixels = model.sample(range(64)).reshape(64, -1).numpy()
        on_all_cores(count, lambda first, end: [zlib.compress(pixels[n % 64], PNG_EFFORT) for n in range(first, end)])
    else:
        content = bytes(PNG_BYTES)

        def make(first: int, end: int) -> None:
            for n in range(first, end):
                file = os.open(f"{out}/{n:012}.png", os.O_WRONLY | os.O_CREAT, 0o666)
                os.write(file, content)
                os.close(file)

        on_all_cores(count, make)


def once(run: Path, way: str, count: int, out: Path) -> None:
    """Print the seconds, and the process's peak of memory before and after, in MiB."""
    model = load(run, "cpu")
    torch.cat(list(model.stream(range(256))))  # what is done once is done
    before, started = peak_memory(), time.perf_counter()
    if way == "G alone":
        for first in range(0, count, model.batch_size):
            model.G(torch.rand(min(model.batch_size, count - first), model.config.z_dim))
    elif way in FLOORS:
        floor(model, way, count, out)
    else:
        model.save(f"{out}/{way}", range(count))
    print(time.perf_counter() - started, before, peak_memory())


def measured(run: Path, way: str, count: int) -> list[float]:
    out = tempfile.mkdtemp(dir=run.parent)
    command = [sys.executable, __file__, "--once", str(run), way, str(count), out]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(text) for text in done.stdout.split()]


def rows(run: Path, count: int, times: int) -> tuple[list[str], float]:
    turns = [{way: measured(run, way, count) for way in WAYS} for _ in range(times)]
    found = {way: min(turn[way] for turn in turns) for way in WAYS}
    alone = found["G alone"][0]
    lines = [
        f"| {way} | {count:,} | {seconds:.2f} | {count / seconds:,.0f} | {seconds / alone:.2f} | {after:,.0f} | "
        f"{after - before:,.0f} |"
        for way, (seconds, before, after) in found.items()
    ]
    return lines, found["folder/"][0] / alone


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--once", nargs=4)
    given = parser.parse_args()
    if given.once:
        run, way, count, out = given.once
        with torch.no_grad():
            once(Path(run), way, int(count), Path(out))
        return
    before = os.getloadavg()[0]
    places = {"memory": "/dev/shm", "the disk": tempfile.gettempdir()}
    tables = [
        line for name, place in places.items() if Path(place).is_dir() for line in table(name, place, given.small)
    ]
    load = f"Load of the machine before and after, of 2 cores: {before:.1f} and {os.getloadavg()[0]:.1f}."
    if given.small:
        print("\n".join([*tables, NOTE, load]))
    else:
        write_results(RESULTS, "Pictures out of a model: time and memory", [NOTE, "", load, *tables])


def table(name: str, place: str, small: bool) -> list[str]:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        run = Path(folder) / "run"
        make_run(run)
        few, ratio = rows(run, 500 if small else 10_000, 1 if small else 4)
        many, _ = rows(run, 1_000 if small else 50_000, 1 if small else 2)
    head = ["| into | pictures | seconds | a second | times G | peak MiB | more than before MiB |", "|" + "---|" * 7]
    verdict = "met" if ratio <= RATIO else "missed"
    lines = [*head, *few, *many, "", f"Target, files within {RATIO:g} times G alone: {ratio:.2f}, {verdict}."]
    return ["", f"## Into {name}", "", *lines]


if __name__ == "__main__":
    main()
