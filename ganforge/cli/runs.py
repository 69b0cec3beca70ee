"""`ganforge runs`: list the runs, remove some, move one."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.base.errors import UserError
from ganforge.base.sizes import gib
from ganforge.base.stopping import StopRequest, answer
from ganforge.base.terminal import complain, printable, tell
from ganforge.cli.options import Parser
from ganforge.config import make_config

if TYPE_CHECKING:
    from ganforge.run.folder import RunFolder
    from ganforge.run.removal import Content

SUMMARY = "list the runs, remove some, or give one another place"
USUAL = Path("runs")
NAMES = 5
"""Of what is left in a folder, that are told."""


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.usage = "ganforge runs [FOLDER] | rm RUN [RUN ...] [--yes] | mv RUN PLACE"
    parser.add_argument(
        "words", metavar="FOLDER | rm RUN ... | mv RUN PLACE", nargs="*",
        help="list what is in a folder (default: runs); remove runs; rename one, or move it into a folder",
    )  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="of rm: do not ask")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    action, *words = given.words or [""]
    if given.yes and action != "rm":
        raise UserError("--yes goes with `ganforge runs rm RUN`; leave it out.")
    if action == "rm":
        if not words:
            raise UserError("Which run? `ganforge runs rm RUN`; `ganforge runs` lists them.")
        return remove([Path(word) for word in words], given.yes, stop)
    if action == "mv":
        if len(words) != 2:
            raise UserError("A run and its new place are needed: `ganforge runs mv RUN PLACE`.")
        return move(Path(words[0]), Path(words[1]))
    if words:
        raise UserError(f"{words[0]!r} is one argument too many: `ganforge runs FOLDER`, `runs rm` or `runs mv`.")
    return list_runs(Path(action) if action else USUAL, stop)


def list_runs(root: Path, stop: StopRequest) -> int:
    from ganforge.base.tables import Column, table
    from ganforge.run.removal import size_on_disk
    from ganforge.viewer.read.figure_history import FigureReader
    from ganforge.viewer.read.formatting import ago
    from ganforge.viewer.read.run_summary import find_folders, newest_first

    if root == USUAL and not root.exists():
        tell("There is no run yet: no folder runs here. `ganforge train` begins one.")
        return 0
    if not root.is_dir():
        raise UserError(f"{root} is no folder; give the one that your runs are in (default: {USUAL}).")
    folders, more = find_folders(root)
    runs = newest_first(folders)
    sizes, bests = [], []
    for each in runs:
        stop.poll()
        reader = FigureReader(each.folder, keeps_points=False)
        while reader.look():
            stop.poll()
        best = reader.best_so_far()
        bests.append("-" if best is None else f"{best.name} {best.best[1]:.3g} at {best.best[0]:,}")
        sizes.append(size_on_disk(each.folder.path))
    if runs:
        columns = [
            Column("state", [each.state for each in runs]),
            Column("images", [f"{each.nimg:,} of {each.total_nimg:,}" for each in runs]),
            Column("on disk", [gib(size) for size in sizes]),
            Column("best figure", bests),
            Column("changed", [ago(each.changed) for each in runs]),
        ]
        width = max(60, shutil.get_terminal_size((100, 24)).columns)
        tell(table("run", [str(each.folder.path) for each in runs], columns, width))
    for each in runs:
        for trouble in filter(None, [each.reason if each.state == "failed" else "", *each.complaints]):
            tell(printable(f"{each.folder.path}: {trouble}"))
    tell(f"\n{counted(len(runs), 'run')} in {printable(str(root))}, {gib(sum(sizes))}" if runs else
         printable(f"There is no run in {root}, nor in the folders within."))  # fmt: skip
    if more:
        tell(f"Left out: {counted(more, 'run')} more; list a folder within this one to see those.")
    return 0


def remove(paths: Sequence[Path], yes: bool, stop: StopRequest) -> int:
    """All are looked at before the first is removed."""
    from ganforge.run.removal import content_of, removable, remove_run

    runs = {path.resolve(): removable(path, refuse_foreign_settings) for path in paths}
    if not yes:
        for folder in runs.values():
            said(folder, content_of(folder), "would be removed")
            stop.poll()
        if sys.stdin is None or not sys.stdin.isatty():
            raise UserError("Nothing was removed, since nobody can be asked here; to remove, add --yes.")
        if answer(f"Remove {counted(len(runs), 'run')} for good? [y/N] ", stop).strip().lower() not in ("y", "yes"):
            tell("Nothing was removed.")
            return 0
    for folder in runs.values():
        try:
            said(folder, remove_run(folder), "removed")
        except UserError:  # nothing of it was
            raise
        except BaseException:
            complain(printable(f"{folder.path} is removed in part at most; `ganforge runs rm` removes the rest."))
            raise
    return 0


def refuse_foreign_settings(settings: dict[str, Any]) -> None:
    """Raise UserError for settings that no run of this ganforge's has; each run's tell its recipe."""
    make_config(settings, source="config.json")
    if "recipe" not in settings:
        raise UserError("config.json names no recipe, so this is not a run folder of ganforge's.")


def said(folder: "RunFolder", content: "Content", what: str) -> None:
    """Say what of a run is removed, or would be, and what stays."""
    tell(printable(f"{folder.path}: {counted(len(content.own), 'file')}, {gib(content.size)}, {what}"))
    if names := content.foreign:
        some = ", ".join(map(printable, names[:NAMES])) + ", ..." * (len(names) > NAMES)
        tell(printable(f"{folder.path}: {len(names):,} left, not the run's own: {some}"))


def move(path: Path, target: Path) -> int:
    from ganforge.run.removal import move_run, removable

    tell(printable(f"{path} is now {move_run(removable(path, refuse_foreign_settings), target)}"))
    return 0


def counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
