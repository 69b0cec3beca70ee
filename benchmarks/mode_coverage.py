"""Which losses cover all modes: of 2-D Gaussian mixtures, and of stacked MNIST.

    python benchmarks/mode_coverage.py --work DIR --data ring grid     # writes benchmarks/results/modes-ring.md, ...
    python benchmarks/mode_coverage.py --work DIR --data stacked-mnist --seeds 0 --nimg 100000

On the mixtures every loss has the same networks (two hidden layers of 128), noise (16 normal numbers) and Adam, whose
rate falls to a tenth. DRAGAN's penalty has the weight published for pictures, 10, or a tenth of it; wgan-gp's has that
of its paper's toy script; R1 and R2 with gamma 0.1, and clipping at 0.1, are our own choice, by one trial each. As many
real items for all means a fifth of the others' G steps for the two WGANs, whose D takes five steps to each of G's. On
stacked MNIST, the recipes are as they are. Each run takes one thread, and its last snapshot is judged as `ganforge
evaluate` does. What a run came to is kept in results/modes/, and is not found out again, so that the script can be
stopped and called again.
"""

import argparse
import statistics
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from family import outcome_of, train
from reporting import write_results

from ganforge.judging.description import number

SMALL = {
    "generator": "mlp", "discriminator": "mlp", "g_hidden": "128,128", "d_hidden": "128,128", "z_dim": 16,
    "noise": "normal", "batch_size": 256, "lr": 1e-3, "lr_end": 0.1,
}  # fmt: skip
CRITIC = {"d_steps": 5, "shared_noise": False}
LOSSES: dict[str, dict[str, Any]] = {
    "minimax": {"objective": "minimax"},
    "non-saturating": {},
    "non-saturating, R1": {"r1_gamma": 0.1},
    "non-saturating, DRAGAN": {"dragan_weight": 10.0},
    "non-saturating, DRAGAN of weight 1": {"dragan_weight": 1.0},
    "lsgan": {"objective": "lsgan"},
    "hinge": {"objective": "hinge"},
    "wgan, clipping": {"objective": "wgan", "clip": 0.1} | CRITIC,
    "wgan-gp": {"objective": "wgan", "gp_weight": 0.1, "beta2": 0.9} | CRITIC,
    "relativistic, R1 and R2": {"objective": "relativistic", "r1_gamma": 0.1, "r2_gamma": 0.1, "shared_noise": False},
}
RECIPES = ("dcgan", "lsgan", "wgan-gp", "r3gan")
FIGURES = {
    "ring": ("modes", "high quality", "KL", "FD"), "grid": ("modes", "high quality", "KL", "FD"),
    "stacked-mnist": ("modes", "KL", "FD"),
}  # fmt: skip
FEATURES = {"ring": "coordinates", "grid": "coordinates", "stacked-mnist": "channel classifier"}
OUTCOMES = Path(__file__).parent / "results" / "modes"


def row_of(player: str, outcomes: list[dict[str, Any]], data: str) -> str:
    """Means over the seeds; for the modes, each seed's."""
    done = [outcome for outcome in outcomes if "figures" in outcome]
    cells = [player, f"{len(done)} of {len(outcomes)}"]
    for name in FIGURES[data]:
        values = [outcome["figures"][f"{name}/{FEATURES[data]}"]["value"] for outcome in done]
        known = [value for value in values if value is not None]
        if name == "modes":
            cells.append(", ".join(f"{value:.0f}" for value in known))
        else:
            spread = f" ± {number(statistics.stdev(known))}" if len(known) > 1 else ""
            cells.append((number(statistics.mean(known)) if known else "none") + spread)
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where the runs are")
    parser.add_argument("--data", nargs="+", choices=[*FIGURES], default=["ring", "grid"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--nimg", type=int, default=600_000, help="real items in each run")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    OUTCOMES.mkdir(exist_ok=True)
    for data in given.data:
        stacked = data == "stacked-mnist"
        players: dict[str, tuple[str, dict[str, Any]]] = (
            {name: (name, {}) for name in RECIPES}
            if stacked
            else {name: ("note", SMALL | {"burn_in_nimg": given.nimg} | settings) for name, settings in LOSSES.items()}
        )
        names = {player: f"{data}-{player.replace(',', '').replace(' ', '-')}" for player in players}
        with ThreadPoolExecutor(given.jobs) as pool:
            jobs = [
                pool.submit(
                    train, recipe, {"data": data} | changes, given.nimg, seed, given.work / f"{names[player]}-{seed}",
                    OUTCOMES, not stacked,
                )
                for seed in given.seeds
                for player, (recipe, changes) in players.items()
            ]  # fmt: skip
            for job in jobs:
                job.result()
        lines = [f"| | seeds | {' | '.join(FIGURES[data])} |", "|---" * (2 + len(FIGURES[data])) + "|"]
        complaints, pictures, words, floors = [], [], "", {}
        for player, name in names.items():
            outcomes = [outcome_of(OUTCOMES, f"{name}-{seed}", given.nimg) for seed in given.seeds]
            lines.append(row_of(player, outcomes, data))
            complaints += [f"- {player}: {outcome['failure']}" for outcome in outcomes if "failure" in outcome]
            for outcome in outcomes:
                if "figures" in outcome:
                    words, floors = outcome["protocol"], outcome["figures"]
            if (OUTCOMES / f"{name}-0.png").exists():
                pictures.append(f"![{player}, seed 0](modes/{name}-0.png)")
        cells = [number(floors[f"{name}/{FEATURES[data]}"]["floor"]) for name in FIGURES[data] if floors]
        lines += [f"| floor | | {' | '.join(cells)} |", "", f"{given.nimg:,} items a run. {words}", "", *complaints]
        write_results(
            Path(__file__).parent / "results" / f"modes-{data}.md", f"Modes of {data}", [*lines, "", *pictures]
        )


if __name__ == "__main__":
    main()
