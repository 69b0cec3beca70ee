"""The family table: recipes (or discriminators) with one budget of time each, judged by the same protocol on MNIST.

    python benchmarks/family.py --work DIR                        # every recipe, 3 seeds, 300 s of one thread each
    python benchmarks/family.py --work DIR --recipes dcgan wgan-gp --seeds 0
    python benchmarks/family.py --work DIR --discriminators       # D's families against the note's G
    python benchmarks/family.py --work DIR --table                # only write the table of what is there

A run's length is its budget times the speed of its first seconds, measured at the start of the run's own process. Runs
take one thread each, two at a time. A finished run in DIR is not trained again, so that the script can be stopped and
called again. Runs that diverge are in the table as such.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from reporting import write_results

from ganforge.data.load import load
from ganforge.metrics.describe import in_words, number
from ganforge.recipes import RECIPES, recipe
from ganforge.run.folder import RunFolder
from ganforge.training.adversarial import train_step
from ganforge.training.setup import build_game, build_state

FIGURES = (
    "FD/classifier", "FD/random", "precision/classifier", "recall/classifier", "coverage/classifier",
    "score/classifier", "class distance/classifier",
)  # fmt: skip
DISCRIMINATORS = ("logistic", "mlp", "dcgan", "recurrent")
PROBE_SEC = 8.0


def images_per_sec(name: str, changes: dict[str, Any]) -> float:
    """Speed of the update alone, on one thread, after a first step."""
    torch.set_num_threads(1)
    config = recipe(name, data="mnist", **changes)
    dataset, cpu = load("mnist", max_images=5_000), torch.device("cpu")
    game, state = build_game(config, dataset, cpu), build_state(config, dataset, cpu)
    nimg, start = 0, 0.0
    for step in range(10_000):
        if step == 1:
            nimg, start = 0, time.perf_counter()
        # From step 30 on: WGAN's schedule has its hundred updates of D before.
        batches = game.batches(nimg, step + 30)
        train_step(state.G, state.D, state.G_opt, state.D_opt, game.rules(nimg, state), *batches, state.failed)
        nimg += len(batches[0]) * config.batch_size
        if step and time.perf_counter() - start > PROBE_SEC:
            break
    return nimg / (time.perf_counter() - start)


def train(name: str, changes: dict[str, Any], seed: int, budget_sec: float, run: Path) -> None:
    """One run with its evaluation and picture, unless it is there."""
    log = run.parent / f"{run.name}.log"
    if RunFolder(run).all_evaluations() or "diverged" in (log.read_text() if log.exists() else ""):
        return
    options = [f"--{key.replace('_', '-')}={value}" for key, value in changes.items()]
    probe = subprocess.run(
        [sys.executable, __file__, "--probe", json.dumps([name, changes])], check=True, capture_output=True, text=True
    )
    rate = float(probe.stdout)
    total = max(10_000, round(rate * budget_sec, -3))
    with log.open("w") as file:
        done = subprocess.run(
            [
                sys.executable, "-m", "ganforge", "train", name, "--data=mnist", f"--seed={seed}", "--threads=1",
                f"--total-nimg={total:.0f}", f"--snapshot-nimg={max(1, total // 10):.0f}", f"--out={run}", *options,
            ],
            stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if done.returncode:
            file.write("diverged or failed\n")
            return
        subprocess.run([sys.executable, "-m", "ganforge", "evaluate", str(run)], stdout=file, stderr=file, check=True)
        picture = [f"--out={run.parent / run.name}.png", "--seeds=0-63"]
        subprocess.run([sys.executable, "-m", "ganforge", "sample", str(run), *picture], stdout=file, check=True)


def record_of(run: Path) -> dict[str, Any] | None:
    evaluations = RunFolder(run).all_evaluations()
    return json.loads(evaluations[-1].read_text(encoding="utf-8")) if evaluations else None


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
        words = in_words(records[0]["protocol"])
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
    return [*lines, "", "Features: the classifier's, but for FD/random. " + words]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="where the runs are")
    parser.add_argument("--recipes", nargs="+", default=[name for name in RECIPES if name != "cgan"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--budget-sec", type=float, default=300.0, help="of one thread, for each run")
    parser.add_argument("--discriminators", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.probe:
        print(images_per_sec(*json.loads(given.probe)))
        return
    if given.discriminators:
        changes = {d: {"discriminator": d} for d in DISCRIMINATORS}
        changes["dcgan"]["d_norm"] = "unnormalised"
        players = {f"{d} D": ("note", changes[d]) for d in DISCRIMINATORS}
    else:
        players = {name: (name, {}) for name in given.recipes}
    given.work.mkdir(parents=True, exist_ok=True)
    runs = {player: [given.work / f"{player.replace(' ', '-')}-{seed}" for seed in given.seeds] for player in players}
    if not given.table:
        with ThreadPoolExecutor(2) as pool:
            jobs = [
                pool.submit(train, *players[player], seed, given.budget_sec, runs[player][index])
                for index, seed in enumerate(given.seeds)
                for player in players
            ]
            for job in jobs:
                job.result()
    results = Path(__file__).parent / "results"
    kind = "discriminators" if given.discriminators else "family"
    lines = [f"{given.budget_sec:.0f} seconds of one thread a run, two runs at a time.", "", *table(runs), ""]
    for player in players:
        picture = given.work / f"{runs[player][0].name}.png"
        if picture.exists():
            name = f"{kind}-{player.replace(' ', '-')}.png"
            (results / name).write_bytes(picture.read_bytes())
            lines.append(f"![{player}, seed {given.seeds[0]}]({name})")
    write_results(results / f"{kind}.md", f"The {kind} on MNIST", lines)


if __name__ == "__main__":
    main()
