"""`ganforge watch`: runs in a browser."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import mention
from ganforge.cli.options import Parser, whole
from ganforge.data.catalog import locate

SUMMARY = "show runs in a browser, also while they train"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, default=Path("runs"),
                       help="the folder with the runs, or a run (default: runs)")  # fmt: skip
    parser.add_argument("--port", type=whole, help="default: 8765, or the next that is free")
    parser.add_argument("--host", default="127.0.0.1", help="another address than this machine's own needs a token")
    parser.add_argument(
        "--token",
        help="what a visitor must bring (default: a random one where --host needs it); every "
        "user of this machine can read it in the list of processes, which GANFORGE_TOKEN=... in the "
        "environment and --token-file avoid",
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="a file that holds the token and nothing else")
    parser.add_argument(
        "--data",
        metavar="PLACE",
        help="a folder or file where the runs' training pictures may be, for "
        "the nearest ones to a sample (default: ganforge's own sets, and what was prepared here)",
    )
    parser.add_argument("--open", action="store_true", help="open a browser, too")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.viewer.background_page import require_page
    from ganforge.viewer.shutdown import ends_at_once
    from ganforge.viewer.token import given_token

    require_page()
    if given.port is not None and not 0 <= given.port <= 65_535:
        raise UserError(f"--port is {given.port}; a port is between 1 and 65535.")
    if not given.folder.is_dir():
        raise UserError(f"{given.folder} is no folder; give the one that your runs are in, or a run.")
    with ends_at_once(stop):
        from ganforge.viewer.app import Visitors, new_token, serve

        place = None if given.data is None else locate(given.data)
        token = given_token(given.token, given.token_file) or new_token(given.host)
        ready = partial(mention, "Ctrl-C ends the page; trainings go on.")
        return 128 + serve(given.folder, Visitors(given.host, given.port, token, place), given.open, ready=ready)
