"""The family table: recipes for the same time, or discriminators for the same pictures, judged alike on MNIST.

    python benchmarks/family.py --work DIR                        # every recipe, 3 seeds, 5 minutes of both cores each
    python benchmarks/family.py --work DIR --recipes dcgan wgan-gp --seeds 0
    python benchmarks/family.py --work DIR --discriminators       # D's families against the note's G
    python benchmarks/family.py --table                           # only write the table of what was found so far

A recipe's length is fixed: what both cores of a quiet machine did in 300 s when the table was begun, so that neither
other work on the machine nor faster code changes what the script finds. Each run takes one thread. What
a run came to, or why it failed, is kept in results/family/, and is not found out again, so that the table can be made
in several sittings: stop the script and call it again, with or without the same DIR.
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

from PIL import Image
from reporting import write_results

from ganforge.judging.description import in_words, number
from ganforge.run.folder import RunFolder

FIGURES = (
    "FD/classifier", "FD/random", "precision/classifier", "recall/classifier", "coverage/classifier",
    "classifier score/classifier", "class TV/classifier",
)  # fmt: skip
CRITIC = {"objective": "wgan", "gp_weight": 10.0, "d_steps": 2}
DISCRIMINATORS: dict[str, dict[str, Any]] = {
    "logistic D": {"discriminator": "logistic"},
    "mlp D": {},
    "dcgan D": {"discriminator": "dcgan"},
    "recurrent D": {"discriminator": "recurrent"},
    "dcgan D, wgan-gp": {"discriminator": "dcgan", "d_norm": "unnormalised"} | CRITIC,
    "recurrent D, wgan-gp": {"discriminator": "recurrent", "d_lr": 1e-3} | CRITIC,
}
"""D's families against the note's G; two of them also with another objective, by which they teach it more."""
DATA = {"data": "mnist", "max_images": 50_000}  # the note's share of the training pictures, for all of them
NIMG = {
    "note": 2_180_000, "fast": 628_000, "r1": 668_000, "dcgan": 350_000, "lsgan": 316_000, "wgan": 410_000,
    "wgan-gp": 220_000, "dragan": 201_000, "sngan": 214_000, "r3gan": 52_000, "cgan": 2_079_000,
}  # fmt: skip
"""Pictures: 300 times each recipe's images a second by benchmarks/recipe_speed.py of 2026-11-25, commit ba682df."""
CONDITIONAL = ("fast", "r1", "sngan")
"""Recipes that are played with --conditional, too."""
NOTE = "note, 10 epochs"
EPOCHS_10 = 500_000
BEST = "r1, conditional, longer"
BEST_NIMG = 4_000_000
"""The best recipe, for as long as it takes: with the first seed alone."""
CONVERGED = 50.0
"""FD/classifier under which a run counts as converged: a little over what the note's 10 epochs come to here."""
OUTCOMES = Path(__file__).parent / "results" / "family"


def train(
    name: str, changes: dict[str, Any], total: int, seed: int, run: Path, outcomes: Path, points: bool = False
) -> None:
    """One run with its evaluation and picture, as far as they are not there yet; what it came to goes into outcomes.

    Of points, the picture is the run's own last one, which shows the modes, too.
    """
    if outcome_of(outcomes, run.name, total):
        return
    options = [as_option(key, value) for key, value in changes.items()]
    lengths = [f"--total-nimg={total}", f"--snapshot-nimg={max(1, total // 10)}"]
    folder = RunFolder(run)
    if not folder.exists():
        call(run, "train", name, f"--seed={seed}", "--threads=1", f"--out={run}", *lengths, *options)
    elif folder.read_status()["state"] in ("running", "stopped"):
        call(run, "resume", str(run))
    if (found := folder.read_config()["settings"]["total_nimg"]) != total:
        raise SystemExit(f"{run} is a run of {found:,} pictures, not of {total:,}: remove it, or give another --work")
    outcome: dict[str, Any] = {"total_nimg": total, "ganforge": folder.read_config()["environment"][0]["git_commit"]}
    if folder.read_status()["state"] == "failed":
        outcome["failure"] = folder.read_status()["reason"]
    else:
        if not folder.all_evaluations():
            call(run, "evaluate", str(run))
        record = json.loads(folder.all_evaluations()[-1].read_text(encoding="utf-8"))
        outcome["images_per_sec"] = statistics.median(row["Timing/images_per_sec"] for row in folder.rows())
        outcome |= {"protocol": in_words(record["protocol"]), "figures": record["figures"]}
        if seed == 0 and points:
            scatter = Image.open(folder.all_fakes()[-1][1]).convert("RGB")
            scatter.quantize(32, dither=Image.Dither.NONE).save(outcomes / f"{run.name}.png", optimize=True)
        elif seed == 0:
            call(run, "sample", str(run), f"--out={outcomes / run.name}.png", "--seeds=0-63")
    (outcomes / f"{run.name}.json").write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")


def outcome_of(outcomes: Path, run: str, total: int) -> dict[str, Any]:
    """What was kept of the run of that name, if it was as long; else nothing."""
    path = outcomes / f"{run}.json"
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return kept if kept.get("total_nimg") == total else {}


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


def table(players: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A row for each player, of its outcomes: means over the seeds that ended well, plus and minus the standard
    deviation."""
    head = ["", "ended well", "converged", "images", "images/s", *(name.replace("/classifier", "") for name in FIGURES)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    floors: dict[str, float] = {}
    words = ""
    for player, outcomes in players.items():
        done = [outcome for outcome in outcomes if "figures" in outcome]
        if not done:
            lines.append(f"| {player} | 0 of {len(outcomes)} | 0 of {len(outcomes)} |" + " |" * (len(head) - 3))
            continue
        found = {outcome["protocol"] for outcome in done}
        if len(found | {words} - {""}) > 1:
            raise SystemExit(f"{player} was judged by another protocol than the others: train it anew")
        [words] = found
        floors = {name: done[0]["figures"][name]["floor"] for name in FIGURES}
        speed = statistics.mean(outcome["images_per_sec"] for outcome in done)
        converged = sum(outcome["figures"]["FD/classifier"]["value"] < CONVERGED for outcome in done)
        cells = [player, *(f"{count} of {len(outcomes)}" for count in (len(done), converged))]
        cells += [f"{done[0]['total_nimg']:,}", f"{speed:,.0f}"]
        for name in FIGURES:
            values = [outcome["figures"][name]["value"] for outcome in done]
            spread = f" ± {number(statistics.stdev(values))}" if len(values) > 1 else ""
            cells.append(number(statistics.mean(values)) + spread)
        lines.append(f"| {' | '.join(cells)} |")
    lines.append(f"| floor | | | | | {' | '.join(number(floors[name]) for name in FIGURES if floors)} |")
    failures = [f"{player}: {o['failure']}" for player, outcomes in players.items() for o in outcomes if "failure" in o]
    commits = sorted({o["ganforge"] for outcomes in players.values() for o in outcomes})
    said = f"Features: the classifier's, but for FD/random. {words} Trained at {', '.join(map(str, commits))}."
    return [*lines, "", *(f"- {line}" for line in failures), said]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="where the runs are")
    parser.add_argument("--recipes", nargs="+", default=list(NIMG), choices=NIMG)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--discriminators", action="store_true")
    parser.add_argument("--nimg", type=int, default=150_000, help="pictures, for each run of a discriminator")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    players: dict[str, tuple[str, dict[str, Any], int]] = {}
    if given.discriminators:
        for player, changes in DISCRIMINATORS.items():
            players[player] = ("note", changes | DATA, given.nimg)
    else:
        for name in given.recipes:
            players[name] = (name, DATA, NIMG[name])
            if name in CONDITIONAL:
                players[f"{name}, conditional"] = (name, DATA | {"conditional": True}, NIMG[name])
        players[NOTE] = ("note", DATA, EPOCHS_10)  # the yardstick
        players[BEST] = ("r1", DATA | {"conditional": True}, BEST_NIMG)
    OUTCOMES.mkdir(exist_ok=True)
    names = {player: [f"{player.replace(' ', '-').replace(',', '')}-{s}" for s in given.seeds] for player in players}
    if BEST in names:
        del names[BEST][1:]
    if not given.table:
        if given.work is None:
            parser.error("--work DIR says where the runs go; --table needs none")
        given.work.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(given.jobs) as pool:
            jobs = [
                pool.submit(train, *players[player], seed, given.work / names[player][index], OUTCOMES)
                for index, seed in enumerate(given.seeds)
                for player in players
                if index < len(names[player])
            ]
            for job in jobs:
                job.result()
    results = Path(__file__).parent / "results"
    kind = "discriminators" if given.discriminators else "family"
    length = f"{given.nimg:,} pictures" if given.discriminators else "5 minutes of both cores"
    kept = {
        player: [found for name in names[player] if (found := outcome_of(OUTCOMES, name, total))]
        for player, (_, _, total) in players.items()
    }
    told = f"Converged: FD under {CONVERGED:.0f}, as all runs of the note's 10 epochs have it here."
    lines = [f"{length} a run; images/s are of one thread beside other work. {told}", "", *table(kept), ""]
    for player, [first, *_] in names.items():
        if (OUTCOMES / f"{first}.png").exists() and kept[player]:
            lines.append(f"![{player}, seed {given.seeds[0]}](family/{first}.png)")
    write_results(results / f"{kind}.md", f"The {kind} on MNIST", lines)


if __name__ == "__main__":
    main()
