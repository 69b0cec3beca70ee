"""Pictures out of a model: how long and how much memory beside what G alone takes.

    python benchmarks/pictures_out.py             10,000 grey 28 x 28 pictures, then 50,000
    python benchmarks/pictures_out.py --small     a look at whether it runs

G is the note's, untrained: its arithmetic is the same. The target: 10,000 pictures as PNG files in at most three times
the time that G takes for them. Each way runs in a process of its own; its peak of memory is that of the whole process.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from reporting import peak_memory, write_results

from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.sampling.model import load

RESULTS = Path(__file__).parent / "results" / "pictures_out.md"
WAYS = ("G alone", "folder/", "file.zip", "file.tar", "file.npz")
RATIO = 3.0


def make_run(folder: Path) -> None:
    config, run = recipe("note"), RunFolder(folder)
    values = config.model_dump(mode="json")
    run.create({"settings": values, "data": {}, "environment": [{}]})
    save_snapshot(run, 640, build_generator("mlp", config.z_dim, (1, 28, 28), 5, hidden=config.g_hidden), values, (1, 28, 28), 0)  # fmt: skip # noqa: E501


def once(run: Path, way: str, count: int, out: Path) -> None:
    """Print the seconds, and the process's peak of memory before and after, in MiB."""
    model = load(run, "cpu")
    torch.cat(list(model.stream(range(256))))  # what is done once is done
    before, started = peak_memory(), time.perf_counter()
    if way == "G alone":
        for first in range(0, count, model.batch_size):
            model.G(torch.rand(min(model.batch_size, count - first), model.config.z_dim))
    else:
        model.save(f"{out}/{way}", range(count))
    print(time.perf_counter() - started, before, peak_memory())


def measured(run: Path, way: str, count: int) -> list[float]:
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, __file__, "--once", str(run), way, str(count), out]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(text) for text in done.stdout.split()]


def rows(run: Path, count: int, times: int) -> tuple[list[str], float]:
    found = {way: min(measured(run, way, count) for _ in range(times)) for way in WAYS}
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
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        make_run(run)
        few, ratio = rows(run, 500 if given.small else 10_000, 1 if given.small else 3)
        many, _ = rows(run, 1_000 if given.small else 50_000, 1)
    head = ["| into | pictures | seconds | a second | times G | peak MiB | more than before MiB |", "|" + "---|" * 7]
    verdict = "met" if ratio <= RATIO else "missed"
    lines = [*head, *few, *many, "", f"Target, files within {RATIO:g} times G alone: {ratio:.2f}, {verdict}."]
    if given.small:
        print("\n".join(lines))
    else:
        write_results(RESULTS, "Pictures out of a model: time and memory", lines)


if __name__ == "__main__":
    main()
