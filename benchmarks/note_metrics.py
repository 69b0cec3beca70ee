"""How good the note's recipe is on MNIST: every figure over several seeds, each beside its floor.

    python benchmarks/note_metrics.py              # writes benchmarks/results/note_metrics.md and a picture a seed

For each seed the commands that users give, each a process of its own: `train note --data mnist`, `evaluate` of the
newest snapshot, `sample` of seeds 0 to 63. The spread is the standard deviation over the seeds (divided by their
number less one): it is the training's, since all seeds are judged by the same protocol and the same noise.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from reporting import write_results

from ganforge.judging.description import in_words, number
from ganforge.metrics.catalog import FIGURES
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder

DATA = "mnist"
SAMPLES = "0-63"


def ganforge(*arguments: object) -> None:
    """Run one command as users do; stop where it fails."""
    subprocess.run([sys.executable, "-m", "ganforge", *map(str, arguments)], check=True)


def measure(run: Path, seed: int, total_nimg: int, picture: Path) -> dict[str, Any]:
    """The record of one seed's run."""
    ganforge("train", "note", "--data", DATA, "--seed", seed, "--total-nimg", total_nimg, "--out", run)
    ganforge("evaluate", run)
    ganforge("sample", run, "--seeds", SAMPLES, "--out", picture)
    (evaluation,) = RunFolder(run).all_evaluations()
    record: dict[str, Any] = json.loads(evaluation.read_text(encoding="utf-8"))
    return record


def table(seeds: list[int], records: list[dict[str, Any]]) -> list[str]:
    """A row a figure."""
    head = ["figure", "features", *(f"seed {seed}" for seed in seeds), "mean", "spread", "floor", "better"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    features = [*records[0]["protocol"]["extractors"], "pixels"]

    def place(name: str) -> tuple[int, int]:
        what, _, seen_by = name.partition("/")
        return features.index(seen_by), [*FIGURES].index(what)

    for name in sorted(records[0]["figures"], key=place):
        what, _, seen_by = name.partition("/")
        figure = records[0]["figures"][name]
        values = [record["figures"][name]["value"] for record in records]
        spread = number(statistics.stdev(values)) if len(values) > 1 else "-"
        cells = [*map(number, values), number(statistics.fmean(values)), spread, number(figure["floor"])]
        lines.append(f"| {what} | {seen_by} | {' | '.join(cells)} | {figure['better']} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--total-nimg", type=int, default=recipe("note").total_nimg)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "note_metrics.md")
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    pictures = {seed: given.out.with_name(f"note_metrics-seed{seed}.png") for seed in given.seeds}
    with tempfile.TemporaryDirectory() as folder:
        records = [
            measure(Path(folder) / f"seed{seed}", seed, given.total_nimg, picture) for seed, picture in pictures.items()
        ]
    nimg, protocol = records[0]["nimg"], records[0]["protocol"]
    assert all(record["protocol"] == protocol for record in records)
    lines = [f"The newest snapshot of each run, after {nimg:,} images.", in_words(protocol), ""]
    lines += [*table(given.seeds, records), ""]
    lines += [f"![64 pictures of seed {seed}]({picture.name})" for seed, picture in pictures.items()]
    write_results(given.out, "How good the note's recipe is on MNIST", lines)


if __name__ == "__main__":
    main()
