"""Promise 10: N processes = 1 process within rounding, for every recipe; a run goes on with another number of them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from process_groups import together
from short_runs import begin, checkpoint_of, go_on_with, tiny
from test_exact_resume import CASES, nimg_after, settings_of
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.recipes.catalog import RECIPES
from ganforge.run.folder import RunFolder
from ganforge.training.processes import Processes, refuse_uneven

STEPS = 3
OF_2 = [
    *("note", "dcgan", "fast", "r1", "lsgan", "wgan-gp", "dragan", "sngan", "r3gan", "cgan"),
    *(
        "wgan without its schedule",
        "diffaugment",
        "told photo, shifted",
        "ada",
        "conditional dcgan",
        "accumulated, shared noise",
    ),
    *("conditional sngan", "spectral norm", "upsample and recurrent"),
]
OF_3 = {"three of dcgan": ("dcgan", {"batch_size": 12, "g_width": 4, "d_width": 4})}
"""Of ``CASES``, and cases of their own."""


def settings_until(case: str, steps: int) -> dict[str, Any]:
    return settings_of(case) | {"total_nimg": nimg_after(case, steps)}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs by two processes: each case, and what ``test_resumed_...`` look at."""
    out = tmp_path_factory.mktemp("shared")
    begin(out / "one, then two", "dcgan", **settings_until("dcgan", STEPS))
    jobs: list[dict[str, Any]] = [
        {"out": str(out / case), "recipe": CASES[case][0], "settings": settings_until(case, STEPS)} for case in OF_2
    ]
    longer = {"total_nimg": nimg_after("dcgan", 2 * STEPS)}
    jobs += [
        {"out": str(out / "two at once"), "recipe": "dcgan", "settings": settings_until("dcgan", 2 * STEPS)},
        {"out": str(out / "two, then two"), "recipe": "dcgan", "settings": settings_until("dcgan", STEPS)},
        {"out": str(out / "two, then two"), "settings": longer},
        {"out": str(out / "one, then two"), "settings": longer},
        {"out": str(out / "two, then one"), "recipe": "dcgan", "settings": settings_until("dcgan", STEPS)},
    ]
    together(2, jobs)
    return out


def of_network(tensors: dict[str, Tensor], name: str) -> Tensor:
    """All weights and buffers of a network. Together, as the gradient of a bias before a batch norm is 0, of which
    rounding is all that an optimizer sees."""
    return torch.cat([t.double().flatten() for key, t in tensors.items() if key.startswith(f"{name}.")])


def assert_equal_to_rounding(ours: RunFolder, expected: RunFolder, most: float) -> None:
    nimg = expected.all_checkpoints()[-1][0]
    (mine, facts), (theirs, their_facts) = checkpoint_of(ours, nimg), checkpoint_of(expected, nimg)
    assert facts == their_facts and mine.keys() == theirs.keys()
    told = {name: (mine[name], theirs[name]) for name in theirs if name.startswith("stats.")}
    told |= {name: (of_network(mine, name), of_network(theirs, name)) for name in ("G", "D")}
    apart = {name: ((one - other).norm() / other.norm()).item() for name, (one, other) in told.items()}
    assert {name: share for name, share in apart.items() if share > most} == {}
    assert [row["nimg"] for row in ours.rows()] == [row["nimg"] for row in expected.rows()]
    assert [nimg for nimg, _ in ours.all_fakes()] == [nimg for nimg, _ in expected.all_fakes()]


def test_every_recipe_is_shared() -> None:
    assert {CASES[case][0] for case in OF_2} == RECIPES.keys()


@pytest.mark.parametrize("case", OF_2)
def test_two_processes_are_as_one(case: str, shared: Path, tmp_path: Path) -> None:
    one = begin(tmp_path / "one", CASES[case][0], **settings_until(case, STEPS))
    assert_equal_to_rounding(RunFolder(shared / case), one, 2e-5)


def test_three_processes_are_as_one(tmp_path: Path) -> None:
    jobs = []
    for case, (recipe_name, changes) in OF_3.items():
        settings = changes | {"total_nimg": STEPS * changes["batch_size"]}
        jobs.append({"out": str(tmp_path / case), "recipe": recipe_name, "settings": settings})
    together(3, jobs)
    for job in jobs:
        one = begin(tmp_path / f"one, {Path(job['out']).name}", job["recipe"], **job["settings"])
        assert_equal_to_rounding(RunFolder(job["out"]), one, 2e-5)


@pytest.mark.parametrize("how", ["one, then two", "two, then one"])
def test_resumed_by_another_number_of_processes(how: str, shared: Path) -> None:
    if how == "two, then one":
        go_on_with(shared / how, total_nimg=nimg_after("dcgan", 2 * STEPS))
    ours = RunFolder(shared / how)
    assert_equal_to_rounding(ours, RunFolder(shared / "two at once"), 2e-5)
    assert sorted(entry["processes"] for entry in ours.read_config()["environment"]) == [1, 2]


def test_resumed_by_as_many_processes(shared: Path) -> None:
    nimg = nimg_after("dcgan", 2 * STEPS)
    ours, whole = (checkpoint_of(RunFolder(shared / how), nimg)[0] for how in ("two, then two", "two at once"))
    assert [name for name, tensor in whole.items() if not torch.equal(ours[name], tensor)] == []


@pytest.mark.parametrize(
    ("size", "parts", "count", "told"),
    [(50, 1, 3, "by 3 processes; choose 48 or 51"), (2, 1, 4, "choose 4,"), (64, 4, 3, "in 4 parts, by 3.*60 or 72")],
)
def test_uneven_shares_are_refused(size: int, parts: int, count: int, told: str) -> None:
    refuse_uneven(size, parts, Processes())
    with pytest.raises(UserError, match=told):
        refuse_uneven(size, parts, Processes(0, count))
    refuse_uneven(count * parts * 2, parts, Processes(0, count))


def test_tiny_settings_are_shared_evenly() -> None:
    for case in OF_2:
        config = tiny(CASES[case][0], **settings_of(case))
        refuse_uneven(config.batch_size, config.accumulate, Processes(0, 2))
