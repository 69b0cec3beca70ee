"""`ganforge explain`: what happened in a run, in order."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import printable, tell
from ganforge.cli.options import Parser

SUMMARY = "what happened in a run, told in order, with the pictures to look at"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="the run folder, also while it trains")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.run.folder import RunFolder
    from ganforge.viewer.read.run_story import story_of
    from ganforge.viewer.read.run_view import read_whole

    folder = RunFolder(given.run)
    folder.read_config()  # refuses what is no run
    view = read_whole(folder)
    one = view.summary
    lines = [f"{folder.path}: {one.recipe} on {one.data}, {one.nimg:,} of {one.total_nimg:,} images", ""]
    for nimg, text, grid in story_of(view):
        beside = f"  [{folder.fakes(grid).name}]" if grid is not None else ""
        lines.append(f"{nimg:>12,}  {text}{beside}")
    if not view.health.rows:
        lines.append("There is no row in its log yet.")
    lines += ["", *view.complaints] if view.complaints else []
    tell("\n".join(map(printable, lines)))
    return 0
