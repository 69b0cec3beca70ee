"""The command that prepares pictures as a run had them; tests/unit/viewer/test_paintings.py has the rest."""

import shlex

import pytest
import torch

from ganforge.cli.main import make_parser
from ganforge.config import Config
from ganforge.data.dataset import Dataset
from ganforge.recipes.catalog import recipe
from ganforge.viewer.training_data import digest_of, prepare_command


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


def test_the_digest_is_the_data_sets_fingerprint() -> None:
    items = torch.arange(60, dtype=torch.uint8).reshape(5, 1, 3, 4)
    assert digest_of(items[:3]) == Dataset("a", "a", items[:3]).fingerprint()
