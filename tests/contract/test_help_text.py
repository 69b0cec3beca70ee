"""The help is what docs/help.txt shows, and every setting is an option with its description.

Where a change of the help is meant: `python tests/contract/test_help_text.py` writes docs/help.txt anew.
"""

import argparse
import contextlib
import io
import os
from pathlib import Path

import pytest

from ganforge.cli.main import main, make_parser
from ganforge.config import MAY_CHANGE, Config
from ganforge.recipes.catalog import RECIPES, recipe

SHOWN = Path(__file__).parents[2] / "docs" / "help.txt"
COMMANDS = ([], ["train"], ["resume"], ["sample"], ["evaluate"], ["diagnose"], ["explain"], ["compare"], ["report"],
            ["watch"], ["data"], ["export"], ["push"], ["runs"], ["help"], ["completion"])  # fmt: skip
AGAIN = (
    "the help has changed: look at the difference, and if it is meant, run `python tests/contract/test_help_text.py`"
)
SETTINGS = [name for name in Config.model_fields if name != "recipe"]


def help_of(command: list[str]) -> str:
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
        main([*command, "--help"])
    return written.getvalue()


def all_help() -> str:
    parts = [f"$ {' '.join(['ganforge', *command, '--help'])}\n{help_of(command)}" for command in COMMANDS]
    return "\n".join(parts)


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


def test_the_help_is_the_documented_one() -> None:
    # Python's releases break the lines of a usage differently, so words are compared, not lines.
    assert all_help().split() == SHOWN.read_text(encoding="utf-8").split(), AGAIN


def test_nobody_needs_more_than_a_hundred_columns() -> None:
    assert not [line for line in SHOWN.read_text(encoding="utf-8").splitlines() if len(line) > 120]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_an_option_with_its_description(name: str) -> None:
    description = Config.model_fields[name].description
    assert description
    assert description.endswith(".")
    _, verbs = make_parser([])
    for verb in ("train", "resume"):
        [action] = [action for action in verbs[verb]._actions if action.dest == name]
        assert action.option_strings[0] == f"--{name.replace('_', '-')}"
        if verb == "resume" and name == "data":  # which means another thing there
            assert (action.help or "").startswith("Where the pictures that the run learns from are now")
        elif verb == "resume" and name not in MAY_CHANGE:
            assert action.help == argparse.SUPPRESS  # understood, so that the refusal can say why
        else:
            assert (action.help or "").startswith(description.removesuffix("."))


@pytest.mark.parametrize("recipe_name", RECIPES)
def test_a_recipes_help_shows_its_own_defaults(recipe_name: str) -> None:
    words = [word.removesuffix(",") for word in help_of(["train", recipe_name]).split()]
    config = recipe(recipe_name)
    for name in SETTINGS:
        value = getattr(config, name)
        if value is not None:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            start = words.index(f"--{name.replace('_', '-')}", words.index("settings"))  # past the usage
            shown = words.index("(default:", start)
            assert words[shown + 1] == f"{text})", name


def test_the_verbs_are_all_listed() -> None:
    lines = help_of([]).splitlines()
    _, verbs = make_parser([])
    assert [verb for verb in verbs if not any(f"{line} ".startswith(f"    {verb} ") for line in lines)] == []


if __name__ == "__main__":
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1"}
    SHOWN.write_text(all_help(), encoding="utf-8", newline="\n")
