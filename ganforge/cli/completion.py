"""`ganforge completion SHELL`: what makes a shell complete ganforge's commands at the Tab key, by argcomplete.

The shell asks `ganforge` itself, so that what is offered is what there is now: options, recipes, runs. That takes a
start of it without PyTorch, 0.2 s.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import tell
from ganforge.cli.meanings import all_meanings
from ganforge.cli.options import Parser, choices_of
from ganforge.config import Config
from ganforge.data.catalog import DATA_SETS, HUB
from ganforge.metrics.catalog import EXTRACTORS
from ganforge.recipes.catalog import RECIPES
from ganforge.run.folder import RunFolder
from ganforge.tracking.catalog import TRACKERS

SUMMARY = "make your shell complete commands, options, recipes and runs at the Tab key"
SHELLS = ("bash", "zsh", "fish", "powershell")
PATHS = ("data_dir", "init_from")
"""The settings that are paths; `data` and `test_data` may be names, too."""
Completer = Callable[..., Iterable[str]]


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("shell", choices=SHELLS, help="print the lines for it: docs/shell.md says where they go")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError:
        raise UserError("Completion needs argcomplete; install it with pip install argcomplete.") from None
    tell(shellcode(["ganforge"], shell=given.shell).rstrip("\n"))
    return 0


def complete(parser: Parser, verbs: Mapping[str, Parser]) -> None:
    """Answer the shell's question, and end the process."""
    import argcomplete

    attach(verbs)
    argcomplete.autocomplete(parser, always_complete_options=False)


def attach(verbs: Mapping[str, Parser]) -> None:
    """Give each option and argument what it may be."""
    for verb, parser in verbs.items():
        for action in parser._actions:
            completer = completer_of(verb, action, verbs)
            if completer is not None:
                action.completer = completer  # type: ignore[attr-defined]


def completer_of(verb: str, action: argparse.Action, verbs: Mapping[str, Parser]) -> Completer | None:
    """None where files may stand, or argparse's own choices do."""
    if action.choices is not None or action.nargs == 0:
        return None
    metavar = str(action.metavar)
    if metavar.startswith("RUN") and action.dest != "out":
        return runs_and_files(weights="SNAPSHOT" in metavar, others="PICTURES" in metavar)
    if action.dest == "words":
        return manage_runs
    if action.dest == "word":
        return lambda **_: sorted({word for each in all_meanings(verbs) for word in each.words if " " not in word})
    if action.dest == "recipe":
        return lambda **_: RECIPES
    if action.dest == "paper":
        return lambda **_: sorted({word for one in RECIPES.values() for word in one.papers})
    if action.dest == "log":
        return several([*TRACKERS])
    if metavar.startswith(HUB):
        return lambda **_: [HUB]
    if action.dest == "features":
        return lambda **_: EXTRACTORS
    if action.dest in ("data", "test_data", "against") or (verb == "data" and action.dest == "name"):
        return lambda prefix, **_: [*DATA_SETS, *files(prefix)]
    if action.dest in Config.model_fields and action.dest not in PATHS:
        words = choices_of(action.dest)
        return lambda **_: words
    if action.type is not None and action.type is not Path:
        return lambda **_: ()
    return None


def several(words: Sequence[str]) -> Completer:
    """Words with commas between them, none of them twice; or none at all."""

    def found(prefix: str, **_: object) -> list[str]:
        before, comma, _begun = prefix.rpartition(",")
        left = [word for word in words if word not in before.split(",")]
        return [before + comma + word for word in left] + ["none"] * (not comma)

    return found


def runs_and_files(*, weights: bool, others: bool) -> Completer:
    """Run folders, and the folders that lead to them; snapshots' files, too, or any."""

    def found(prefix: str, **_: object) -> list[str]:
        return [name for name in files(prefix) if others or name.endswith("/") or is_run(name)
                or (weights and name.endswith(".safetensors"))]  # fmt: skip

    return found


def manage_runs(prefix: str, parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """For `ganforge runs`: what it does, then runs."""
    first = [] if getattr(parsed_args, "words", None) else ["rm", "mv"]
    return first + [name for name in files(prefix) if name.endswith("/") or is_run(name)]


def files(prefix: str) -> list[str]:
    """What is in the folder that a beginning of a path names: a folder with a slash, unless it is a run."""
    folder, slash, begun = prefix.rpartition("/")
    try:
        entries = sorted((Path(folder + slash) if slash else Path()).iterdir())
    except OSError:
        return []
    names = [f"{folder}{slash}{path.name}" for path in entries if begun.startswith(".") or path.name[:1] != "."]
    return [name if not Path(name).is_dir() or is_run(name) else f"{name}/" for name in names]


def is_run(name: str) -> bool:
    try:
        return RunFolder(name).exists()
    except UserError:
        return False
