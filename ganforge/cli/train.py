"""`ganforge train`: a recipe into a new run folder."""

import argparse
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import mention, printable
from ganforge.base.wording import pasted, refuse_odd_name
from ganforge.cli.options import Parser, add_settings, settings_given
from ganforge.config import Config
from ganforge.data.catalog import locate
from ganforge.recipes.catalog import RECIPES, recipe, usual_recipe

if TYPE_CHECKING:
    from ganforge.run.folder import RunFolder

SUMMARY = "train a recipe into a new run folder"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    """Those of the recipe that the arguments name have its own defaults."""
    parser.add_argument("recipe", metavar="RECIPE", nargs="?",
                       help=f"one of: {', '.join(RECIPES)} (default: note; for pictures of your own photo "
                       "or fast)")  # fmt: skip
    papers = ", ".join(f"{one.name} {word}" for one in RECIPES.values() for word in one.papers)
    parser.add_argument("--paper", metavar="DATA",
                       help=f"all settings as in the recipe's paper, for large GPUs: {papers}")  # fmt: skip
    parser.add_argument("--out", metavar="RUN", help="the run folder to make (default: runs/RECIPE-DATA)")
    parser.add_argument("--watch", action="store_true", help="show the run in a browser while it trains; says where")
    parser.add_argument("--check", action="store_true",
                       help="look at data, settings, machine and a tried step, say what is found, and make no run; "
                       "exit status 0: nothing, 3: something")  # fmt: skip
    usual = usual_recipe(given_in(arguments, "--data") or "mnist")[0]
    named = next((word for word in arguments[1:] if word in RECIPES), usual)
    paper = given_in(arguments, "--paper")
    add_settings(parser, recipe(named, paper=paper if paper in RECIPES[named].papers else None))


def given_in(arguments: Sequence[str], option: str) -> str:
    """What the arguments of `train` give for an option, before they are parsed; empty where it is not given."""
    named = [after if word == option else word.removeprefix(f"{option}=") for word, after in pairwise([*arguments, ""])
             if word == option or word.startswith(f"{option}=")]  # fmt: skip
    return named[-1] if named else ""


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    settings = settings_given(given)
    config = recipe(given.recipe or usual_recipe(settings.get("data", "mnist"))[0], paper=given.paper, **settings)
    locate(config.data)  # what is wrong is said before the seconds that importing PyTorch takes
    refuse_odd_name(given.out or "")
    if not given.recipe:
        config = suited(settings)
    if given.check:
        return check(config, given.out)
    if given.watch:
        return train_and_watch(config, given.out, stop)
    return finish(start_training(config, given.out, stop), stop)


def suited(settings: dict[str, Any]) -> Config:
    """The recipe that suits the data, which is said."""
    from ganforge.training.progress import choose_progress
    from ganforge.training.suited import suited_recipe

    return recipe(suited_recipe(settings, choose_progress()), **settings)


def start_training(config: Config, out: str | Path | None, stop: StopRequest) -> "RunFolder":
    from ganforge.training.progress import choose_progress
    from ganforge.training.start import start_run

    return start_run(config, out, choose_progress(), stop)


def check(config: Config, out: str | None) -> int:
    """What is wrong before the first step, and no run; returns the exit status."""
    from ganforge.training.check_only import check_run
    from ganforge.training.progress import choose_progress

    return 3 if check_run(config, out, choose_progress()) else 0


def train_and_watch(config: Config, out: str | None, stop: StopRequest) -> int:
    """The page is shown from before the first image to after the last one."""
    from ganforge.run.folder import RunFolder
    from ganforge.run.place import usual_folder
    from ganforge.viewer.background_page import page_beside

    if out is not None:
        RunFolder(out).refuse_occupied()
    place = usual_folder(config.recipe, config.data) if out is None else nullcontext(RunFolder(out))
    with place as folder, page_beside(folder.path) as lines:
        mention("\n".join(lines))
        status = how_it_ended(start_training(config, folder.path, stop), stop)
    mention(f"The page has ended with the training; {how_to_look('look again', folder.path)}")
    return status


def finish(folder: "RunFolder", stop: StopRequest) -> int:
    """Say how a finished run is looked at; returns the exit status."""
    status = how_it_ended(folder, stop)
    if status == 0:
        mention(how_to_look("Look at it", folder.path))
    return status


def how_to_look(begin: str, path: Path) -> str:
    shown = printable(pasted(path))
    return f"{begin}: `ganforge watch {shown}`; one file to keep or send: `ganforge report {shown}`"


TROUBLED = 4
"""The exit status of a run that --on-trouble stop has ended."""


def how_it_ended(folder: "RunFolder", stop: StopRequest) -> int:
    """The exit status. Without a stop it has finished, readable or not, or was stopped by what went wrong."""
    state = folder.read_status().get("state")
    if state == "stopped":
        return 128 + stop.signum if stop else TROUBLED
    return 0 if state == "finished" or not stop else 128 + stop.signum
