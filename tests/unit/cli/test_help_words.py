"""`ganforge help WORD`: every word of ganforge's is told from its own record."""

from pathlib import Path

import pytest

from ganforge.cli.help import look_up, rendered
from ganforge.cli.main import main, make_parser
from ganforge.cli.meanings import Meaning, all_meanings
from ganforge.cli.vocabulary import terms
from ganforge.config import Config
from ganforge.data.catalog import DATA_SETS
from ganforge.metrics.catalog import EXTRACTORS, FIGURES
from ganforge.networks.catalog import FAMILIES
from ganforge.objectives.catalog import OBJECTIVES, PENALTIES
from ganforge.recipes.catalog import RECIPES

RECORDS = {name: one.source for part in (OBJECTIVES, PENALTIES, FAMILIES, FIGURES, EXTRACTORS, RECIPES)
           for name, one in part.items()}  # fmt: skip
VOCABULARY = Path(__file__).parents[3] / "docs" / "vocabulary.md"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["help", *words]) == 0
    return " ".join(capsys.readouterr().out.split())


def told_of(word: str, found: list[Meaning]) -> str:
    """The same without a command line for each word."""
    return " ".join(" ".join(map(rendered, look_up(word, found))).split())


def test_every_record_setting_and_command_is_told() -> None:
    parsers = make_parser([])[1]
    found = all_meanings(parsers)
    for name, source in RECORDS.items():
        assert " ".join(source.split()) in told_of(name, found), name
    for name, field in Config.model_fields.items():
        if name != "recipe":
            for spelling in (name, f"--{name.replace('_', '-')}", name.replace("_", "-").upper()):
                assert " ".join((field.description or "?").split()) in told_of(spelling, found)
    for verb, parser in parsers.items():
        assert " ".join(parser.format_help().split()) in told_of(verb, found)
    for name, summary in DATA_SETS.items():
        assert summary[1:] in told_of(name, found)


def test_every_term_of_the_vocabulary_is_told() -> None:
    lines = VOCABULARY.read_text(encoding="utf-8").splitlines()
    rows, tables = (sum(line.startswith(begin) for line in lines) for begin in ("| ", "|-"))
    found, meanings = list(terms()), all_meanings(make_parser([])[1])
    assert len(found) == rows - tables > 60
    for term in found:
        for word in term.words:
            assert all(" ".join(cell.split()) in told_of(word, meanings) for cell in term.cells if cell), word


def test_one_word_may_mean_several_things(capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, "r1")
    assert "r1: a recipe" in said
    assert "r1: a penalty (--r1-gamma)" in said
    assert "FD: a figure" in told(capsys, "FD/classifier")
    assert "classifier: an extractor" in told(capsys, "fd/classifier")


def test_what_a_setting_may_be_and_which_recipes_choose(capsys: pytest.CaptureFixture[str]) -> None:
    assert "a whole number above 0 to 65,536. Default: 96; with fast 100" in told(capsys, "z_dim")
    assert "It is a number from 0 or auto." in told(capsys, "r1_gamma")
    assert "It is batch, layer, spectral, unnormalised or none." in told(capsys, "d_norm")
    assert "an option (of `ganforge sample`)" in told(capsys, "--fps")


def test_a_word_that_is_not_known_gets_those_near_it(capsys: pytest.CaptureFixture[str]) -> None:
    for word, near in (("wgna", "did you mean 'wgan'?"), ("gamma", "it is part of r1_gamma, r2_gamma, gamma_end"),
                       ("zzzzz", "There is no help on 'zzzzz' (")):  # fmt: skip
        assert main(["help", word]) == 2
        assert near in capsys.readouterr().err


def test_without_a_word_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys)
    for meaning in all_meanings(make_parser([])[1]):
        assert meaning.words[0] in said
