"""`ganforge recipes`: the table of recipes."""

import argparse
import textwrap
from collections.abc import Sequence

from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import tell
from ganforge.cli.options import Parser
from ganforge.recipes.catalog import RECIPES
from ganforge.recipes.record import Recipe

SUMMARY = "list the recipes: source, expected result, cost"
INDENT = 4 * " "
MEASURED = (
    "\nMeasured after five minutes of two CPU cores on MNIST: means of 3 seeds with their standard deviation; FD is\n"
    "FD/classifier, of which fresh real pictures have 0.065 (benchmarks/results/family.md)"
)


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    """It has none."""


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    for one in RECIPES.values():
        told = (one.summary, f"Source: {one.source}", f"Expect: {one.expect}", f"Measured: {one.measured}",
                f"Cost: {one.cost}", *paper_of(one))  # fmt: skip
        tell("\n".join([one.name, *(textwrap.fill(text, 112, initial_indent=INDENT, subsequent_indent=INDENT,
             break_long_words=False, break_on_hyphens=False) for text in told)]))  # fmt: skip
    tell(MEASURED)
    return 0


def paper_of(one: Recipe) -> list[str]:
    """Where its paper's own settings are others: how they are had."""
    if not one.papers:
        return []
    words = " or ".join(f"--paper {word}" for word in one.papers)
    return [f"Its paper's settings, for large GPUs: `ganforge train {one.name}` with {words}. {one.papers_differ}"]
