"""`ganforge sample`: pictures from a run or snapshot."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import printable, tell
from ganforge.cli.options import SOURCE, Parser, refuse_other_than_png, setting_help, whole

SUMMARY = "make pictures from a run or snapshot: by seeds, a walk, neighbours"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("source", metavar="RUN_OR_SNAPSHOT", type=Path, help=SOURCE)
    parser.add_argument("--best", action="store_true", help="the run's best snapshot instead of its newest")
    parser.add_argument("--seeds", help="a grid: such as 0-63 or 1,5,20-29 (default: 0-63)")
    parser.add_argument("--interpolate", metavar="SEEDS", help="a walk from seed to seed instead, such as 3,17,42")
    parser.add_argument("--frames", type=whole, metavar="N", help="of a walk: from one seed to the next (default: 30)")
    parser.add_argument("--loop", action="store_true", help="of a walk: back to the first seed, and on without end")
    parser.add_argument("--fps", type=float, help="of a walk: frames a second, at most 50 (default: 20)")
    parser.add_argument("--around", metavar="SEED", help="a seed's picture and neighbours of it instead")
    parser.add_argument("--count", type=whole, metavar="N", help="of --around: pictures in all (default: 64)")
    parser.add_argument("--spread", type=float, help="how far the neighbours are: above 0, at most 1 (default: 0.3)")
    parser.add_argument(
        "--class", dest="classes", metavar="CLASSES",
        help="of a conditional run: such as 3, cat, or 0-9 in turn (default: each seed's remainder by their number)",
    )  # fmt: skip
    parser.add_argument(
        "--truncation", type=float, default=1.0, metavar="PSI",
        help="for normal noise: z times PSI, at most 1; less is more typical, and less diverse (default: 1)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="default: samples.png; of a walk: walk.webp, or .gif, .png")
    parser.add_argument("--device", default="auto", help=setting_help("device"))


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    check_sample_options(given)
    from ganforge.base.selections import parse_classes, parse_seeds
    from ganforge.data.draw import check_walk_name, draw_items, save_picture, save_walk
    from ganforge.sampling.model import load
    from ganforge.sampling.selection import Selection, Way, choose

    way: Way = "walk" if given.interpolate is not None else "near" if given.around is not None else "seeds"
    out = given.out or Path("walk.webp" if way == "walk" else "samples.png")
    if way == "walk":
        check_walk_name(out)
    else:
        refuse_other_than_png(out)
    refuse_foreign(out)
    texts = {"walk": given.interpolate, "near": given.around, "seeds": "0-63" if given.seeds is None else given.seeds}
    seeds = parse_seeds(texts[way])
    options = {name: getattr(given, name) for name in ("frames", "spread", "count") if getattr(given, name) is not None}
    model = load(given.source, given.device, best=given.best)
    stop.poll()
    classes = parse_classes(given.classes, model.class_names) if given.classes is not None else None
    chosen = Selection(seeds, way, loop=given.loop, classes=classes, truncation=given.truncation, **options)
    z, labels = choose(model, chosen)
    items = model.pictures(z, labels)
    stop.poll()
    if way == "walk":
        save_walk(items, out, given.fps or 20.0, given.loop)
    else:
        save_picture(draw_items(items), out)
    tell(printable(f"{len(items):,} picture{'s' * (len(items) > 1)} in {out}"))
    return 0


def check_sample_options(given: argparse.Namespace) -> None:
    """Raise UserError for options that do not go together, before the seconds that importing PyTorch takes."""
    ways = [f"--{name}" for name in ("seeds", "interpolate", "around") if getattr(given, name) is not None]
    if len(ways) > 1:
        raise UserError(f"{' and '.join(ways)} ask for different pictures; give one of them.")
    needs = {
        "frames": "--interpolate",
        "fps": "--interpolate",
        "loop": "--interpolate",
        "spread": "--around",
        "count": "--around",
    }
    for name, needed in needs.items():
        if getattr(given, name) not in (None, False) and needed not in ways:
            raise UserError(f"--{name} goes with {needed}, which is not given; add it, or leave --{name} out.")
    if given.fps is not None and not 0 < given.fps <= 50:
        raise UserError(f"--fps is {given.fps:g}; give more than 0 and at most 50 frames a second.")
