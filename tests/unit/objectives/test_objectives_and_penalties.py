"""objectives/catalog.py: what the records say is what the settings ask for and what the documents list."""

import re
from pathlib import Path

import pytest

from ganforge.config import Config
from ganforge.objectives.catalog import OBJECTIVES, PENALTIES
from ganforge.objectives.settings import chosen_penalties, penalty_weights

DOCS = Path(__file__).parents[3] / "docs"


def listed_under(heading: str) -> set[str]:
    """The first column, where it is a name in code, of the tables under a heading of docs/recipes.md."""
    text = (DOCS / "recipes.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE))


def test_the_documents_list_every_objective_and_penalty() -> None:
    assert listed_under("Objectives") == {*OBJECTIVES}
    assert listed_under("Penalties") == {penalty.setting for penalty in PENALTIES.values()} | {"clip"}
    run_folder = (DOCS / "run-folder.md").read_text(encoding="utf-8")
    assert all(f"`Loss/D/{name}`" in run_folder for name in PENALTIES)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_documents_tell_each_loss_of_a_d_that_cannot_tell(name: str) -> None:
    [row] = re.findall(rf"^\| `{name}` \|.*", (DOCS / "recipes.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[
        -1:
    ]
    assert float(row.split("|")[4]) == pytest.approx(OBJECTIVES[name].undecided, abs=5e-4)


def test_each_penalty_has_its_weight_among_the_settings() -> None:
    config = Config(r1_gamma="auto", gp_weight=2.0)  # type: ignore[call-arg]
    assert penalty_weights(config) == {"r1": "auto", "r2": 0.0, "gp": 2.0, "dragan": 0.0}
    assert [penalty.name for penalty in chosen_penalties(config)] == ["r1", "gp"]
