"""The command that prepares pictures as a run had them; sampler/test_rendered_samples.py has the rest."""

import shlex

import pytest

from ganforge.cli.main import make_parser
from ganforge.config import Config
from ganforge.recipes.catalog import recipe
from ganforge.viewer.read.training_data import prepare_command


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"size": "24x40", "fit": "pad", "background": "black"},
        {"channels": 3, "max_broken": 7},
        {"hold_out": "none"},
    ],
)
def test_the_command_asks_for_the_runs_own_shape(settings: dict[str, object]) -> None:
    words = shlex.split(prepare_command(recipe("note", **{"data": "digits"} | settings)).strip("`."))
    parser, _ = make_parser(words[1:])
    given = vars(parser.parse_args(words[1:]))
    assert {name: given[name] for name in Config.model_fields if name in given and name != "data_dir"} == {
        name: str(value) for name, value in settings.items()
    }
