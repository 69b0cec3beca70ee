"""Remedies tried: each fault of diagnosis_cases.py is trained again as its first finding advises.

    python benchmarks/remedies.py DIR --seeds 20,21,22       DIR: any folder; runs that are there are not trained again

What is advised is read off the faulty run of the same seed, as `ganforge diagnose` tells it. Beside it stands the same
run without the fault. The figure is the last one of the run's own protocol (FD/random of 1,000 pictures).
"""

import argparse
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diagnosis_cases import FAULTS, SHORT, Case
from reporting import write_results

import ganforge
from ganforge.config import make_config
from ganforge.diagnosis.command import remedied
from ganforge.diagnosis.findings import Finding, diagnose
from ganforge.run.folder import RunFolder

RESULTS = Path(__file__).parent / "results" / "remedies.md"
KEPT = ("data", "total_nimg")
"""Settings of a case that are no part of its fault."""


def first_finding(folder: RunFolder) -> Finding | None:
    """The grave finding that was found first."""
    config = folder.read_config()
    found = diagnose(config["settings"], config["data"], folder.rows(), folder.metrics_rows()).findings
    return next((finding for finding in found if finding.trouble.grave), None)


def last_figure(folder: RunFolder) -> float | None:
    records = [row for row in folder.metrics_rows() if row["headline"] is not None]
    return records[-1]["figures"][records[-1]["headline"]]["value"] if records else None


def trained(place: Path, settings: Mapping[str, Any]) -> float | None:
    folder = RunFolder(place)
    if not folder.exists():
        folder = ganforge.train(make_config(dict(settings)), place)
    return last_figure(folder)


def longer(case: Case, times: int) -> Case:
    """What is found early shows in the figures late: at the length of the cases, the note's pictures are blots."""
    return replace(case, settings={**case.settings, "total_nimg": times * case.settings["total_nimg"]})


def rows_of(name: str, case: Case, place: Path, seeds: list[int]) -> list[str]:
    """A row for the fault, one for each remedy that changes settings, one for the run without the fault."""
    found: dict[str, list[float | None]] = {}
    names: set[str] = set()
    for seed in seeds:
        faulty = RunFolder(place / name / f"fault-{seed}")
        if not faulty.exists():
            case.train(seed, str(faulty.path))
        settings = faulty.read_config()["settings"]
        found.setdefault("the fault", []).append(last_figure(faulty))
        finding = first_finding(faulty)
        names.add(finding.name if finding else "nothing")
        for at, remedy in enumerate(finding.trouble.remedies if finding else ()):
            if remedy.change and (changed := remedied(remedy, settings)) is not None:
                figure = trained(place / name / f"{finding.name if finding else ''}-{at}-{seed}", changed)
                found.setdefault(f"{at + 1}. {remedy.does}", []).append(figure)
        kept = {key: value for key, value in case.settings.items() if key in KEPT}
        healthy = ganforge.recipe(case.recipe, **SHORT | kept, seed=seed).model_dump()
        found.setdefault("without the fault", []).append(trained(place / name / f"healthy-{seed}", healthy))
    print(name, names, found, flush=True)
    return [f"| {name} | {', '.join(sorted(names))} | {way} | {told(values)} |" for way, values in found.items()]


def told(values: Iterable[float | None]) -> str:
    """Mean and range; how many runs came to no figure."""
    read = [value for value in values if value is not None]
    none = len(list(values)) - len(read)
    ending = f"; {none} with no figure" if none else ""
    return (f"{statistics.mean(read):.3g} ({min(read):.3g} to {max(read):.3g})" if read else "") + ending


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", type=Path)
    parser.add_argument("--seeds", default="20,21,22")
    parser.add_argument("--only", default="")
    parser.add_argument("--longer", type=int, default=4, help="so many times the length at which faults are found")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    seeds = [int(seed) for seed in given.seeds.split(",")]
    cases = {n: case for n, case in FAULTS.items() if not given.only or n in given.only.split(",")}
    lines = [
        f"Seeds {', '.join(map(str, seeds))}; the last measurement of each run: mean (least to most). Lower is better.",
        "",
        "| fault | found first | way | figure |",
        "|---|---|---|---|",
    ]
    for name, case in cases.items():
        lines += rows_of(name, longer(case, given.longer), given.place, seeds)
    write_results(given.out, "Remedies for planted faults", lines)


if __name__ == "__main__":
    main()
