"""Random cuts: a run that is stopped at random places and resumed is the run of one go, to the bit."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from attack import runs
from attack.fork import Attempt, Found
from attack.runs import Fixtures, run_in

RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "note": ("note", {}),
    "ring": ("note", {"data": "ring", "metric_samples": 200}),
    "r1": ("r1", {}),
    "wgan-gp": ("wgan-gp", {"d_steps": 2}),
    "conditional": ("note", {"conditional": True}),
    "augmented": ("note", {"augment": "ada"}),
    "hinge": ("note", {"objective": "hinge", "d_norm": "spectral"}),
    "relativistic": ("note", {"objective": "relativistic", "r1_gamma": "1"}),
}
CUTS = 8
"""Runs of each recipe, each with one to four cuts."""


def attempts(fixtures: Fixtures, seed: int) -> Iterator[Attempt]:
    for name, (recipe, changes) in RECIPES.items():
        whole = fixtures.one_go(f"cuts-{name}", recipe, **changes)
        yield runs.normal("cuts", f"cuts-{name}", partial(in_one_go, recipe, changes), make_parent)
        for number in range(CUTS):
            chance = random.Random(f"{seed}-{name}-{number}")
            places = sorted(chance.sample(range(64, runs.TOTAL, 64), chance.randint(1, 4)))
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
    from ganforge.run.folder import RunFolder

    faults = runs.differences(RunFolder(whole), RunFolder(run_in(home)))
    if faults:
        raise Found("DIFFERENT", "; ".join(faults[:5]))
