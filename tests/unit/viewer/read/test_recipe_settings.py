import json
import shlex
from typing import Any

import pytest

from ganforge.base.errors import UserError
from ganforge.base.wording import option_text
from ganforge.cli.main import make_parser
from ganforge.cli.options import settings_given
from ganforge.config import Config
from ganforge.diagnosis.command import command
from ganforge.recipes.catalog import RECIPES, recipe
from ganforge.viewer.read.recipe_settings import beside_recipe


def written(name: str, **changes: Any) -> dict[str, Any]:
    """The settings as config.json gives them back."""
    return json.loads(recipe(name, **changes).model_dump_json())


def understood(line: str) -> Config:
    """What `ganforge train` makes of the command line."""
    words = shlex.split(line)
    assert words[:2] == ["ganforge", "train"]
    given = make_parser(words[1:])[0].parse_args(words[1:])
    return recipe(given.recipe, **settings_given(given))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_as_it_is_needs_its_name_only(name: str) -> None:
    assert command(written(name)) == f"ganforge train {name}"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("fast", {"total_nimg": 60_000, "threads": 1}),
        ("fast", {"total_nimg": 60_000, "burn_in_nimg": 1_000, "lr_end": 0.25}),
        ("fast", {"total_nimg": 40_000, "d_base_size": 4}),
        ("note", {"max_images": None, "g_hidden": (3, 4, 5), "fused_adam": False, "lr": 1.23456789e-5}),
        ("note", {"d_hidden": (), "data_dir": "-a folder's name", "conditional": True}),
        ("r3gan", {"gamma_end": None, "beta2_end": 0.95, "total_nimg": 123_456}),
        ("dcgan", {"d_norm": "layer", "gp_weight": 10.0}),
        ("note", {"g_hidden": tuple(range(1, 60))}),
    ],
)
def test_the_command_gives_the_same_settings(name: str, changes: dict[str, Any]) -> None:
    assert understood(command(written(name, **changes))) == recipe(name, **changes)


def test_what_follows_from_another_setting_is_left_out() -> None:
    assert command(written("fast", total_nimg=60_000)) == "ganforge train fast --total-nimg 60000"
    assert command(written("fast", total_nimg=40_000)) == "ganforge train fast --total-nimg 40000"


@pytest.mark.parametrize(
    "change", [{"recipe": "no-such"}, {"z_dim": "many"}, {"newer": 1}, {"recipe": None}, {"lr": float("nan")}]
)
def test_unknown_settings_have_no_command(change: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        command(written("note") | change)


def test_only_what_differs_has_the_recipes_own_beside_it() -> None:
    listed, why = beside_recipe(written("note", lr=0.1, max_images=None))
    assert why == ""
    assert {one.name: (one.value, one.default) for one in listed if one.default is not None} == {
        "lr": ("0.1", "0.0003"),
        "max_images": ("none", "50000"),
    }
    assert [one.meaning for one in listed if one.name == "lr"] == ["Learning rate, for both networks."]


def test_settings_of_an_unknown_recipe_are_listed_all_the_same() -> None:
    listed, why = beside_recipe({"recipe": "no-such", "lr": 0.1, "newer": [1, 2]})
    assert why.startswith("The recipe's own settings are not known here: There is no recipe 'no-such'")
    assert [(one.name, one.value, one.default) for one in listed] == [
        ("recipe", "no-such", None),
        ("lr", "0.1", None),
        ("newer", "1,2", None),
    ]


def test_values_are_written_as_they_are_typed() -> None:
    assert [option_text(value) for value in (None, True, [1024, 8], (), 1e-5)] == [
        "none",
        "True",
        "1024,8",
        "",
        "1e-05",
    ]


def test_very_many_or_long_settings_are_cut_and_counted() -> None:
    shown, why = beside_recipe({"recipe": "note"} | {f"s{number}" * 500: "v" * 9_000 for number in range(400)})
    assert len(shown) == 200
    assert max(len(setting.name) + len(setting.value) for setting in shown) == 400
    assert why == "201 settings more than 200 are left out."
