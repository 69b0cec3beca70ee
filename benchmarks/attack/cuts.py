"""Random cuts: a run that is stopped at random places and resumed is the run of one go, to the bit."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from attack import runs
from attack.outcome import Attempt, Found
from attack.runs import Fixtures, run_in
from ganforge.run.folder import RunFolder

RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "note": ("note", {}),
    "ring": ("note", {"data": "ring", "metric_samples": 200}),
    "r1": ("note", {"r1_gamma": "1"}),
    "wgan-gp": ("note", {"objective": "wgan", "gp_weight": "10", "d_steps": 2}),
    "conditional": ("note", {"conditional": True}),
    "augmented": ("note", {"augment": "ada"}),
    "hinge": ("note", {"objective": "hinge"}),
    "relativistic": ("note", {"objective": "relativistic", "r1_gamma": "1", "shared_noise": False}),
    "convolutions": ("dcgan", {"g_hidden": None, "d_hidden": None, "g_width": 8, "d_width": 8}),
}
CUTS = 8
"""Runs of each recipe, each with one to four cuts."""


def attempts(fixtures: Fixtures, seed: int) -> Iterator[Attempt]:
    for name, (recipe, changes) in RECIPES.items():
        whole = fixtures.one_go(f"cuts-{name}", recipe, **changes)
        yield runs.normal("cuts", f"cuts-{name}", partial(in_one_go, recipe, changes), make_parent)
        for number in range(CUTS):
            chance = random.Random(f"{seed}-{name}-{number}")
            places = sorted(chance.sample(range(128, runs.TOTAL, 128), chance.randint(1, 4)))
            yield Attempt(
                "cuts", f"{name}, cut after {', '.join(map(str, places))} images", f"cuts-{name}",
                partial(with_cuts, recipe, changes, places), make_parent, partial(same, whole), limit_s=30,
            )  # fmt: skip


def make_parent(home: Path) -> None:
    run_in(home).parent.mkdir()


def in_one_go(recipe: str, changes: dict[str, Any], home: Path) -> int:
    return runs.train(run_in(home), recipe, **changes)


def with_cuts(recipe: str, changes: dict[str, Any], places: list[int], home: Path) -> int:
    first, *later = [*places, runs.TOTAL]
    status = runs.train(run_in(home), recipe, **changes, total_nimg=first)
    for total in later:
        status = status or runs.resume(run_in(home), total)
    return status


def same(whole: Path, home: Path) -> None:
    """Which snapshots and checkpoints are kept follows from the cuts, at which some are made; all else is the same."""
    one_go, run = RunFolder(whole), RunFolder(run_in(home))
    faults = [one for one in runs.differences(one_go, run) if not one.startswith(("checkpoints [", "snapshots ["))]
    for of in ("all_checkpoints", "all_snapshots"):
        if getattr(one_go, of)()[-1][0] != getattr(run, of)()[-1][0]:
            faults.append(f"{of}: the newest is another")
    if faults:
        raise Found("DIFFERENT", "; ".join(faults[:5]))
