"""`ganforge sample`: pictures from a run or snapshot."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.stopping import Stopped, StopRequest
from ganforge.base.terminal import complain, printable, tell
from ganforge.cli.options import SOURCE, Parser, refuse_other_than_png, setting_help, whole
from ganforge.cli.sample_checks import check_sample_options, is_film, is_folder, takes_many

if TYPE_CHECKING:
    from torch import Tensor

    from ganforge.sampling.model import Model

MAX_COUNT, MAX_GRID = 10_000_000, 100_000
SUMMARY = "make pictures from a run or snapshot: by seeds, a walk, neighbours"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("source", metavar="RUN_OR_SNAPSHOT", type=Path, help=SOURCE)
    parser.add_argument("--best", action="store_true", help="the run's best snapshot instead of its newest")
    parser.add_argument("--seeds", help="such as 0-63 or 1,5,20-29 (default: 0-63)")
    parser.add_argument("--count", type=whole, metavar="N", help="seeds from 0 on, or, of --around, pictures in all")
    parser.add_argument("--per-class", type=whole, metavar="N", help="of a conditional run: so many of each class")
    parser.add_argument("--balance-like", metavar="DATA", help="classes as frequent as in these data")
    parser.add_argument("--interpolate", metavar="SEEDS", help="a walk from seed to seed instead, such as 3,17,42")
    parser.add_argument("--frames", type=whole, metavar="N", help="of a walk: from one seed to the next (default: 30)")
    parser.add_argument("--loop", action="store_true", help="of a walk: back to the first seed, and on without end")
    parser.add_argument(
        "--fps", type=float, help="of a walk: frames a second, at most 50, of a film 60 (default: 20; --evolution: 10)"
    )
    parser.add_argument("--evolution", action="store_true", help="the run's own grids, as a film, instead")
    parser.add_argument("--around", metavar="SEED", help="a seed's picture and neighbours of it instead")
    parser.add_argument("--spread", type=float, help="how far the neighbours are: above 0, at most 1 (default: 0.3)")
    parser.add_argument(
        "--class", dest="classes", metavar="CLASSES",
        help="of a conditional run: such as 3, cat, or 0-9 in turn (default: each seed's remainder by their number)",
    )  # fmt: skip
    parser.add_argument(
        "--truncation", type=float, default=1.0, metavar="PSI",
        help="for normal noise: z times PSI, at most 1; less is more typical, and less diverse (default: 1)",
    )  # fmt: skip
    parser.add_argument("--scale", type=whole, metavar="K", help="enlargement of a grid or a walk; 1: none")
    parser.add_argument("--format", choices=("png", "jpeg", "webp"), help="of single pictures (default: png)")
    parser.add_argument("--quality", type=whole, help="of jpeg (default: 95) and webp (default: lossless), 1 to 100")
    parser.add_argument("--upscale", type=whole, metavar="K", help="of single pictures: each pixel K x K (default: 1)")
    parser.add_argument(
        "--out", help="NAME.png: a grid (default: samples.png); FOLDER/, NAME.zip, NAME.tar: single pictures; "
        "NAME.npz: an array; of a walk: .webp (default: walk.webp), .gif, .png, .mp4, .webm, or FOLDER/ of frames",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help=setting_help("device"))


def run(given: argparse.Namespace, stop: StopRequest) -> int:
    check_sample_options(given)
    if given.evolution:
        return save_evolution(given, stop)
    way = "walk" if given.interpolate is not None else "near" if given.around is not None else "seeds"
    given.out = given.out or ("walk.webp" if way == "walk" else "samples.png")
    if way == "walk":
        return save_a_walk(given, stop)
    if way == "seeds" and takes_many(given.out):
        return save_many(given, stop)
    return save_grid(given, stop, near=way == "near")


def save_grid(given: argparse.Namespace, stop: StopRequest, near: bool) -> int:
    """A picture of pictures, or of points."""
    from ganforge.base.images import layout
    from ganforge.base.selections import parse_seeds
    from ganforge.data.draw import check_scale, draw_items, save_picture
    from ganforge.sampling.model import load
    from ganforge.sampling.selection import Selection, choose

    out = Path(given.out)
    refuse_other_than_png(out)
    refuse_foreign(out)
    seeds = parse_seeds(given.around) if near else None
    model = load(given.source, given.device, best=given.best)
    stop.poll()
    if seeds is None:
        chosen_seeds, labels = choose_seeds(given, model)
        told = None if labels is None else labels.tolist()
        chosen = Selection(chosen_seeds, classes=told, truncation=given.truncation)
    else:
        options = {name: getattr(given, name) for name in ("spread", "count") if getattr(given, name) is not None}
        classes = classes_of(given, model)
        chosen = Selection(seeds, "near", classes=classes, truncation=given.truncation, **options)
    z, told_labels = choose(model, chosen)
    check_scale(model.shape, len(z), out, given.scale)
    items = model.pictures(z, told_labels)
    stop.poll()
    save_picture(draw_items(items, scale=given.scale), out)
    enlarged = ""
    if len(model.shape) == 3:
        _, height, width = model.shape
        scale = layout(len(items), height, width, scale=given.scale)[2]
        enlarged = f", enlarged {scale} times (--scale 1: {width} x {height} pixels each)" if scale > 1 else ""
    tell(printable(f"{counted(len(items), model)} in {out}{enlarged}"))
    return 0


def save_a_walk(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.base.selections import parse_seeds
    from ganforge.data.draw import check_scale, check_walk_name, save_walk
    from ganforge.sampling.film_frames import walk_frames, write_frames
    from ganforge.sampling.model import load
    from ganforge.sampling.selection import MAX_FILM, MAX_WALK, Selection, choose

    out, one_by_one = Path(given.out), is_film(given.out) or is_folder(given.out)
    if not one_by_one:
        check_walk_name(out)
    if not is_folder(given.out):
        refuse_foreign(out)
    seeds = parse_seeds(given.interpolate)
    model = load(given.source, given.device, best=given.best)
    stop.poll()
    classes = classes_of(given, model)
    options = {} if given.frames is None else {"frames": given.frames}
    longest = MAX_FILM if one_by_one and len(model.shape) == 3 else MAX_WALK
    z, labels = choose(
        model, Selection(seeds, "walk", loop=given.loop, classes=classes, truncation=given.truncation, longest=longest,
                         **options)
    )  # fmt: skip
    count, fps = len(z), given.fps or 20.0
    check_scale(model.shape, count, out, given.scale, moves=True)
    if one_by_one:
        write_frames(walk_frames(model, z, labels, given.scale), out, fps)
    else:
        items = model.pictures(z, labels)
        stop.poll()
        save_walk(items, out, fps, given.loop, given.scale)
    tell(printable(f"{counted(count, model)} in {out}"))
    return 0


def save_evolution(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.run.folder import RunFolder
    from ganforge.sampling.film_frames import evolution_frames, write_frames

    out, fps = Path(given.out or "evolution.mp4"), given.fps or 10.0
    if not is_film(out):
        raise UserError(f"The film of a run's grids is .mp4 or .webm, not {out.name}; evolution.webp is in the run.")
    refuse_foreign(out)
    count = write_frames(evolution_frames(RunFolder(given.source), fps), out, fps)
    tell(printable(f"{count:,} frames in {out}"))
    return 0


def save_many(given: argparse.Namespace, stop: StopRequest) -> int:
    """Single pictures, or an array of them."""
    from ganforge.sampling.model import load

    model = load(given.source, given.device, best=given.best)
    stop.poll()
    seeds, labels = choose_seeds(given, model)
    look = {"kind": given.format or "png", "quality": given.quality, "upscale": given.upscale or 1}
    try:
        written = model.save(given.out, seeds, labels, truncation=given.truncation, **look)
    except Stopped:
        return 128 + stop.signum  # how far it came has been said
    more = f" and {len(written) - 1:,} more file{'s' * (len(written) > 2)}" if len(written) > 1 else ""
    tell(printable(f"{counted(len(seeds), model)} in {written[0]}{more}"))
    return 0


def counted(count: int, model: "Model") -> str:
    """Such as `1,000 pictures`."""
    what = "picture" if len(model.shape) == 3 else "point"
    return f"{count:,} {what}{'s' * (count > 1)}"


def say(line: str) -> None:
    complain(printable(line))


def classes_of(given: argparse.Namespace, model: "Model") -> list[int] | None:
    """Those that are asked for, None where none are. Raises UserError for a model that is told none."""
    from ganforge.base.selections import parse_classes

    if not model.num_classes and (given.classes, given.per_class, given.balance_like) != (None, None, None):
        raise UserError(f"The model in {model.path} is not told any class; leave the class out.")
    return None if given.classes is None else parse_classes(given.classes, model.class_names)


def choose_seeds(given: argparse.Namespace, model: "Model") -> "tuple[Sequence[int], Tensor | None]":
    """The seeds, and their classes where others are asked for than theirs."""
    from ganforge.base.selections import parse_seeds
    from ganforge.data.load import load as load_data
    from ganforge.sampling.balance import counts_for, labels_like
    from ganforge.sampling.model import labels_for

    classes = classes_of(given, model)
    if given.per_class is not None:
        classes = list(range(model.num_classes)) if classes is None else list(dict.fromkeys(classes))
    count = given.count if given.per_class is None else given.per_class * len(classes or ())
    most = MAX_COUNT if takes_many(given.out) else MAX_GRID
    if count is not None and count > most:
        raise UserError(f"{count:,} pictures are more than can be asked for at a time here; give {most:,} at most.")
    counts = []
    if given.balance_like is not None:
        data = load_data(given.balance_like, say=say)
        for note in data.notes:
            say(note)
        if data.is_points != (len(model.shape) == 1):
            kinds = ("points", "pictures") if data.is_points else ("pictures", "points")
            raise UserError(f"The items of {data.name} are {kinds[0]}, and the model makes {kinds[1]}; give others.")
        counts = counts_for(model.class_names, model.num_classes, data)
        count = min(most, sum(counts)) if count is None and given.seeds is None else count
    seeds = parse_seeds("0-63" if given.seeds is None else given.seeds) if count is None else range(count)
    if counts:
        return seeds, labels_like(counts, len(seeds))
    return seeds, None if classes is None else labels_for(model, seeds, classes)
