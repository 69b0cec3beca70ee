"""How soon a recipe is as good as the note's 10 epochs: whole processes, against the note's bare loop, on MNIST.

    python benchmarks/time_to_quality.py           # writes benchmarks/results/time_to_quality.md

Each recipe is trained on the same 50,000 pictures for its own length, a fresh process for each seed, figures while
training left out; its wall time counts from the command on. The lengths, from which schedules follow, are a little more
than where the runs of benchmarks/family.py passed the mark. `wgan`, `sngan` and `r3gan` did not pass it in their five
minutes of both cores, and are left out.
The last snapshot is judged as `ganforge evaluate` does, by the protocol of benchmarks/results/note_metrics.md, whose
mean FD over three seeds of the note's 10 epochs is the mark. The note's bare loop (benchmarks/note_run.py) is timed in
the same run of this script, without its grids and figures.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reporting import write_results

from ganforge.run.folder import RunFolder

LENGTHS = {
    "fast": 28_000, "r1": 28_000, "lsgan": 62_000, "dragan": 42_000, "dcgan": 105_000, "wgan-gp": 165_000,
    "cgan": 420_000,
}  # fmt: skip
"""Pictures, for each recipe."""


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=list(LENGTHS), choices=LENGTHS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "time_to_quality.md")
    given = parser.parse_args()
    mark = note_fd()
    bare = seconds(Path(__file__).with_name("note_run.py"), "--bare")
    lines = [f"The note's bare loop, 10 epochs: {bare:.1f} s (once). The mark: FD/classifier {mark}.", ""]
    lines += [
        "| recipe, pictures | seed | s, whole process | share of the bare loop's time | FD/classifier | at the mark |"
    ]
    lines += ["|---" * 6 + "|"]
    with tempfile.TemporaryDirectory() as folder:
        for recipe in given.recipes:
            length = LENGTHS[recipe]
            times, found = [], []
            for seed in given.seeds:
                run = Path(folder) / f"{recipe}-{length}-{seed}"
                times.append(
                    seconds(
                        "-m", "ganforge", "train", recipe, "--data=mnist", "--max-images=50000", f"--seed={seed}",
                        f"--total-nimg={length}", "--metric-samples=0", f"--out={run}",
                    )
                )  # fmt: skip
                seconds("-m", "ganforge", "evaluate", run)
                record = json.loads(RunFolder(run).all_evaluations()[0].read_text(encoding="utf-8"))
                found.append(record["figures"]["FD/classifier"]["value"])
                good = "yes" if found[-1] <= mark else "no"
                cells = f"{times[-1]:.1f} | {times[-1] / bare:.3f} | {found[-1]:.1f} | {good}"
                lines.append(f"| {recipe}, {length:,} | {seed} | {cells} |")
            lines.append(
                f"| mean | | {statistics.mean(times):.1f} | {statistics.mean(times) / bare:.3f} | "
                f"{statistics.mean(found):.1f} | {sum(fd <= mark for fd in found)} of {len(found)} |"
            )
    write_results(given.out, "Time to the note's quality", lines)


if __name__ == "__main__":
    main()
