"""`ganforge report`: a run as one HTML file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import printable, tell
from ganforge.cli.options import Parser

SUMMARY = "a run as one HTML file that needs no server and no network"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("run", metavar="RUN", type=Path, help="the run folder, also while it trains")
    parser.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in the run folder")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.run.folder import RunFolder
    from ganforge.viewer.report.write_report import write_report

    folder = RunFolder(given.run)
    out = given.out or folder.report
    write_report(folder, out)
    tell(printable(f"Report: {out} ({out.stat().st_size / 1e6:.1f} MB)"))
    return 0
