"""`ganforge evaluate`: figures, each with its floor."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import printable, tell
from ganforge.cli.options import SOURCE, Parser, setting_help, whole
from ganforge.metrics.catalog import EXTRACTORS

SUMMARY = "how good are the pictures: a table of figures, each with its floor"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("source", metavar="RUN_OR_SNAPSHOT_OR_PICTURES", type=Path, help=SOURCE)
    parser.add_argument("--against", metavar="DATA", help="what to compare with (default: the run's own data)")
    parser.add_argument("--best", action="store_true", help="the run's best snapshot instead of its newest")
    parser.add_argument("--samples", type=whole, metavar="N", help="judge N (default: 10000; stacked-mnist: 26000)")
    parser.add_argument("--features", metavar="NAMES", help=f"some of: {', '.join(EXTRACTORS)} (default: by the data)")
    parser.add_argument("--inception-file", type=Path, metavar="FILE", help="the weights for the inception features")
    parser.add_argument("--data-dir", type=Path, help=setting_help("data_dir"))
    parser.add_argument("--test-data", metavar="DATA", help=setting_help("test_data"))
    parser.add_argument("--device", default="auto", help=setting_help("device"))
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write (default: the run's own, or here)")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    if given.samples is not None and given.samples < 1:
        raise UserError(f"--samples is {given.samples}; give 1 or more.")
    from ganforge.judging.against import Against
    from ganforge.judging.description import describe
    from ganforge.judging.evaluation import Wanted, evaluate

    against = Against(given.against, given.test_data, given.data_dir)
    wanted = Wanted(given.samples, given.features or None, given.inception_file)
    done = evaluate(given.source, against, wanted, best=given.best, device=given.device, out=given.out)
    tell(describe(done.record))
    tell(printable(f"Written: {', '.join(str(path) for path in done.written)}"))
    return 0
