"""What each tracker costs a run: whole runs with and without, in turn, each in a process of its own.

    python benchmarks/trackers.py                  # writes benchmarks/results/trackers.md
    python benchmarks/trackers.py --rounds 1 --total-nimg 64k --out /tmp/trackers.md     # does it work?

Trackers write to a folder that is thrown away: Weights & Biases offline, MLflow into files, trackio into its data base.
A run reports every 32,000 images, as recipes do by default, or as often as --report-nimg says.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reporting import write_results

from ganforge.run.folder import RunFolder
from ganforge.tracking.catalog import TRACKERS
from ganforge.tracking.taken import read_taken

CLOSED_S = 40.0
"""After the run, until a tracker that goes on by itself has ended, so that it is not beside the next run."""


def timed_run(place: Path, log: str, given: argparse.Namespace) -> tuple[float, float, bool]:
    """Seconds from the first step to the last row, those of the whole command, and whether all trackers took all."""
    out = place / f"run-{time.monotonic_ns()}"
    places = {"WANDB_DIR": place, "MLFLOW_TRACKING_URI": f"file:{place}/mlruns", "TRACKIO_DIR": place / "trackio"}
    modes = {"WANDB_MODE": "offline", "MLFLOW_ALLOW_FILE_STORE": "true"}
    command = [
        sys.executable, "-m", "ganforge", "train", given.recipe, f"--data={given.data}", f"--out={out}",
        f"--total-nimg={given.total_nimg}", f"--report-nimg={given.report_nimg}", f"--log={log}",
    ]  # fmt: skip
    environment = os.environ | modes | {name: str(value) for name, value in places.items()}
    start = time.monotonic()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    whole = time.monotonic() - start
    folder = RunFolder(out)
    names = [] if log == "none" else log.split(",")
    while not (all_closed := all(read_taken(folder, name).closed for name in names)):
        if time.monotonic() - start > whole + CLOSED_S:
            break
        time.sleep(0.1)
    *_, last = folder.rows()
    return last["Timing/total_sec"], whole, all_closed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--recipe", default="note")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--total-nimg", default="500k")
    parser.add_argument("--report-nimg", default="32k")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "trackers.md")
    given = parser.parse_args()
    there = [name for name, record in TRACKERS.items() if importlib.util.find_spec(record.package)]
    ways = ["none", *there, ",".join(there)]
    found: dict[str, list[tuple[float, float, bool]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as place:
        for _ in range(given.rounds):
            for way in ways:
                found[way].append(timed_run(Path(place), way, given))
                print(way, json.dumps(found[way][-1]), flush=True)
    write_results(given.out, "What trackers cost a run", table(found, given, there))


def table(found: dict[str, list[tuple[float, float, bool]]], given: argparse.Namespace, there: list[str]) -> list[str]:
    lines = [
        f"`{given.recipe}` on {given.data}, {given.total_nimg} images, a row and a grid every {given.report_nimg}; "
        f"{given.rounds} rounds in turn, medians. Training: from the first step to the last row. Command: from its "
        "start to its end, where a tracker still closes. In brackets: the median over the rounds of the ratio to the "
        "run without trackers of the same round.",
        "",
        "| tracker | training, s | command, s | all was taken |",
        "|---|---|---|---|",
    ]
    base = found["none"]
    for way, runs in found.items():
        cells = []
        for part in (0, 1):
            middle = statistics.median(run[part] for run in runs)
            ratio = statistics.median(run[part] / other[part] for run, other in zip(runs, base, strict=True))
            cells.append(f"{middle:.2f}" + (f" ({100 * (ratio - 1):+.1f} %)" if way != "none" else ""))
        taken = "" if way == "none" else f"{sum(run[2] for run in runs)} of {len(runs)}"
        lines.append(f"| {way.replace(',', ', ')} | {' | '.join(cells)} | {taken} |")
    if missing := TRACKERS.keys() - there:
        lines += ["", f"Not installed, and left out: {', '.join(sorted(missing))}."]
    return lines


if __name__ == "__main__":
    main()
