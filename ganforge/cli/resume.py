"""`ganforge resume`: go on with a run."""

import argparse
from collections.abc import Sequence

from ganforge.base.stopping import StopRequest
from ganforge.cli.options import Parser, add_settings, settings_given
from ganforge.cli.train import finish
from ganforge.config import make_config

SUMMARY = "go on with a run, exactly as if it had never stopped"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("run", metavar="RUN", help="the run folder")
    add_settings(parser, None)


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.run.folder import RunFolder

    folder, changes = RunFolder(given.run), settings_given(given)
    old = make_config(folder.read_config()["settings"], source=folder.config)
    make_config(old.model_dump() | changes)  # what is wrong is said before the seconds that importing PyTorch takes
    from ganforge.training.progress import choose_progress
    from ganforge.training.start import resume_run

    return finish(resume_run(folder, changes, choose_progress(), stop), stop)
