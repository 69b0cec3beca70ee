"""The command line: verbs, a file for each. Nothing heavy is imported before it is needed."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ganforge._version import __version__
from ganforge.base.errors import RunError, UserError
from ganforge.base.files import reason
from ganforge.base.launch import launched, refuse_several_processes, speaks
from ganforge.base.stopping import Stopped, StopRequest, stop_on_signals
from ganforge.base.terminal import complain, occupy_closed, printable, silence_stdout
from ganforge.base.utf8_names import take_names_as_utf8
from ganforge.base.wording import suggestion
from ganforge.cli import (
    compare,
    completion,
    data,
    diagnose,
    evaluate,
    explain,
    export,
    help,
    push,
    recipes,
    report,
    resume,
    runs,
    sample,
    train,
    watch,
)
from ganforge.cli.options import Parser
from ganforge.data.catalog import DATA_SETS

VERBS = (train, resume, sample, evaluate, diagnose, explain, compare, watch, report, export, push, runs, recipes,
         data, help, completion)  # fmt: skip
"""Each file has SUMMARY, add_options(parser, arguments), and run(what was given, the stop request) -> exit status."""
EXAMPLES = """examples:
  ganforge train note --data digits            the note's GAN on embedded digits: no download, a minute
  ganforge train note --data mnist --out RUN   the note's GAN as it is in the note
  ganforge train fast --data PICTURES --check  only look at data, settings and one step: what would go wrong?
  ganforge resume RUN --total-nimg 1000000     go on exactly, to a longer total
  ganforge sample RUN --seeds 0-63 --out grid.png
  ganforge sample RUN --interpolate 3,17,42 --loop --out walk.webp     from seed to seed, and back
  ganforge sample RUN --around 17 --spread 0.2 --out near.png          neighbours of a picture
  ganforge evaluate RUN                        how good are its pictures? figures with their floors
  ganforge evaluate PICTURES --against mnist   the same for a folder of pictures from any other tool
  ganforge diagnose RUN                        what goes wrong in it, and what to do about that
  ganforge explain RUN                         what happened in it, in a dozen sentences
  ganforge watch                               the runs in a browser: live, side by side, and to explore
  ganforge compare RUN RUN                     runs side by side: a table and a plot
  ganforge train fast --data PICTURES          from a folder, zip, ... of your own pictures
  ganforge report RUN                          a run as one HTML file to keep or send
  ganforge push RUN hub:OWNER/NAME             its best snapshot to the Hugging Face hub, with a card
  ganforge help WORD                           what a word means: an option, a loss, a figure, ...
  ganforge data inspect PICTURES               what the data look like, and what will hurt

exit status: 0 done; 1 training failed or could not be saved; 2 something you gave is wrong; 3 `train --check` or
`diagnose` found something wrong; 4 something went wrong in training, and --on-trouble stop has ended it, after saving;
130, 143 or 129 stopped by SIGINT (Ctrl-C), SIGTERM or SIGHUP (its terminal was closed), after saving"""


def program() -> int:
    """What the command `ganforge` is."""
    take_names_as_utf8()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could come next
        completion.complete(*make_parser([]))
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
        if speaks():
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
    if arguments[:1] == ["help"] and not {*arguments[1:2]} & {"-h", "--help"}:
        arguments = ["help", "--", *arguments[1:]]  # an option is a word like any other there
    given, unknown = parser.parse_known_args(arguments)
    if given.verb == "runs":  # whose options may stand before and between its words
        end = unknown.index("--") if "--" in unknown else len(unknown)
        given.words += [word for word in unknown[:end] if not word.startswith("-")] + unknown[end + 1 :]
        unknown = [word for word in unknown[:end] if word.startswith("-")]
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
    if given.verb not in ("train", "resume", "evaluate", "recipes"):  # which share their work, or write nothing
        refuse_several_processes()
    elif launched().rank:
        silence_stdout()  # what the first process shows is of all of them
    do: Callable[[argparse.Namespace, StopRequest], int] = given.do
    return do(given, stop)


def make_parser(arguments: list[str]) -> tuple[Parser, dict[str, Parser]]:
    """The whole command line; `train RECIPE --help` shows that recipe's defaults."""
    parser = Parser(prog="ganforge", description="Train GANs in PyTorch, and make pictures with them.", epilog=EXAMPLES)
    parser.add_argument("--version", action="version", version=f"ganforge {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    verbs: dict[str, Parser] = {}
    for module in VERBS:
        name = module.__name__.rpartition(".")[2]
        verbs[name] = subparsers.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        verbs[name].set_defaults(do=module.run, parsers=verbs)
        module.add_options(verbs[name], arguments)
    return parser, verbs
