"""`ganforge push`: a run's snapshot to the Hugging Face hub."""

import argparse
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.sizes import gib
from ganforge.base.stopping import Stopped, StopRequest, polling
from ganforge.base.terminal import complain, printable, tell
from ganforge.cli.options import Parser, refuse_odd_license

SUMMARY = "put a run's snapshot on the Hugging Face hub, with a card and a grid"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("source", metavar="RUN_OR_SNAPSHOT", type=Path, help="its best snapshot goes, by its figures")
    parser.add_argument("target", metavar="hub:OWNER/NAME", help="made there if it is not; private unless --public")
    parser.add_argument("--newest", action="store_true", help="the run's newest snapshot instead of its best")
    parser.add_argument("--public", action="store_true", help="everybody may see it")
    parser.add_argument("--dry-run", action="store_true", help="only list what would go; asks nobody")
    parser.add_argument("--license", help="under which others may use it, such as cc-by-4.0; stands in the card")


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    refuse_odd_license(given.license)
    import tempfile

    from ganforge.data.download import OFFLINE
    from ganforge.export.to_hub import commit, pack, snapshot_to_push
    from ganforge.run.hub_snapshot import FILE, hub_at_work, hub_name

    name = hub_name(given.target)
    if name.revision is not None:
        raise UserError(f"What is pushed is the newest of {name.repo}; leave @{name.revision} out.")
    if os.environ.get(OFFLINE) and not given.dry_run:
        raise UserError(f"{name} cannot be pushed, since {OFFLINE} is set; unset it, or see what would go: --dry-run.")
    snapshot = snapshot_to_push(given.source, newest=given.newest)
    with tempfile.TemporaryDirectory() as place:
        parcel = pack(given.source, snapshot, Path(place), given.license)
        stop.poll()
        tell(printable(f"{'Would go' if given.dry_run else 'Going'} to {name}, {seen(given.public)}:"))
        for file, path in parcel.files.items():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            from_where = f", of {snapshot}" if file == FILE else ""
            tell(printable(f"  {file:18} {gib(path.stat().st_size):>10}  SHA-256 {digest}{from_where}"))
        if parcel.left_out:
            tell(f"Left out: where on this machine {' and '.join(parcel.left_out)} of the settings are")
        for complaint in parcel.complaints:
            complain(printable(complaint))
        if given.dry_run:
            return 0
        try:
            with hub_at_work(str(name), "cannot be pushed"):
                what = f"{snapshot.stem} of {given.source.resolve().name}, by ganforge"
                made, private = polling(lambda: commit(name, parcel.files, public=given.public, message=what))
        except Stopped:
            complain(f"ganforge: stopped while pushing: {name} has all of it or nothing; to be sure push again")
            raise
    if given.public and private:
        complain(f"{name} was there before and stays private, in spite of --public; its page can change that.")
    tell(f"Pushed: {name}@{made}, {seen(not private)}. To use it: `ganforge sample {name}@{made}`")
    return 0


def seen(public: bool) -> str:
    return "which everybody can see" if public else "private"
