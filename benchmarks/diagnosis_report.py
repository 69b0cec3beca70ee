"""What the detectors find in the runs of benchmarks/diagnosis.py, and what looking costs, as tables."""

import json
import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diagnosis_cases import CASES, FAULTS, HEALTHY
from reporting import write_results

import ganforge
from ganforge.diagnosis.findings import Diagnosis, Finding, diagnose, take_before
from ganforge.metrics.trend import best_so_far, series
from ganforge.training.health import Health

SET_ON = (
    "Thresholds were set on the runs of seeds 0 and 1, but for what was changed after later seeds were seen: "
    "`oscillation` has to be seen in three rows since note-digits of seed 10 was called so for two; points that still "
    "spread, and an average that is far behind for a row or two, are left in peace since lsgan-grid and r1-ring of "
    "seed 11 were called `oscillation`, `missing-modes` and `average-lags` (2 of its 30 healthy runs, each over before "
    "the end); `rates-too-high` looks for what far too high rates leave behind since lr-0.1 of seed 12 was not called "
    "so; and `leaking-augmentation` was set on last pictures of seed 12 and short runs of seed 1."
)
WORSE = 3.0
COSTS = {
    "note on MNIST": ("note", {"data": "mnist", "total_nimg": 64_000}),
    "note on digits": ("note", {"data": "digits", "total_nimg": 64_000}),
    "fast on MNIST": ("fast", {"data": "mnist", "total_nimg": 24_000}),
    "fast on digits": ("fast", {"data": "digits", "total_nimg": 24_000}),
    "r1 on digits": ("r1", {"data": "digits", "total_nimg": 24_000}),
}


def report(place: Path, seeds: list[int], out: Path, *, cost: bool) -> None:
    """Write the tables of the runs in ``place`` that there are."""
    found = {(name, seed): looked for name in CASES for seed in seeds if (looked := look(place / name / str(seed)))}
    lines = [
        f"{SET_ON} This is of seeds {', '.join(map(str, seeds))}. A name is followed by the images (in thousands) at "
        "which it was found, and, where it was over later, at which it was; advice, which is no fault, is in brackets.",
        "",
        *faults(found, seeds),
        *healthy(found, seeds),
    ]
    if cost:
        lines += costs()
    write_results(out, "Diagnosis: planted faults found, healthy runs left in peace", lines)


def look(run: Path) -> Diagnosis | None:
    """The diagnosis of a run's log; None where there is no log."""
    if not (run / "stats.jsonl").exists():
        return None
    config = json.loads((run / "config.json").read_text())
    before = dict[str, Finding]()
    for event in lines_of(run / "findings.jsonl"):
        take_before(before, event)
    rows, records = lines_of(run / "stats.jsonl"), lines_of(run / "metrics.jsonl")
    return diagnose(config["settings"], config["data"], rows, records, before=before)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def faults(found: dict[tuple[str, int], Diagnosis], seeds: list[int]) -> Iterator[str]:
    yield from (
        "## Planted faults",
        "",
        "| fault | seed | before training | while training | images | all that was found while training |",
        "|---|---|---|---|---|---|",
    )
    hits = total = 0
    for name, case in FAULTS.items():
        for seed in seeds:
            if (looked := found.get((name, seed))) is None:
                continue
            hit = next((one for one in looked.in_log if one.name in case.expected), None)
            hits, total = hits + (hit is not None), total + 1
            named = f"{hit.name} | {hit.found:,} of {length(looked):,}" if hit else "**not found** | "
            before = ", ".join(one.name for one in looked.before.values() if one.trouble.grave)
            yield f"| {name} | {seed} | {before} | {named} | {told(looked)} |"
    yield from ("", f"Found by a fitting name while training: {hits} of {total}.", "")
    yield from ("`lr-1e10` (the first step is not finite) and `black` (equal pictures) end with an error.", "")


def healthy(found: dict[tuple[str, int], Diagnosis], seeds: list[int]) -> Iterator[str]:
    yield from (
        "## Healthy runs",
        "",
        "A finding is borne out where the run's own headline figure, measured apart from the signs of health, was "
        f"more than {WORSE:g} times the run's best, or the median end of the runs of its row, while it lasted or in "
        "the end.",
        "",
        "| run | runs | with a grave finding | borne out | all that was found, by seed |",
        "|---|---|---|---|---|",
    )
    runs = grave = borne_out = 0
    for name in HEALTHY:
        looked = {seed: found[f"healthy/{name}", seed] for seed in seeds if (f"healthy/{name}", seed) in found}
        if not looked:
            continue
        wrong = [each for each in looked.values() if any(one.trouble.grave for one in each.findings)]
        usual = statistics.median([values[-1] for each in looked.values() if (values := figures(each))] or [0.0])
        true = [each for each in wrong if is_worse(each, usual)]
        runs, grave, borne_out = runs + len(looked), grave + len(wrong), borne_out + len(true)
        texts = [f"{seed}: {text}" for seed, each in looked.items() if (text := told(each))]
        yield f"| {name} | {len(looked)} | {len(wrong)} | {len(true)} | {'; '.join(texts)} |"
    yield from (
        "", f"Runs with a grave finding at any row: {grave} of {runs}; borne out: {borne_out}; false: "
        f"{grave - borne_out}.", "",
    )  # fmt: skip


def told(looked: Diagnosis) -> str:
    """All findings, in the order in which they were found."""
    texts = []
    for one in looked.in_log:
        until = "" if one.until is None else f" to {one.until // 1000}k"
        text = f"{one.name} {one.found // 1000}k{until}"
        texts.append(text if one.trouble.grave else f"({text})")
    return ", ".join(texts)


def figures(looked: Diagnosis, begin: float = 0, end: float = math.inf) -> list[float]:
    """The headline figure above its floor, oldest first, as it was measured from ``begin`` to ``end`` images."""
    records = looked.history.records
    best = best_so_far(records)
    floor = (best.floor or 0.0) if best else 0.0
    return [value - floor for nimg, value in series(records) if begin <= nimg <= end]


def is_worse(looked: Diagnosis, usual: float) -> bool:
    """Was the figure more than ``WORSE`` times the run's best, or the usual end, while something grave lasted or at the
    end?"""
    spans = [(one.since, one.until or math.inf) for one in looked.in_log if one.trouble.grave]
    values = [value for span in spans for value in figures(looked, *span)] + figures(looked)[-1:]
    return max(values, default=0.0) > WORSE * min([*figures(looked), usual])


def length(looked: Diagnosis) -> int:
    return int(looked.history.settings["total_nimg"])


def costs() -> Iterator[str]:
    """Seconds that a row's signs take, beside those between two rows at the recipe's own interval."""
    yield from (
        "## Cost",
        "",
        "| run | images between rows | training, s | signs of health, s | share |",
        "|---|---|---|---|---|",
    )
    spent: list[float] = []
    plain = Health.row

    def timed(self: Health) -> dict[str, float | list[float]]:
        start = time.perf_counter()
        row = plain(self)
        spent.append(time.perf_counter() - start)
        return row

    Health.row = timed  # type: ignore[method-assign]
    try:
        for title, (recipe, settings) in COSTS.items():
            spent.clear()
            with tempfile.TemporaryDirectory() as place:
                run = Path(place) / "run"
                ganforge.train(recipe, run, **settings)
                interval = json.loads((run / "config.json").read_text())["settings"]["report_nimg"]
                rows = lines_of(run / "stats.jsonl")
            rate = sorted(row["Timing/images_per_sec"] for row in rows)[len(rows) // 2]
            sign = sorted(spent)[len(spent) // 2]
            yield f"| {title} | {interval:,} | {interval / rate:.2f} | {sign:.4f} | {sign * rate / interval:.2%} |"
    finally:
        Health.row = plain  # type: ignore[method-assign]
    yield ""
