"""The family table: recipes for the same time, or discriminators for the same pictures, judged alike on MNIST.

    python benchmarks/family.py --work DIR                        # every recipe, 3 seeds, 120 s of both cores each
    python benchmarks/family.py --work DIR --recipes dcgan wgan-gp --seeds 0
    python benchmarks/family.py --work DIR --discriminators       # D's families against the note's G
    python benchmarks/family.py --work DIR --table                # only write the table of what is there

A recipe's length is what both cores of a quiet machine do in the budget, by its speed in results/recipe_speed.md, so
that other work on the machine changes how long the script takes and not what it finds. Each run takes one thread. A
finished run in DIR is not trained again, so that the script can be stopped and called again. Runs that fail are in the
table as such, with the reason.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from reporting import write_results

from ganforge.metrics.describe import in_words, number
from ganforge.recipes import RECIPES
from ganforge.run.folder import RunFolder

FIGURES = (
    "FD/classifier", "FD/random", "precision/classifier", "recall/classifier", "coverage/classifier",
    "score/classifier", "class distance/classifier",
)  # fmt: skip
DISCRIMINATORS = ("logistic", "mlp", "dcgan", "recurrent")
DATA = {"data": "mnist", "max_images": 50_000}  # the note's share of the training pictures, for all of them
NOTE = "note, 10 epochs"
EPOCHS_10 = 500_000


def images_per_sec() -> dict[str, float]:
    """Each recipe's speed on both cores, as benchmarks/recipe_speed.py wrote it down."""
    lines = (Path(__file__).parent / "results" / "recipe_speed.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {row[0]: float(row[1].split()[0].replace(",", "")) for row in rows if row[0] in RECIPES}


def train(name: str, changes: dict[str, Any], total: int, seed: int, run: Path) -> None:
    """One run with its evaluation and picture, as far as they are not there yet."""
    options = [as_option(key, value) for key, value in changes.items()]
    lengths = [f"--total-nimg={total}", f"--snapshot-nimg={max(1, total // 10)}"]
    folder = RunFolder(run)
    if not folder.exists():
        call(run, "train", name, f"--seed={seed}", "--threads=1", f"--out={run}", *lengths, *options)
    elif folder.read_status()["state"] in ("running", "stopped"):
        call(run, "resume", str(run))
    if folder.read_status()["state"] == "finished" and not folder.all_evaluations():
        call(run, "evaluate", str(run))
        call(run, "sample", str(run), f"--out={run}.png", "--seeds=0-63")


def as_option(name: str, value: Any) -> str:
    """g_hidden, "128,128" -> --g-hidden=128,128; shared_noise, False -> --no-shared-noise."""
    dashed = name.replace("_", "-")
    return f"--{dashed}={value}" if not isinstance(value, bool) else f"--{dashed}" if value else f"--no-{dashed}"


def call(run: Path, *arguments: str) -> None:
    """One command, on one thread, with its words in a log beside the run; only a failed training may go on."""
    with run.with_name(f"{run.name}.log").open("a") as log:
        command = [sys.executable, "-m", "ganforge", *arguments]
        threads = os.environ | {"OMP_NUM_THREADS": "1"}
        status = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=threads).returncode
    if status and not (arguments[0] in ("train", "resume") and RunFolder(run).read_status().get("state") == "failed"):
        raise SystemExit(f"{' '.join(arguments)} ended with {status}: see {run}.log")


def record_of(run: Path) -> dict[str, Any] | None:
    evaluations = RunFolder(run).all_evaluations()
    return json.loads(evaluations[-1].read_text(encoding="utf-8")) if evaluations else None


def failure_of(run: Path) -> str:
    """Why a run failed; nothing where it did not, or is not there."""
    status = RunFolder(run).read_status() if run.is_dir() else {}
    return status.get("reason", "") if status.get("state") == "failed" else ""


def speed_of(run: Path) -> float:
    return statistics.median(row["Timing/images_per_sec"] for row in RunFolder(run).rows())


def table(players: dict[str, list[Path]]) -> list[str]:
    """A row for each player: means over the seeds, plus and minus the standard deviation."""
    head = ["", "seeds", "images", "images/s", *(name.replace("/classifier", "") for name in FIGURES)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    floors: dict[str, float] = {}
    words = ""
    for player, runs in players.items():
        records = [record for run in runs if (record := record_of(run))]
        if not records:
            lines.append(f"| {player} | 0 of {len(runs)} |" + " |" * (len(head) - 2))
            continue
        found = {in_words(record["protocol"]) for record in records}
        if len(found | {words} - {""}) > 1:
            raise SystemExit(f"{player} was judged by another protocol than the others: train it anew")
        [words] = found
        floors = {name: records[0]["figures"][name]["floor"] for name in FIGURES}
        nimg = statistics.mean(record["nimg"] for record in records)
        speed = statistics.mean(speed_of(run) for run in runs if record_of(run))
        cells = [player, f"{len(records)} of {len(runs)}", f"{nimg:,.0f}", f"{speed:,.0f}"]
        for name in FIGURES:
            values = [record["figures"][name]["value"] for record in records]
            spread = f" ± {number(statistics.stdev(values))}" if len(values) > 1 else ""
            cells.append(number(statistics.mean(values)) + spread)
        lines.append(f"| {' | '.join(cells)} |")
    lines.append(f"| floor | | | | {' | '.join(number(floors[name]) for name in FIGURES if floors)} |")
    failures = [f"{run.name}: {why}" for runs in players.values() for run in runs if (why := failure_of(run))]
    return [*lines, "", *(f"- {line}" for line in failures), "Features: the classifier's, but for FD/random. " + words]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="where the runs are")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--budget-sec", type=float, default=120.0, help="of both cores, for each run of a recipe")
    parser.add_argument("--discriminators", action="store_true")
    parser.add_argument("--nimg", type=int, default=200_000, help="pictures, for each run of a discriminator")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    players: dict[str, tuple[str, dict[str, Any], int]] = {}
    if given.discriminators:
        for family in DISCRIMINATORS:
            norm = {"d_norm": "unnormalised"} if family == "dcgan" else {}
            players[f"{family} D"] = ("note", {"discriminator": family} | norm | DATA, given.nimg)
    else:
        speeds = images_per_sec()
        for name in given.recipes:
            players[name] = (name, DATA, int(round(speeds[name] * given.budget_sec, -3)))
        players[NOTE] = ("note", DATA, EPOCHS_10)  # the yardstick
    given.work.mkdir(parents=True, exist_ok=True)
    runs = {
        player: [given.work / f"{player.replace(' ', '-').replace(',', '')}-{seed}" for seed in given.seeds]
        for player in players
    }
    if not given.table:
        with ThreadPoolExecutor(given.jobs) as pool:
            jobs = [
                pool.submit(train, *players[player], seed, runs[player][index])
                for index, seed in enumerate(given.seeds)
                for player in players
            ]
            for job in jobs:
                job.result()
    results = Path(__file__).parent / "results"
    kind = "discriminators" if given.discriminators else "family"
    length = (
        f"{given.nimg:,} pictures a run" if given.discriminators else f"{given.budget_sec:.0f} s of both cores a run"
    )
    lines = [f"{length}; images/s are of one thread beside other work.", "", *table(runs), ""]
    for player in players:
        picture = given.work / f"{runs[player][0].name}.png"
        if picture.exists():
            name = f"{kind}-{player.replace(' ', '-').replace(',', '')}.png"
            (results / name).write_bytes(picture.read_bytes())
            lines.append(f"![{player}, seed {given.seeds[0]}]({name})")
    write_results(results / f"{kind}.md", f"The {kind} on MNIST", lines)


if __name__ == "__main__":
    main()
