"""Remedies tried: each fault of diagnosis_cases.py is trained again as its first finding advises, and mended alive.

    python benchmarks/remedies.py train DIR --seeds 20,21,22      what is not in DIR yet; DIR: any folder
    python benchmarks/remedies.py report DIR --seeds 20,21,22     results/remedies.md, of the runs that are whole

What is advised is read off the faulty run of the same seed, as `ganforge diagnose` tells it: the first grave finding,
and where there is none the first word of advice. What would not be advised, since another remedy undoes the fault, is
tried, too; and so is --on-trouble mend, and, of runs that were good and are ruined midway, the same mends where going
back to the best checkpoint leaves the weights as they are. Beside these stands the same run without the fault. All are
judged in the end by the same figure, against the embedded digits (ring: against ring), whatever they learned from. The
note's runs are of digits here, which it learns in a minute: of MNIST, 160,000 images leave blots with any settings.
"""

import argparse
import json
import statistics
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from diagnosis_cases import FAULTS, RUINED, SHORT, Case
from reporting import write_results

import ganforge
from ganforge.config import make_config
from ganforge.diagnosis.command import remedied, remedies_for
from ganforge.diagnosis.findings import Finding, diagnose
from ganforge.judging.against import Against
from ganforge.judging.evaluation import Wanted, evaluate
from ganforge.run.folder import RunFolder
from ganforge.training.actions import Actions

RESULTS = Path(__file__).parent / "results" / "remedies.md"
DIGITS = {"data": "digits", "total_nimg": 400_000}
FAST, SLOW = {"total_nimg": 192_000}, {"total_nimg": 400_000}
LONGER: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("lr-0.1", "lr-1e-7", "d-weak", "d-strong", "beta1-0.99", "z-1"), DIGITS),
    "batch-2": {"data": "digits", "total_nimg": 96_000},
    "note-ring": SLOW,
    "wgan-clip-1": SLOW,
    **dict.fromkeys(("r1-1000", "five", "hundred", "shuffled-labels"), FAST),
    **{name: {} for name in RUINED},
}
"""By fault: what is found early shows in the figures late."""
RECORD, SOUND, MENDED = "judged", "without the fault", "--on-trouble mend"
STAYED = f"{MENDED}, but weights stay"


def case_of(name: str) -> Case:
    case = {**FAULTS, **RUINED}[name]
    return replace(case, settings={**case.settings, **LONGER[name]})


def first_finding(folder: RunFolder) -> Finding | None:
    config = folder.read_config()
    found = diagnose(config["settings"], config["data"], folder.rows(), folder.metrics_rows()).findings
    return next((one for one in found if one.trouble.grave), next(iter(found), None))


def figure(folder: RunFolder, data: str) -> float | None:
    """The headline of its newest snapshot, judged against ``data`` (once; the record stays beside the run)."""
    place = folder.path.with_suffix(f".{RECORD}")
    if not place.exists():
        if not folder.all_snapshots():
            return None
        evaluate(folder.path, Against(data), Wanted(samples=2_000), out=place)
    [path] = place.glob("*.json")
    record = json.loads(path.read_text())
    value = record["figures"][record["headline"]]["value"]
    return None if value is None else float(value)


def well(folder: RunFolder) -> bool:
    """Does nothing grave last?"""
    config = folder.read_config()
    found = diagnose(config["settings"], config["data"], folder.rows(), folder.metrics_rows()).lasting
    return not any(one.trouble.grave for one in found)


def ways(name: str, place: Path, seed: int) -> Iterator[tuple[str, RunFolder, Mapping[str, Any] | None]]:
    """(way, run, settings to train it by) of the fault, of what is advised, and of the run without it. A fault has to
    be trained before what is advised can be asked for; it has no settings here, since it is planted, nor has the run
    that is mended as it goes. What gives the very settings of the run without the fault is that run."""
    case = case_of(name)
    faulty = RunFolder(place / name / f"{seed}-fault")
    yield "the fault", faulty, None
    yield MENDED, RunFolder(place / name / f"{seed}-mended"), None
    kept = {
        key: case.settings[key]
        for key in ("total_nimg", "data", "conditional", "g_hidden", "d_hidden")
        if key in case.settings
    }
    sound = ganforge.recipe(case.recipe, **SHORT | kept, seed=seed).model_dump(mode="json")
    without = RunFolder(place / "sound" / "-".join([str(seed), case.recipe, *map(str, kept.values())]))
    if name in RUINED:
        yield STAYED, RunFolder(place / name / f"{seed}-stayed"), None
    finding = None if name in RUINED else first_finding(faulty)
    for at, remedy in enumerate(finding.trouble.remedies if finding else ()):
        settings = faulty.read_config()["settings"]
        if finding and remedy.change and (changed := remedied(remedy, settings)) is not None:
            folder = without if changed == sound else RunFolder(place / name / f"{seed}-{finding.name}-{at}")
            advised = changed in [settings for _, settings in remedies_for(finding.trouble, settings)]
            yield f"{finding.name}: {remedy.does}{'' if advised else ' (not advised)'}", folder, changed
    yield SOUND, without, sound


def train(place: Path, names: list[str], seeds: list[int]) -> None:
    for seed in seeds:
        for name in names:
            case = case_of(name)
            for way, folder, settings in ways(name, place, seed):
                if folder.exists():
                    continue
                folder.path.parent.mkdir(parents=True, exist_ok=True)
                if settings is None:
                    more = {"on_trouble": "mend"} if way in (MENDED, STAYED) else {}
                    stays = patch.object(Actions, "take_best", lambda actions, nimg: None)
                    with stays if way == STAYED else nullcontext():
                        replace(case, settings={**case.settings, **more}).train(seed, str(folder.path))
                else:  # of planted pictures, where the fault is theirs
                    with nullcontext({}) if way == SOUND else case.plant(seed) as more:
                        ganforge.train(make_config({**settings, **more}), folder.path)
                print(seed, name, way, figure(folder, judged_by(case)), flush=True)


def judged_by(case: Case) -> str:
    return "ring" if case.settings["data"] == "ring" else "digits"


def is_whole(folder: RunFolder) -> bool:
    return bool(folder.read_status().get("state") == "finished")


def report(place: Path, names: list[str], seeds: list[int], out: Path) -> None:
    lines = [
        f"Seeds {', '.join(map(str, seeds))}. Figure: FD/random (ring: FD/coordinates) of 2,000 pictures of the newest "
        "snapshot against the digits' train split: mean (least to most), lower is better. Well: runs in which nothing "
        "grave lasts to the end. As good: runs whose figure is at most the worst of those without the fault.",
        "",
        "| fault | way | figure | well | as good |",
        "|---|---|---|---|---|",
    ]
    for name in names:
        found: dict[str, list[tuple[float | None, bool]]] = {}
        for seed in seeds:
            if not is_whole(RunFolder(place / name / f"{seed}-fault")):
                continue
            for way, folder, _ in ways(name, place, seed):
                if is_whole(folder):
                    found.setdefault(way, []).append((figure(folder, judged_by(case_of(name))), well(folder)))
        best = max(value for value, _ in found[SOUND] if value is not None)
        lines += [f"| {name} | {way} | {told(runs, best)} |" for way, runs in found.items()]
    write_results(out, "Remedies for planted faults", lines)


def told(runs: list[tuple[float | None, bool]], best: float) -> str:
    values = [value for value, _ in runs if value is not None]
    text = f"{statistics.mean(values):.3g} ({min(values):.3g} to {max(values):.3g})" if values else "none"
    good = sum(value <= best for value in values)
    return f"{text} | {sum(well for _, well in runs)} of {len(runs)} | {good} of {len(runs)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("train", "report"))
    parser.add_argument("place", type=Path)
    parser.add_argument("--seeds", default="20,21,22")
    parser.add_argument("--only", default=",".join(LONGER))
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    seeds, names = [int(seed) for seed in given.seeds.split(",")], given.only.split(",")
    if given.do == "train":
        train(given.place, names, seeds)
    else:
        report(given.place, names, seeds, given.out)


if __name__ == "__main__":
    main()
