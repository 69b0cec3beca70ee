"""`ganforge export`: a run's generator as others can use it without ganforge."""

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.files import reason
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import complain, printable, tell
from ganforge.base.wording import pasted
from ganforge.cli.options import SOURCE, Parser, refuse_odd_license

SUMMARY = "a run's generator as others can use it without ganforge"
TO = {"onnx": "generator.onnx", "torch": "generator.pt2", "page": "page", "card": "card"}
"""What a run can be exported to, and the name of what is made unless --out gives another."""


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("source", metavar="RUN_OR_SNAPSHOT", type=Path, help=SOURCE)
    parser.add_argument("--best", action="store_true", help="the run's best snapshot instead of its newest")
    parser.add_argument(
        "--to", required=True, choices=TO,
        help="onnx: one file for onnxruntime and others; torch: one file for PyTorch without ganforge; page: a folder "
        "for any web server that makes the pictures in the browser; card: a folder with a model card, as hubs show it, "
        "and a grid of pictures",
    )  # fmt: skip
    parser.add_argument(
        "--output", choices=("uint8", "float"),
        help="of onnx and torch: pictures as bytes [N, H, W, C], or float32 [N, C, H, W] in [-1, 1] (default: uint8)",
    )  # fmt: skip
    parser.add_argument("--license", help="under which others may use the model, such as cc-by-4.0; kept in its facts")
    parser.add_argument(
        "--wasm-dir", type=Path, metavar="DIR",
        help="of a page: the folder with onnxruntime-web's files, instead of fetching them once from npm's registry",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help=f"default: {', '.join(TO.values())}")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    out = given.out or Path(TO[given.to])
    refuse_odd_license(given.license)
    if given.wasm_dir is not None and given.to != "page":
        raise UserError(f"--wasm-dir is for the page, not for {given.to}; leave it out.")
    if given.to == "page":
        return run_page(given, out, stop)
    if given.to == "card":
        return run_card(given, out, stop)
    return run_file(given, out, stop)


@contextlib.contextmanager
def written_to(out: Path) -> Iterator[None]:
    """Raises UserError for what cannot be written in the context."""
    try:
        yield
    except OSError as error:
        why = error.strerror if error.filename == str(out) else reason(error)
        raise UserError(f"{out} cannot be written: {why}; choose another place with --out.") from None


def run_file(given: argparse.Namespace, out: Path, stop: StopRequest) -> int:
    """`--to onnx` and `--to torch`."""
    check_name(out, given.to)
    refuse_foreign(out)
    from ganforge.export.to_onnx import require_packages, write_onnx
    from ganforge.export.to_torch import write_torch
    from ganforge.sampling.model import load

    if given.to == "onnx":
        require_packages()
    model = load(given.source, "cpu", best=given.best)
    stop.poll()
    write = write_onnx if given.to == "onnx" else write_torch
    with written_to(out):
        found = write(model, out, given.output or "uint8", given.license)
    what = "pictures" if len(model.shape) == 3 else "points"
    tell(printable(f"{out}: {out.stat().st_size:,} bytes; its {what} differ from PyTorch's by {found:.1e} at most"))
    if model.config.precision == "bfloat16":
        tell("It computes in float32, and the run in bfloat16: `ganforge sample` rounds otherwise.")
    return 0


def run_card(given: argparse.Namespace, out: Path, stop: StopRequest) -> int:
    """`--to card`."""
    if given.output is not None:
        raise UserError("--output is for onnx and torch, and a card has no model; leave it out.")
    from ganforge.export.card import GRID, README, write_card
    from ganforge.run.folder import RunFolder
    from ganforge.sampling.model import load

    model = load(given.source, "cpu", best=given.best)
    stop.poll()
    folder = RunFolder(model.path.resolve().parent.parent)  # a snapshot by itself lies in none
    with written_to(out):
        complaints = write_card(model, folder if folder.exists() else None, out, given.license)
    tell(printable(f"{out / README} and {out / GRID}; put the snapshot beside them: {model.path}"))
    for complaint in complaints:
        complain(printable(complaint))
    return 0


def run_page(given: argparse.Namespace, out: Path, stop: StopRequest) -> int:
    """`--to page`."""
    if given.output is not None:
        raise UserError("--output is for onnx and torch, and a page's model gives bytes; leave it out.")
    from ganforge.export.page_folder import refuse_other_folder

    refuse_other_folder(out)
    from ganforge.export.to_onnx import require_packages
    from ganforge.export.to_page import write_page
    from ganforge.sampling.model import load

    require_packages()
    model = load(given.source, "cpu", best=given.best)
    stop.poll()
    with written_to(out):
        found = write_page(model, out, given.wasm_dir, given.license)
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
