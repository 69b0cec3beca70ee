"""Diagnosis tried: faults planted in real runs, and healthy runs, which are to be left in peace.

    python benchmarks/diagnosis.py collect DIR --seeds 0,1      train what is not in DIR yet
    python benchmarks/diagnosis.py collect DIR --seeds 0 --only healthy/note,lr-0.1
    python benchmarks/diagnosis.py report DIR --seeds 2,3       what is found in them: results/diagnosis.md

A run is trained with its diagnosis; detectors look at its log alone, so that they can be changed, and tried on the same
runs again, without training.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from diagnosis_cases import CASES
from diagnosis_report import report


def collect(place: Path, seeds: list[int], only: list[str]) -> None:
    """Train every case with every seed, each in a process of its own, into PLACE/CASE/SEED."""
    for seed in seeds:
        for name in CASES:
            out = place / name / str(seed)
            if (only and name not in only) or out.exists():
                continue
            out.parent.mkdir(parents=True, exist_ok=True)
            started = time.monotonic()
            with (out.parent / f"{seed}.txt").open("w") as told:
                command = [sys.executable, __file__, "one", name, str(seed), str(out)]
                done = subprocess.run(command, stdout=told, stderr=subprocess.STDOUT, env=os.environ)
            print(f"{name} {seed}: status {done.returncode}, {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("collect", "one", "report"))
    parser.add_argument("what", nargs="+", help="collect, report: DIR; one: CASE SEED DIR")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "diagnosis.md")
    parser.add_argument("--no-cost", action="store_true", help="report: without the timing of a few short runs")
    given = parser.parse_args()
    seeds = [int(seed) for seed in given.seeds.split(",")]
    if given.do == "one":
        name, seed, out = given.what
        CASES[name].train(int(seed), out)
    elif given.do == "report":
        report(Path(given.what[0]), seeds, given.out, cost=not given.no_cost)
    else:
        only = [name for name in given.only.split(",") if name]
        collect(Path(given.what[0]), seeds, only)


if __name__ == "__main__":
    main()
