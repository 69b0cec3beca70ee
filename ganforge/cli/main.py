"""The command line: verbs, each of which calls one function. Nothing heavy is imported before it is needed."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from ganforge._version import __version__
from ganforge.base.errors import RunError, UserError
from ganforge.base.files import reason
from ganforge.base.names import take_names_as_utf8
from ganforge.base.processes import refuse_several_processes
from ganforge.base.sizes import parse_count
from ganforge.base.stopping import Stopped, StopRequest, stop_on_signals
from ganforge.base.terminal import complain, occupy_closed, printable, silence_stdout, tell
from ganforge.base.wording import as_typed, suggestion
from ganforge.cli import commands
from ganforge.config import MAY_CHANGE, Config
from ganforge.data.catalog import DATA_SETS
from ganforge.data.settings import PREPARED_BY
from ganforge.metrics.catalog import EXTRACTORS
from ganforge.recipes import RECIPES, recipe, usual_recipe

EXAMPLES = """examples:
  ganforge train note --data digits            the note's GAN on embedded digits: no download, a minute
  ganforge train note --data mnist --out RUN   the note's GAN as it is in the note
  ganforge resume RUN --total-nimg 1000000     go on exactly, to a longer total
  ganforge sample RUN --seeds 0-63 --out grid.png
  ganforge sample RUN --interpolate 3,17,42 --loop --out walk.webp     from seed to seed, and back
  ganforge sample RUN --around 17 --spread 0.2 --out near.png          neighbours of a picture
  ganforge evaluate RUN                        how good are its pictures? figures with their floors
  ganforge evaluate PICTURES --against mnist   the same for a folder of pictures from any other tool
  ganforge watch                               the runs in a browser: live, side by side, and to explore
  ganforge compare RUN RUN                     runs side by side: a table and a plot
  ganforge train fast --data PICTURES          from a folder, zip, ... of your own pictures
  ganforge report RUN                          a run as one HTML file to keep or send
  ganforge data inspect PICTURES               what the data look like, and what will hurt

exit status: 0 done; 1 training failed or could not be saved; 2 something you gave is wrong; 130, 143 or 129 stopped by
SIGINT (Ctrl-C), SIGTERM or SIGHUP (its terminal was closed), after saving"""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are one sentence, and which never guesses at abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.color = False  # of Python 3.14
        self._negative_number_matcher = re.compile(r"-[\d.]")  # --range -1,1 is a value, too

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[0].upper()}{message[1:]} (see `{self.prog} --help`).")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help and version; argparse itself would say nothing of a full disk."""
        tell(message.removesuffix("\n"), file)


def program() -> int:
    """What the command `ganforge` is."""
    take_names_as_utf8()
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. See EXAMPLES for what the statuses mean."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    occupy_closed()
    try:
        with stop_on_signals() as stop:
            try:
                return run_command(arguments, stop)
            except Stopped:
                complain("ganforge: stopped before there was anything to save")
                return 128 + stop.signum
    except (UserError, RunError) as error:
        complain(printable(f"ganforge: {error}"))
        return 2 if isinstance(error, UserError) else 1
    except KeyboardInterrupt:
        complain("ganforge: interrupted; what was saved before is whole")
        return 130
    except BrokenPipeError:
        silence_stdout()  # the reader of our output has gone
        return 1
    except OSError as error:
        if error.filename is None:
            silence_stdout()  # else the interpreter would complain once more at its end
        what = "" if error.filename else "The output cannot be written: "
        complain(printable(f"ganforge: {what}{reason(error)}."))
        return 1


def run_command(arguments: list[str], stop: StopRequest) -> int:
    """Parse the arguments and call the verb's function."""
    parser, verbs = make_parser(arguments)
    if arguments and not arguments[0].startswith("-") and arguments[0] not in verbs:
        parser.error(f"there is no command {arguments[0]!r}{suggestion(arguments[0], verbs)}")
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser = verbs.get(given.verb, parser)
        name, options = unknown[0].partition("=")[0], [o for a in parser._actions for o in a.option_strings]
        if not name.startswith("-"):
            is_data = given.verb == "train" and name in DATA_SETS
            parser.error(f"{name!r} is one argument too many" + f"; did you mean --data {name}?" * is_data)
        parser.error(f"there is no option {name!r} here{suggestion(name, options)}")
    if given.verb is None:
        parser.print_help()
        return 0
    try:
        Path.cwd()
    except FileNotFoundError:
        raise UserError("The folder that you are in is gone; change to another one.") from None
    if given.verb != "recipes":  # which writes nothing
        refuse_several_processes()
    do: Callable[[argparse.Namespace, StopRequest], int] = given.do
    return do(given, stop)


def make_parser(arguments: list[str]) -> tuple[Parser, dict[str, Parser]]:
    """The whole command line; `train RECIPE --help` shows that recipe's defaults."""
    parser = Parser(prog="ganforge", description="Train GANs in PyTorch, and make pictures with them.", epilog=EXAMPLES)
    parser.add_argument("--version", action="version", version=f"ganforge {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    verbs: dict[str, Parser] = {}

    def verb(name: str, do: Callable[[argparse.Namespace, StopRequest], int], summary: str) -> Parser:
        verbs[name] = subparsers.add_parser(name, help=summary, description=summary)
        verbs[name].set_defaults(do=do)
        return verbs[name]

    train = verb("train", commands.train, "train a recipe into a new run folder")
    train.add_argument("recipe", metavar="RECIPE", nargs="?",
                       help=f"one of: {', '.join(RECIPES)} (default: note; for pictures of your own fast)")  # fmt: skip
    train.add_argument("--out", metavar="RUN", help="the run folder to make (default: runs/RECIPE-DATA)")
    train.add_argument("--watch", action="store_true", help="show the run in a browser while it trains; says where")
    named = next((word for word in arguments[1:] if word in RECIPES), usual_recipe(data_in(arguments))[0])
    add_settings(train, recipe(named))

    resume = verb("resume", commands.resume, "go on with a run, exactly as if it had never stopped")
    resume.add_argument("run", metavar="RUN", help="the run folder")
    add_settings(resume, None)

    sample = verb("sample", commands.sample, "make pictures from a run or snapshot: by seeds, a walk, neighbours")
    add_sample_options(sample)

    evaluate = verb("evaluate", commands.evaluate, "how good are the pictures: a table of figures, each with its floor")
    evaluate.add_argument("source", metavar="RUN_OR_SNAPSHOT_OR_PICTURES", type=Path)
    evaluate.add_argument("--against", metavar="DATA", help="what to compare with (default: the run's own data)")
    evaluate.add_argument("--best", action="store_true", help="the run's best snapshot instead of its newest")
    evaluate.add_argument("--samples", type=whole, metavar="N", help="judge N (default: 10000; stacked-mnist: 26000)")
    evaluate.add_argument(
        "--features", metavar="NAMES", help=f"some of: {', '.join(EXTRACTORS)} (default: by the data)"
    )
    evaluate.add_argument("--inception-file", type=Path, metavar="FILE", help="the weights for the inception features")
    evaluate.add_argument("--data-dir", type=Path, help=setting_help("data_dir"))
    evaluate.add_argument("--test-data", metavar="DATA", help=setting_help("test_data"))
    evaluate.add_argument("--device", default="auto", help=setting_help("device"))
    evaluate.add_argument("--out", type=Path, metavar="FOLDER", help="where to write (default: the run's own, or here)")

    compare = verb("compare", commands.compare, "several runs in one table and one plot")
    compare.add_argument("runs", metavar="RUN", nargs="+", type=Path)
    compare.add_argument("--out", type=Path, default=Path("compare.png"), help="the plot (default: compare.png)")

    watch = verb("watch", commands.watch, "show runs in a browser, also while they train")
    watch.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, default=Path("runs"),
                       help="the folder with the runs, or a run (default: runs)")  # fmt: skip
    watch.add_argument("--port", type=whole, help="default: 8765, or the next that is free")
    watch.add_argument("--host", default="127.0.0.1", help="another address than this machine's own needs a token")
    watch.add_argument(
        "--token",
        help="what a visitor must bring (default: a random one where --host needs it); every "
        "user of this machine can read it in the list of processes, which GANFORGE_TOKEN=... in the "
        "environment and --token-file avoid",
    )
    watch.add_argument("--token-file", type=Path, metavar="FILE", help="a file that holds the token and nothing else")
    watch.add_argument(
        "--data",
        metavar="PLACE",
        help="a folder or file where the runs' training pictures may be, for "
        "the nearest ones to a sample (default: ganforge's own sets, and what was prepared here)",
    )
    watch.add_argument("--open", action="store_true", help="open a browser, too")

    report = verb("report", commands.report, "a run as one HTML file that needs no server and no network")
    report.add_argument("run", metavar="RUN", type=Path, help="the run folder, also while it trains")
    report.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in the run folder")

    verb("recipes", commands.recipes, "list the recipes: source, expected result, cost")

    data = verb("data", commands.data, "list the data sets, inspect one, prepare pictures, or clear what was prepared")
    data.add_argument("action", choices=["list", "inspect", "prepare", "clear"], nargs="?", default="list")
    data.add_argument(
        "name", metavar="DATA", nargs="?",
        help=f"one of: {', '.join(DATA_SETS)}; or a folder or file of pictures, or hub:OWNER/NAME",
    )  # fmt: skip
    data.add_argument("--split", choices=["train", "test"], help="which part (default: train)")
    data.add_argument("--data-dir", type=Path, help=setting_help("data_dir"))
    data.add_argument("--out", type=Path, help="where to put the contact sheet (default: a .png here, by the name)")
    shape = data.add_argument_group(
        "for prepare (pages and range: for inspect, too), as the settings of `ganforge train`"
    )
    for name in PREPARED_BY:
        option, metavar = f"--{name.replace('_', '-')}", name.rpartition("_")[2].upper()
        shape.add_argument(option, dest=name, metavar=metavar, default=argparse.SUPPRESS, help=setting_help(name))
    return parser, verbs


def data_in(arguments: Sequence[str]) -> str:
    """What the arguments of `train` name as data; mnist where they name nothing."""
    named = [after if word == "--data" else word.removeprefix("--data=") for word, after in pairwise([*arguments, ""])
             if word == "--data" or word.startswith("--data=")]  # fmt: skip
    return named[-1] if named else "mnist"


def add_sample_options(sample: Parser) -> None:
    sample.add_argument("source", metavar="RUN_OR_SNAPSHOT", type=Path)
    sample.add_argument("--best", action="store_true", help="the run's best snapshot instead of its newest")
    sample.add_argument("--seeds", help="a grid: such as 0-63 or 1,5,20-29 (default: 0-63)")
    sample.add_argument("--interpolate", metavar="SEEDS", help="a walk from seed to seed instead, such as 3,17,42")
    sample.add_argument("--frames", type=whole, metavar="N", help="of a walk: from one seed to the next (default: 30)")
    sample.add_argument("--loop", action="store_true", help="of a walk: back to the first seed, and on without end")
    sample.add_argument("--fps", type=float, help="of a walk: frames a second, at most 50 (default: 20)")
    sample.add_argument("--around", metavar="SEED", help="a seed's picture and neighbours of it instead")
    sample.add_argument("--count", type=whole, metavar="N", help="of --around: pictures in all (default: 64)")
    sample.add_argument("--spread", type=float, help="how far the neighbours are: above 0, at most 1 (default: 0.3)")
    sample.add_argument(
        "--class", dest="classes", metavar="CLASSES",
        help="of a conditional run: such as 3, cat, or 0-9 in turn (default: each seed's remainder by their number)",
    )  # fmt: skip
    sample.add_argument(
        "--truncation", type=float, default=1.0, metavar="PSI",
        help="for normal noise: z times PSI, at most 1; less is more typical, and less diverse (default: 1)",
    )  # fmt: skip
    sample.add_argument("--out", type=Path, help="default: samples.png; of a walk: walk.webp, or .gif, .png")
    sample.add_argument("--device", default="auto", help=setting_help("device"))


def whole(text: str) -> int:
    """The type of options that are whole numbers."""
    if (count := parse_count(text)) is None:
        raise argparse.ArgumentTypeError(f"'{as_typed(text)}' is no whole number, such as 5000, 1e5, 100k or 1.5M")
    if abs(count) >= 2**63:
        raise argparse.ArgumentTypeError(f"'{as_typed(text)}' is too large")
    return count


def add_settings(parser: Parser, defaults: Config | None) -> None:
    """One option for each setting; what is not given stays as the recipe or the run has it."""
    group = parser.add_argument_group(
        "settings (as in the run's config.json)", "whole numbers also as 1e5, 100k or 1.5M"
    )
    for name, field in Config.model_fields.items():
        if name == "recipe":
            continue
        text = setting_help(name)
        if defaults is not None and getattr(defaults, name) is not None:
            text += f" (default: {as_typed(getattr(defaults, name))})"
        refused = defaults is None and name not in MAY_CHANGE  # understood, so that the refusal can say why
        if defaults is None and name == "data":
            refused, text = False, "Where the pictures that the run learns from are now, if they have moved"
        options: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS}
        options["help"] = argparse.SUPPRESS if refused else text.replace("%", "%%")
        if field.annotation is bool:
            group.add_argument(f"--{name.replace('_', '-')}", action=argparse.BooleanOptionalAction, **options)
        else:
            group.add_argument(f"--{name.replace('_', '-')}", metavar=name.rpartition("_")[2].upper(), **options)


def setting_help(name: str) -> str:
    text = Config.model_fields[name].description or ""
    return text.removesuffix(".")
