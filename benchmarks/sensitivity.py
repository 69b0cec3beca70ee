"""Which figure sees which fault: real MNIST pictures, spoiled in one known way at a time, judged like generated ones.

    python benchmarks/sensitivity.py           # writes benchmarks/results/sensitivity.md

The 60,000 training pictures are cut in two at random: 48,000 to judge by (10,000 for the floor, 38,000 as reference),
and 12,000 that the judge never meets, from which the faulty pictures are made. Copies are of the reference. The
figures of copying compare with all 48,000, and their floors come from MNIST's test pictures.

A figure sees a fault if it is farther from its floor than ``CLEAR`` times what a perfect generator's is. That is
measured: the root mean square of figure minus floor for 10,000 unspoiled pictures, over several such cuts.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from reporting import write_results
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ganforge.base.seeding import generator
from ganforge.data.dataset import Dataset
from ganforge.data.mnist import load_mnist
from ganforge.judging.description import number
from ganforge.metrics.catalog import FIGURES
from ganforge.metrics.judge import Judge, Plan
from ganforge.metrics.protocol import split_rows

SHARE_JUDGED_BY = 0.8
CLEAR = 3.0
CHUNK = 1_000
FRESH = "fresh reals"

Figures = dict[str, dict[str, Any]]
Spreads = dict[str, float]


def cut(dataset: Dataset, draw: int) -> tuple[Dataset, Tensor, Tensor]:
    """What to judge by, and the rest: pictures uint8 [N, 1, 28, 28] and their labels [N]. Each draw is another cut."""
    assert dataset.labels is not None
    order = torch.randperm(len(dataset), generator=generator(draw, "sensitivity/cut"))
    judged_by, rest = order.tensor_split([int(SHARE_JUDGED_BY * len(dataset))])
    known = replace(dataset, items=dataset.items[judged_by], labels=dataset.labels[judged_by])
    return known, dataset.items[rest], dataset.labels[rest]


def faults(fresh: Tensor, labels: Tensor, known: Tensor, count: int) -> dict[str, Callable[[], Tensor]]:
    """By name: a function that makes ``count`` pictures, uint8 [count, 1, 28, 28], with one fault each.

    fresh, labels: pictures that the judge does not know. known: pictures that it compares with.
    """
    pictures = fresh[:count]

    def repeated(distinct: int) -> Tensor:
        return shuffled(pictures[torch.arange(count) % distinct])

    def with_noise() -> Tensor:
        noise = torch.randn(pictures.shape, generator=generator(0, "sensitivity/noise"))
        return to_bytes(pictures / 255 + 0.1 * noise)

    def with_garbage() -> Tensor:
        garbage = torch.randint(256, pictures.shape, generator=generator(0, "sensitivity/garbage"), dtype=torch.uint8)
        return shuffled(torch.cat([garbage[: count // 10], pictures[count // 10 :]]))

    return {
        FRESH: lambda: pictures,
        "exact copies of the reference": lambda: known[:count],
        "such copies, moved by one pixel": lambda: known[:count].roll(1, dims=3),
        "no 8s": lambda: fresh[labels != 8][:count],
        "1,000 pictures, each 10 times": lambda: repeated(count // 10),
        "100 pictures, each 100 times": lambda: repeated(count // 100),
        "Gaussian noise, std 0.1 of the range": with_noise,
        "3 x 3 box blur": lambda: to_bytes(avg_pool2d(pictures / 255, 3, stride=1, padding=1)),
        "binarised at half the range": lambda: to_bytes((pictures > 127).float()),
        "10 % replaced by uniform noise": with_garbage,
        "mirrored left to right": lambda: pictures.flip(3),
    }


def to_bytes(pictures: Tensor) -> Tensor:
    """Float pictures in [0, 1], what is outside cut off, as uint8."""
    return (pictures.clamp(0, 1) * 255).round().byte()


def shuffled(pictures: Tensor) -> Tensor:
    """Some figures look at the first few thousand pictures only."""
    return pictures[torch.randperm(len(pictures), generator=generator(0, "sensitivity/shuffle"))]


def measure(judge: Judge, pictures: Tensor) -> Figures:
    """The record's figures."""
    figures: Figures = judge.judge(pictures.split(CHUNK), {"kind": "pictures"}, 0)["figures"]
    return figures


def verdict(figure: dict[str, Any], spread: float) -> str:
    """`worse` or `better` than the floor by more than is usual for a perfect generator, or nothing."""
    away = figure["value"] - figure["floor"]
    if abs(away) <= CLEAR * spread:
        return ""
    if figure["better"] == "near floor":
        return "worse"
    return "worse" if (away > 0) == (figure["better"] == "lower") else "better"


def tables(measured: dict[str, Figures], spreads: Spreads) -> list[str]:
    """A table for each kind of features: a row a fault, a column a figure."""
    lines = []
    names = sorted(spreads, key=lambda name: [*FIGURES].index(name.partition("/")[0]))
    for features in dict.fromkeys(name.partition("/")[2] for name in spreads):
        columns = [name for name in names if name.partition("/")[2] == features]
        floors = next(iter(measured.values()))
        lines += [f"## Features: {features}", ""]
        lines += ["| pictures | " + " | ".join(name.partition("/")[0] for name in columns) + " |"]
        lines += ["|---" * (len(columns) + 1) + "|"]
        lines += ["| better | " + " | ".join(floors[name]["better"] for name in columns) + " |"]
        lines += ["| floor | " + " | ".join(number(floors[name]["floor"]) for name in columns) + " |"]
        lines += ["| perfect generator, from floor | " + " | ".join(number(spreads[name]) for name in columns) + " |"]
        for fault, figures in measured.items():
            cells = [marked(figures[name], spreads[name]) for name in columns]
            lines.append(f"| {fault} | " + " | ".join(cells) + " |")
        lines.append("")
    return lines


def marked(figure: dict[str, Any], spread: float) -> str:
    """The value: in bold where it is clearly worse than the floor, in italics where clearly better."""
    mark = {"worse": "**", "better": "*", "": ""}[verdict(figure, spread)]
    return f"{mark}{number(figure['value'])}{mark}"


def seen(measured: dict[str, Figures], spreads: Spreads) -> list[str]:
    """Everything at a glance: a row a figure, a column a fault."""
    faults_only = {fault: figures for fault, figures in measured.items() if fault != FRESH}
    signs = {"worse": "x", "better": "+", "": ""}
    lines = [
        "## Seen",
        "",
        "x: clearly worse than the floor, so the fault is seen. +: clearly better than the floor.",
        "",
    ]
    lines += ["| figure | " + " | ".join(faults_only) + " |", "|---" * (len(faults_only) + 1) + "|"]
    for name, spread in spreads.items():
        cells = [signs[verdict(figures[name], spread)] for figures in faults_only.values()]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return lines


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=5, help="cuts over which the spread is measured")
    parser.add_argument("--pictures", type=int, default=10_000, help="judged at a time")
    parser.add_argument("--of", type=int, help="only so many of the training pictures, to try the script")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "sensitivity.md")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    dataset, held_out = load_mnist("train").first(given.of), load_mnist("test")
    away: dict[str, list[float]] = {}
    measured: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as cache:
        for draw in range(given.draws):
            known, fresh, labels = cut(dataset, draw)
            judge = Judge(known, held_out, torch.device("cpu"), Plan(num_fakes=given.pictures), cache_dir=Path(cache))
            say(f"draw {draw}: ready")
            made = faults(fresh, labels, known.items[split_rows(known, judge.protocol)[1]], judge.protocol.num_fakes)
            for fault, make in made.items() if draw == 0 else [(FRESH, made[FRESH])]:
                figures = measure(judge, make())
                say(f"draw {draw}: {fault}")
                if draw == 0:
                    measured[fault] = figures
                if fault == FRESH:
                    for name, figure in figures.items():
                        away.setdefault(name, []).append(figure["value"] - figure["floor"])
    spreads = {name: torch.tensor(values).square().mean().sqrt().item() for name, values in away.items()}
    protocol = judge.protocol
    lines = [
        f"{protocol.num_fakes:,} pictures judged at a time against {protocol.num_reals:,}; the floor is that of "
        f"{protocol.num_floor:,} others.",
        f"Extractors: {', '.join(f'{name} `{hash_}`' for name, hash_ in protocol.extractors.items())}.",
        "",
        "Perfect generator, from floor: root mean square of figure minus floor, of unspoiled pictures, over "
        f"{given.draws} cuts.",
        f"Bold: worse than the floor by more than {CLEAR:g} times that. Italics: better than it by as much.",
        "Every fault is measured once, in the first cut.",
        "",
        *tables(measured, spreads),
        *seen(measured, spreads),
    ]
    write_results(given.out, "Which figure sees which fault", lines)


if __name__ == "__main__":
    main()
