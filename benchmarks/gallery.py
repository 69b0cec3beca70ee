"""docs/gallery.md: for each recipe its pictures, figures beside their floors, the command, and what it took.

    python benchmarks/gallery.py

Made of what benchmarks/family.py and benchmarks/photographs.py keep in results/; nothing is trained or judged here.
"""

import json
import statistics
from pathlib import Path
from typing import Any

from family import BEST, BEST_NIMG, NIMG, as_option
from photographs import RUNS

from ganforge.judging.description import number
from ganforge.recipes.catalog import RECIPES

RESULTS = Path(__file__).parent / "results"
GALLERY = RESULTS.parents[1] / "docs" / "gallery.md"
DIGITS = ("FD/classifier", "precision/classifier", "recall/classifier", "coverage/classifier")
PHOTOGRAPHS = ("FD/own", "KID/own", "recall/own", "agreement/own", "AuthPct/pixels")
CHANGED = ("sngan", "r3gan")
"""Recipes whose settings are others now than when the family table was made."""
HEAD = """# Gallery

What the recipes make. Every picture is of the first seeds, none was chosen; a figure is the mean of so many runs, with
its floor in brackets: that of fresh real pictures. Made by `python benchmarks/gallery.py` of the
[family table](../benchmarks/results/family.md) and of [photographs](../benchmarks/results/photographs.md), which say
on which machine, by which commit and by which protocol. Time is of one thread of that machine, beside other work.
"""


def entry(name: str, kept: str, names: tuple[str, ...], command: str, pictures: list[str]) -> list[str]:
    """What is told of runs that were kept as ``kept``-SEED.json; nothing where there are none."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob(f"{kept}-[0-9].json"))]
    if not (runs := [run for run in runs if "figures" in run]):
        return []
    cells = [f"{figure} {told(figure, runs)}" for figure in names if figure in runs[0]["figures"]]
    minutes = runs[0]["total_nimg"] / statistics.median(run["images_per_sec"] for run in runs) / 60
    took = f"{runs[0]['total_nimg']:,} pictures, {minutes:.0f} minutes, {len(runs)} run{'s' if len(runs) > 1 else ''}"
    shown = [f"![{name}](../benchmarks/results/{picture})" for picture in pictures if (RESULTS / picture).exists()]
    return [f"### {name}", "", f"`{command}`", "", f"{took}: {', '.join(cells)}.", "", *shown, ""]


def told(figure: str, runs: list[dict[str, Any]]) -> str:
    values = [run["figures"][figure]["value"] for run in runs]
    return f"{number(statistics.mean(values))} ({number(runs[0]['figures'][figure]['floor'])})"


def main() -> None:
    lines = [HEAD, "## Photographs of 32 x 32", ""]
    for name, (recipe, changes, nimg) in RUNS.items():
        kept = name.replace(", ", "-")
        options = "".join(f" {as_option(key, value)}" for key, value in changes.items())
        command = f"ganforge train {recipe} --data photos32-train.zip --total-nimg {nimg}{options}"
        pictures = [f"photographs/{kept}-over-time.png", f"photographs-{kept}.png"]
        lines += entry(name, f"photographs/{kept}", PHOTOGRAPHS, command, pictures)
    lines += ["## MNIST", ""]
    for recipe in RECIPES:
        for name, kind, options in (
            (recipe, recipe, ""),
            (f"{recipe}, conditional", f"{recipe}-conditional", " --conditional"),
        ):
            command = f"ganforge train {recipe} --max-images 50000 --total-nimg {NIMG.get(recipe)}{options}"
            found = entry(name, f"family/{kind}", DIGITS, command, [f"family/{kind}-0.png"])
            if found and recipe in CHANGED:
                found.insert(2, "Of the recipe's former settings; the present ones are not measured at this length.\n")
            lines += found
    kind = BEST.replace(", ", "-")
    command = f"ganforge train r1 --max-images 50000 --total-nimg {BEST_NIMG} --conditional"
    lines += entry(BEST, f"family/{kind}", DIGITS, command, [f"family/{kind}-0.png"])
    GALLERY.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
