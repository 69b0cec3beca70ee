"""recipes.py: the note's settings are the note's, and every recipe says where it comes from."""

import json

import pytest

from ganforge.base.errors import UserError
from ganforge.config import Config, make_config
from ganforge.data.catalog import DATA_SETS
from ganforge.recipes import RECIPES, note, recipe

THE_NOTE = {
    "data": "mnist", "max_images": 50_000, "z_dim": 96, "noise": "uniform", "g_hidden": (1024, 1024),
    "d_hidden": (256, 256), "batch_size": 128, "lr": 3e-4, "beta1": 0.5, "beta2": 0.999, "ema_halflife_nimg": None,
    "total_nimg": 10 * 50_000, "report_nimg": 250 * 128, "grid_size": 4,
}  # fmt: skip


def test_the_notes_settings() -> None:
    config = note()
    assert {name: getattr(config, name) for name in THE_NOTE} == THE_NOTE
    assert -(-config.total_nimg // config.batch_size) == 3907  # steps


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_named_sourced_and_whole(name: str) -> None:
    config = recipe(name)
    assert config.recipe == name
    assert config.data in DATA_SETS
    assert make_config(json.loads(config.model_dump_json())) == config
    text = RECIPES[name].__doc__ or ""
    assert [word for word in ("Source: ", "Expect: ", "Cost: ") if word not in text] == []


@pytest.mark.parametrize("name", RECIPES)
def test_changes_are_taken_and_validated(name: str) -> None:
    assert recipe(name, lr=0.5, data="ring") == Config.model_validate(
        recipe(name).model_dump() | {"lr": 0.5, "data": "ring"}
    )
    with pytest.raises(UserError, match="lr cannot be '0'"):
        recipe(name, lr=0)
    with pytest.raises(UserError, match="no setting 'learning_rate'"):
        recipe(name, learning_rate=1)


def test_an_unknown_recipe_is_refused_with_a_guess() -> None:
    with pytest.raises(UserError, match=r"no recipe 'notes'; did you mean 'note'\? \(the recipes: note"):
        recipe("notes")
    with pytest.raises(UserError, match=r"no recipe 'xyz' \(the recipes: note"):
        recipe("xyz")
