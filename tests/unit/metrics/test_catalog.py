"""metrics/catalog.py: what the records tell is what documents and tables say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ganforge.metrics.catalog import EXTRACTORS, FIGURES, HEADLINES, FigureRecord, in_order, meaning_of

DOCS = (Path(__file__).parents[3] / "docs/metrics.md").read_text(encoding="utf-8")


def test_the_documented_figures_are_those_of_the_catalog_word_for_word() -> None:
    table = DOCS.partition("## The figures")[2].partition("\n\n`precision`")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{one.name}` | {one.range} | {one.better} | {one.meaning} | {one.blind_to} | {one.source} |"
        for one in FIGURES.values()
    ]


def test_when_each_figure_can_be_read_is_documented() -> None:
    table = DOCS.partition("## When a figure can be read")[2].partition("\n\nA G that makes")[0]
    told = {name for line in table.splitlines() if line.startswith("| `") for name in re.findall("`(.+?)`", line[:90])}
    assert told >= FIGURES.keys() - {"copies", "exact duplicates"}


@pytest.mark.parametrize("figure", FIGURES.values(), ids=lambda figure: figure.name)
def test_a_figures_file_measures_it(figure: FigureRecord) -> None:
    assert callable(figure.load().measure)


def test_what_leads_is_lower_for_better_pictures() -> None:
    leading = [figure for figure in FIGURES.values() if figure.leads]
    assert [figure.name for figure in leading] == ["FD", "KID"]
    assert {figure.better for figure in leading} == {"lower"}
    assert len(HEADLINES) == 2 * len(EXTRACTORS)


def test_tables_are_in_order_and_keep_what_is_not_known() -> None:
    names = ["later/pixels", "copies/pixels", "FD/gone", "KID/b", "score/a", "FD/b", "coverage/a"]
    assert in_order(names, ["a", "b", "pixels"]) == [
        "coverage/a", "score/a", "FD/b", "KID/b", "copies/pixels", "later/pixels", "FD/gone",
    ]  # fmt: skip
    assert meaning_of("KID/b") == FIGURES["KID"].meaning and meaning_of("later/pixels") == ""


def test_the_catalog_is_read_without_pytorch() -> None:
    told = "import sys, ganforge.metrics.catalog; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", told], encoding="utf-8").strip() == "False"
