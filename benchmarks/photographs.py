"""Recipes on 25,000 real photographs of 32 x 32 in ten classes: figures, and the pictures themselves.

    GANFORGE_DATA=FOLDER python benchmarks/photographs.py --work DIR     # FOLDER holds photos32-train.zip and -test.zip
    GANFORGE_DATA=FOLDER python benchmarks/photographs.py --work DIR --runs "photo, conditional" --seeds 1
    GANFORGE_DATA=FOLDER python benchmarks/photographs.py --work DIR --choices         # one choice changed at a time

Each run takes one thread and as many photographs as ``RUNS`` says; its last snapshot is judged. A finished run in DIR
is not trained again, and the table is of all runs that DIR has. The 5,000 test photographs are never learned from.

Judged twice. By `ganforge evaluate --features own,random`: 8,333 fakes against 16,667 training photographs, the floor
that of as many others. And by a classifier that is no part of ganforge (photograph_judge.py): the share of 2,500 fakes,
as many of each class, that it takes for the class asked for, and the Frechet distance of its features to those of the
test photographs. Checkerboard: the power of the highest frequency over that of those just below it, along rows and
columns.
"""

import argparse
import json
import os
import statistics
from pathlib import Path
from typing import Any

import torch
from family import as_option, call
from photograph_judge import Judge, kept_or_taught, seen
from PIL import Image
from reporting import write_results
from torch import Tensor

import ganforge
from ganforge.judging.description import number
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.moments import moments
from ganforge.run.folder import RunFolder

CLASSES = {"conditional": True, "grid_size": 10}
RUNS: dict[str, tuple[str, dict[str, Any], int]] = {
    "fast": ("fast", {}, 1_000_000),
    "fast, conditional": ("fast", CLASSES, 1_000_000),
    "photo": ("photo", {"precision": "bfloat16"}, 800_000),
    "photo, conditional": ("photo", {"precision": "bfloat16"} | CLASSES, 800_000),
}
"""name -> recipe, changes, photographs."""
SEEDS = (1, 2, 3)
CHOICES: dict[str, dict[str, Any]] = {
    "photo": {},
    "relativistic loss": {"objective": "relativistic"},
    "hinge loss": {"objective": "hinge"},
    "R1 of 0.1": {"r1_gamma": 0.1},
    "R1 of 3": {"r1_gamma": 3.0},
    "no R1": {"r1_gamma": 0.0, "penalty_interval": 1},
    "R1 in every update": {"penalty_interval": 1},
    "batches of 16": {"batch_size": 16},
    "batches of 64": {"batch_size": 64},
    "half the rates": {"lr": 5e-4},
    "twice the rates": {"lr": 2e-3},
    "D twice as fast as G": {"lr": 7e-4, "d_lr": 14e-4},
    "beta1 of 0.5": {"beta1": 0.5},
    "beta2 of 0.999": {"beta2": 0.999},
    "half the widths": {"g_width": 16, "d_width": 16},
    "D half as wide": {"d_width": 16},
    "G half as wide": {"g_width": 16},
    "DCGAN's G": {"generator": "dcgan", "g_width": 64},
    "DCGAN's D without norm": {"discriminator": "dcgan", "d_width": 64, "d_norm": "unnormalised"},
    "residual G": {"generator": "resnet", "g_width": 32},
    "spectral norm, residual D, hinge": {"discriminator": "resnet", "d_width": 32, "objective": "hinge"}
    | {"r1_gamma": 0.0, "penalty_interval": 1},
    "no augmentation": {"augment": "none"},
    "DiffAugment": {"augment": "diffaugment"},
    "ADA": {"augment": "ada"},
    "not mirrored": {"mirror": False},
    "without the average": {"ema_halflife_nimg": None, "ema_rampup": False},
    "noise of 128": {"z_dim": 128},
    "fresh noise for G": {"shared_noise": False},
}
CHOICES_NIMG, CHOICES_SEED = 100_000, 0
OWN = ("FD/own", "KID/own", "precision/own", "recall/own", "agreement/own", "lowest agreement/own", "class TV/own",
       "FD/random", "AuthPct/pixels", "copies/pixels")  # fmt: skip
JUDGED = ("agreement", "lowest", "FD", "checkerboard")
FAKES = 2_500


def trained(run: Path, recipe: str, changes: dict[str, Any], nimg: int, seed: int) -> RunFolder:
    folder = RunFolder(run)
    if not folder.exists():
        options = [as_option(key, value) for key, value in changes.items() if value is not None]
        call(
            run, "train", recipe, f"--data={photographs('train')}", f"--test-data={photographs('test')}",
            f"--seed={seed}", f"--total-nimg={nimg}", f"--snapshot-nimg={nimg // 8}", f"--report-nimg={nimg // 16}",
            "--threads=1", f"--out={run}", *options,
        )  # fmt: skip
    return folder


def photographs(part: str) -> Path:
    return Path(os.environ["GANFORGE_DATA"]) / f"photos32-{part}.zip"


class Jury:
    """The independent classifier, and what it makes of the test photographs."""

    def __init__(self, work: Path) -> None:
        self.judge: Judge = kept_or_taught(work / "judge.pt", ganforge.load_data(photographs("train")))
        test = ganforge.load_data(photographs("test"))
        features, classes = seen(self.judge, test.items)
        self.reference = moments(features.double())
        agreed = classes == torch.as_tensor(test.labels)
        by_class = [agreed[torch.as_tensor(test.labels) == k].double().mean().item() for k in range(test.num_classes)]
        some = ganforge.load_data(photographs("train")).items[:: 25_000 // FAKES]
        distance = frechet_distance(moments(seen(self.judge, some)[0].double()), self.reference)
        values = agreed.double().mean().item(), min(by_class), distance, checkerboard(some)
        self.reals = dict(zip(JUDGED, values, strict=True))

    def of(self, run: Path) -> dict[str, float]:
        """The judge's figures of a run's newest snapshot; agreement only of one that is told the class."""
        model = ganforge.load(run)
        fakes = torch.cat(list(model.stream(range(FAKES))))
        features, classes = seen(self.judge, fakes)
        found = {
            "FD": frechet_distance(moments(features.double()), self.reference),
            "checkerboard": checkerboard(fakes),
        }
        if model.num_classes:
            asked = torch.arange(FAKES) % model.num_classes
            shares = [(classes[asked == k] == k).double().mean().item() for k in range(model.num_classes)]
            found |= {"agreement": statistics.mean(shares), "lowest": min(shares)}
        return found


def checkerboard(pictures: Tensor) -> float:
    """Of uint8 [N, C, 32, 32]; natural pictures have less than 1."""
    grey = pictures.float().mean(1)
    power = torch.fft.rfft2(grey - grey.mean((1, 2), keepdim=True)).abs().square().mean(0)
    rows, columns = (
        power[16, 1:13].mean() / power[13:15, 1:13].mean(),
        power[1:13, 16].mean() / power[1:13, 13:15].mean(),
    )
    return max(rows.item(), columns.item())


def figures(folder: RunFolder) -> dict[str, Any]:
    """By `ganforge evaluate`: each with its value and floor."""
    if not folder.all_evaluations():
        call(folder.path, "evaluate", str(folder.path), "--features=own,random")
    found: dict[str, Any] = json.loads(folder.all_evaluations()[-1].read_text(encoding="utf-8"))["figures"]
    return found


def spread(values: list[float]) -> str:
    mean = number(statistics.mean(values))
    return mean if len(values) == 1 else f"{mean} ± {number(statistics.stdev(values))}"


def over_time(folder: RunFolder, picture: Path) -> None:
    """The upper two rows of five of a run's grids, one below the other: how the same noise is drawn as time passes."""
    grids = folder.all_fakes()
    chosen = [grids[round(share * (len(grids) - 1))] for share in (0.06, 0.13, 0.25, 0.5, 1)]
    rows = [Image.open(path).convert("RGB") for _, path in chosen]
    side = rows[0].width // folder.read_config()["settings"]["grid_size"]
    strip = Image.new("RGB", (rows[0].width, len(rows) * (2 * side + 4)), "white")
    for place, row in enumerate(rows):
        strip.paste(row.crop((0, 0, row.width, 2 * side)), (0, place * (2 * side + 4)))
    strip.save(picture)


def outcome(folder: RunFolder, jury: Jury) -> dict[str, Any]:
    """What a run came to, kept in results/photographs/ as benchmarks/family.py keeps it."""
    config = folder.read_config()
    speed = statistics.median(row["Timing/images_per_sec"] for row in folder.rows())
    found = {"total_nimg": config["settings"]["total_nimg"], "ganforge": config["environment"][0]["git_commit"]}
    return found | {"images_per_sec": speed, "figures": figures(folder), "judge": jury.of(folder.path)}


def report(work: Path, names: list[str], seeds: list[int]) -> None:
    results = Path(__file__).parent / "results"
    outcomes = results / "photographs"
    outcomes.mkdir(exist_ok=True)
    jury = Jury(work)
    head = ["recipe", "seeds", *OWN, *(f"judge: {name}" for name in JUDGED), "images/s"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    pictures, floors = [], {}
    for name, (recipe, changes, nimg) in RUNS.items():
        runs = {seed: work / f"{name.replace(', ', '-')}-{seed}" for seed in SEEDS}
        for seed in seeds if name in names else ():
            trained(runs[seed], recipe, changes, nimg, seed)
        done = [run for run in runs.values() if RunFolder(run).exists() and ended(RunFolder(run))]
        if not done:
            continue
        found = [outcome(RunFolder(run), jury) for run in done]
        for run, one in zip(done, found, strict=True):
            (outcomes / f"{run.name}.json").write_text(json.dumps(one, indent=1) + "\n", encoding="utf-8")
        own, judged = ([one[kind] for one in found] for kind in ("figures", "judge"))
        speeds = [one["images_per_sec"] for one in found]
        over_time(RunFolder(done[0]), outcomes / f"{done[0].name.rpartition('-')[0]}-over-time.png")
        floors |= {figure: one["floor"] for figure, one in own[0].items()}
        cells = [spread([one[figure]["value"] for one in own]) if figure in own[0] else "-" for figure in OWN]
        cells += [spread([one[figure] for one in judged]) if figure in judged[0] else "-" for figure in JUDGED]
        lines.append(f"| {name}, {nimg:,} | {len(done)} | {' | '.join(cells)} | {statistics.median(speeds):,.0f} |")
        made, picture = done[0].with_suffix(".png"), results / f"photographs-{done[0].name.rpartition('-')[0]}.png"
        if not made.exists():
            call(done[0], "sample", str(done[0]), "--seeds=0-99", f"--out={made}")
        picture.write_bytes(made.read_bytes())
        pictures.append(f"![{name}, seeds 0 to 99]({picture.name})")
    cells = [number(floors[figure]) if figure in floors else "-" for figure in OWN]
    cells += [number(jury.reals[figure]) for figure in JUDGED]
    lines.append(f"| real photographs | | {' | '.join(cells)} | |")
    write_results(results / "photographs.md", "Photographs of 32 x 32", [*lines, "", *pictures])


def ended(folder: RunFolder) -> bool:
    return bool(folder.read_status().get("state") == "finished")


def choices(work: Path) -> None:
    """`photo` told the class, with one choice changed at a time."""
    jury = Jury(work)
    head = ["choice", "FD", "agreement", "lowest", "checkerboard", "images/s"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, changes in CHOICES.items():
        run = work / "choices" / name.replace(" ", "-").replace(",", "").replace("'", "")
        run.parent.mkdir(exist_ok=True)
        wanted = CLASSES | {"precision": "bfloat16", "metric_samples": 0} | changes
        trained(run, "photo", wanted, CHOICES_NIMG, CHOICES_SEED)
        found = jury.of(run)
        speed = statistics.median(row["Timing/images_per_sec"] for row in RunFolder(run).rows())
        cells = [number(found[figure]) for figure in ("FD", "agreement", "lowest", "checkerboard")]
        lines.append(f"| {name} | {' | '.join(cells)} | {speed:,.0f} |")
        print(lines[-1], flush=True)
    write_results(Path(__file__).parent / "results" / "photo_choices.md", "What `photo` is made of", lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where the runs are")
    parser.add_argument("--runs", nargs="*", default=list(RUNS), choices=RUNS, help="those to train, if not there yet")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), choices=SEEDS)
    parser.add_argument("--choices", action="store_true", help="instead, one choice changed at a time")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if given.choices:
        choices(given.work)
    else:
        report(given.work, given.runs, given.seeds)


if __name__ == "__main__":
    main()
