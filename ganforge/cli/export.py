"""`ganforge export`: a run's generator as others can use it without ganforge."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import printable, tell
from ganforge.base.wording import pasted
from ganforge.cli.options import Parser

SUMMARY = "a run's generator as others can use it without ganforge"
TO = {"onnx": "generator.onnx", "page": "page"}
"""What a run can be exported to, and the name of what is made unless --out gives another."""


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("source", metavar="RUN_OR_SNAPSHOT", type=Path)
    parser.add_argument("--best", action="store_true", help="the run's best snapshot instead of its newest")
    parser.add_argument(
        "--to",
        required=True,
        choices=TO,
        help="onnx: one file for onnxruntime and others; page: a folder for any web server",
    )
    parser.add_argument(
        "--output", choices=("uint8", "float"), default="uint8",
        help="what the model gives: pictures as bytes [N, H, W, C], or as numbers [N, C, H, W] in [-1, 1]",
    )  # fmt: skip
    parser.add_argument("--license", help="under which others may use the model, such as cc-by-4.0; kept in its facts")
    parser.add_argument(
        "--wasm-dir", type=Path, metavar="DIR",
        help="of a page: the folder with onnxruntime-web's files, instead of fetching them once from npm's registry",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help=f"default: {', '.join(TO.values())}")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    out = given.out or Path(TO[given.to])
    if given.to == "page":
        return run_page(given, out, stop)
    check_name(out, given.to)
    refuse_foreign(out)
    from ganforge.export.to_onnx import require_packages, write_onnx
    from ganforge.sampling.model import load

    require_packages()
    model = load(given.source, "cpu", best=given.best)
    stop.poll()
    found = write_onnx(model, out, given.output, given.license)
    tell(printable(f"{out}: {out.stat().st_size:,} bytes; its pictures differ from PyTorch's by {found:.1e} at most"))
    return 0


def run_page(given: argparse.Namespace, out: Path, stop: StopRequest) -> int:
    """`--to page`."""
    from ganforge.export.page_folder import refuse_other_folder

    refuse_other_folder(out)
    from ganforge.export.to_onnx import require_packages
    from ganforge.export.to_page import write_page
    from ganforge.sampling.model import load

    require_packages()
    model = load(given.source, "cpu", best=given.best)
    stop.poll()
    found = write_page(model, out, given.wasm_dir, given.license, stop.poll)
    size = sum(path.stat().st_size for path in out.iterdir())
    tell(printable(f"{out}: a page of {size:,} bytes; its pictures differ from PyTorch's by {found:.1e} at most"))
    tell("Browsers do not run it as a file: put the folder on any web server, or look at it here with")
    tell(printable(f"  python -m http.server --bind 127.0.0.1 --directory {pasted(out)}    and http://127.0.0.1:8000/"))
    return 0


def check_name(out: Path, to: str) -> None:
    """Raise UserError where the name that was given is not one for such a file, or its folder is not there."""
    ending = Path(TO[to]).suffix
    if out.suffix.lower() != ending:
        raise UserError(f"The file is {to}'s; give --out a name that ends in {ending}, not {out.name!r}.")
    if not out.parent.is_dir():
        raise UserError(f"There is no folder {out.parent}; make it, or choose another place with --out.")
