"""How soon a recipe is as good as the note's 10 epochs: whole processes, against the note's bare loop, on MNIST.

    python benchmarks/time_to_quality.py           # writes benchmarks/results/time_to_quality.md

Each recipe is trained on the same 50,000 pictures for its own length, a fresh process for each seed, figures while
training left out; its wall time counts from the command on. The lengths, from which schedules follow, were chosen for
`fast` and `r1` by trials with seeds 0 to 2, for the others by where the runs of benchmarks/family.py passed the mark.
`wgan`, `sngan` and `r3gan` did not pass it in their five minutes of both cores, and are left out. `fast` and `r1`,
which we recommend, get 20 seeds, the others 3. The last snapshot is judged as `ganforge evaluate` does, by the protocol
of benchmarks/results/note_metrics.md, whose mean FD over three seeds of the note's 10 epochs is the mark. Converged is
a run with an FD under 50, as in benchmarks/family.py. The note's bare loop (benchmarks/note_run.py) is timed in the
same run of this script, before and after the others, without its grids and figures.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from family import CONVERGED
from reporting import write_results

from ganforge.run.folder import RunFolder

RECIPES = {
    "fast": (24_000, 20), "r1": (36_000, 20), "lsgan": (62_000, 3), "dragan": (42_000, 3), "dcgan": (105_000, 3),
    "wgan-gp": (130_000, 3), "cgan": (420_000, 3),
}  # fmt: skip
"""Pictures and seeds, for each recipe."""
HEAD = "recipe | pictures | s, whole process | share of the bare loop's time | FD/classifier | at the mark | converged"


def seconds(*command: object) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def note_fd() -> float:
    """The mean FD/classifier of the note's 10 epochs, as benchmarks/note_metrics.py wrote it down."""
    lines = (Path(__file__).parent / "results" / "note_metrics.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    column = rows[0].index("mean")
    return next(float(row[column]) for row in rows if row[:2] == ["FD", "classifier"])


def judged(recipe: str, length: int, seed: int, folder: Path) -> tuple[float, float]:
    """One run's wall time, and its FD/classifier."""
    run = folder / f"{recipe}-{seed}"
    took = seconds(
        "-m", "ganforge", "train", recipe, "--data=mnist", "--max-images=50000", f"--seed={seed}",
        f"--total-nimg={length}", "--metric-samples=0", f"--out={run}",
    )  # fmt: skip
    seconds("-m", "ganforge", "evaluate", run)
    record = json.loads(RunFolder(run).all_evaluations()[0].read_text(encoding="utf-8"))
    return took, record["figures"]["FD/classifier"]["value"]


def spread(values: Sequence[float], digits: str) -> str:
    """mean (lowest to highest)"""
    mean, low, high = (format(value, digits) for value in (statistics.mean(values), min(values), max(values)))
    return f"{mean} ({low} to {high})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=RECIPES)
    parser.add_argument("--seeds", type=int, default=99, help="at most so many of each")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "time_to_quality.md")
    given = parser.parse_args()
    mark = note_fd()
    bare = [seconds(Path(__file__).with_name("note_run.py"), "--bare")]
    rows = []
    for recipe in given.recipes:
        length, seeds = RECIPES[recipe][0], min(RECIPES[recipe][1], given.seeds)
        with tempfile.TemporaryDirectory() as folder:
            times, found = zip(*(judged(recipe, length, seed, Path(folder)) for seed in range(seeds)), strict=True)
        rows.append((recipe, length, times, found))
        print(recipe, times, found, flush=True)
    bare.append(seconds(Path(__file__).with_name("note_run.py"), "--bare"))
    lines = [f"The note's bare loop, 10 epochs: {bare[0]:.1f} and {bare[1]:.1f} s. The mark: FD/classifier {mark}.", ""]
    lines += [f"| {HEAD} |", "|---" * (HEAD.count("|") + 1) + "|"]
    for recipe, length, times, found in rows:
        share = statistics.mean(times) / statistics.mean(bare)
        good, converged = (sum(fd <= most for fd in found) for most in (mark, CONVERGED))
        lines.append(
            f"| {recipe} | {length:,} | {spread(times, '.1f')} | {share:.3f} | {spread(found, '.1f')} "
            f"| {good} of {len(found)} | {converged} of {len(found)} |"
        )
    write_results(given.out, "Time to the note's quality", lines)


if __name__ == "__main__":
    main()
