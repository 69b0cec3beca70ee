"""`ganforge compare`: several runs side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganforge.base.file_marks import refuse_foreign
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import printable, tell
from ganforge.cli.options import Parser, refuse_other_than_png

SUMMARY = "several runs in one table and one plot"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("compare.png"), help="the plot (default: compare.png)")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.judging.comparison import compare
    from ganforge.judging.comparison_plot import NOTHING_TO_DRAW, save_plot
    from ganforge.judging.comparison_text import render

    refuse_other_than_png(given.out)
    refuse_foreign(given.out)
    comparison = compare(given.runs)
    stop.poll()
    drawn = save_plot(comparison, given.out)
    tell(render(comparison))
    tell(printable(f"Plot: {given.out}") if drawn else f"\nNo plot: {NOTHING_TO_DRAW}")
    return 0
