"""What the verbs of the command line do: each calls one function of the package and says what came of it."""

import argparse
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.base.errors import UserError
from ganforge.base.ours import refuse_foreign
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import mention, printable, tell
from ganforge.base.wording import pasted, refuse_odd_name
from ganforge.config import Config, make_config
from ganforge.data.catalog import DATA_SETS, HUB, folder_name, locate
from ganforge.recipes import RECIPES, recipe, usual_recipe

if TYPE_CHECKING:
    from ganforge.run.folder import RunFolder


def train(given: argparse.Namespace, stop: StopRequest) -> int:
    settings = settings_given(given)
    name, why = (given.recipe, "") if given.recipe else usual_recipe(settings.get("data", "mnist"))
    config = recipe(name, **settings)
    locate(config.data)  # what is wrong is said before the seconds that importing PyTorch takes
    refuse_odd_name(given.out or "")
    if why:
        mention(why)
    if given.watch:
        return train_and_watch(config, given.out, stop)
    return finish(start_training(config, given.out, stop), stop)


def start_training(config: Config, out: str | Path | None, stop: StopRequest) -> "RunFolder":
    from ganforge.training.progress import choose_progress
    from ganforge.training.start import start

    return start(config, out, choose_progress(), stop)


def train_and_watch(config: Config, out: str | None, stop: StopRequest) -> int:
    """The page is shown from before the first image to after the last one."""
    from ganforge.run.folder import RunFolder
    from ganforge.run.place import usual_folder
    from ganforge.viewer.beside import page_beside

    if out is not None:
        RunFolder(out).refuse_occupied()
    place = usual_folder(config.recipe, config.data) if out is None else nullcontext(RunFolder(out))
    with place as folder, page_beside(folder.path) as lines:
        mention("\n".join(lines))
        status = how_it_ended(start_training(config, folder.path, stop), stop)
    mention(f"The page has ended with the training; {how_to_look('look again', folder.path)}")
    return status


def resume(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.run.folder import RunFolder

    folder, changes = RunFolder(given.run), settings_given(given)
    old = make_config(folder.read_config()["settings"], source=folder.config)
    make_config(old.model_dump() | changes)  # what is wrong is said before the seconds that importing PyTorch takes
    from ganforge.training.progress import choose_progress
    from ganforge.training.start import go_on

    return finish(go_on(folder, changes, choose_progress(), stop), stop)


def finish(folder: "RunFolder", stop: StopRequest) -> int:
    """Say how a finished run is looked at; returns the exit status."""
    status = how_it_ended(folder, stop)
    if status == 0:
        mention(how_to_look("Look at it", folder.path))
    return status


def how_to_look(begin: str, path: Path) -> str:
    shown = printable(pasted(path))
    return f"{begin}: `ganforge watch {shown}`; one file to keep or send: `ganforge report {shown}`"


def how_it_ended(folder: "RunFolder", stop: StopRequest) -> int:
    finished = folder.read_status().get("state") == "finished"
    return 0 if finished or not stop else 128 + stop.signum  # without a stop it has finished, readable or not


def sample(given: argparse.Namespace, stop: StopRequest) -> int:
    check_sample_options(given)
    from ganforge.base.selections import parse_classes, parse_seeds
    from ganforge.data.draw import check_walk_name, draw_items, save_picture, save_walk
    from ganforge.sampling.model import Way, choose, load

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
    z, labels = choose(
        model, seeds, way, loop=given.loop, classes=classes, truncation=given.truncation, **options,
    )  # fmt: skip
    items = model.pictures(z, labels)
    stop.poll()
    if way == "walk":
        save_walk(items, out, given.fps or 20.0, given.loop)
    else:
        save_picture(draw_items(items), out)
    tell(printable(f"{len(items):,} picture{'s' * (len(items) > 1)} in {out}"))
    return 0


def refuse_other_than_png(out: Path) -> None:
    """Raise UserError where the name that was given for a picture is not a PNG's, or its folder is not there."""
    if out.suffix.lower() != ".png":
        raise UserError(f"The picture is a PNG file; give --out a name that ends in .png, not {out.name!r}.")
    if not out.parent.is_dir():
        raise UserError(f"There is no folder {out.parent}; make it, or choose another place with --out.")


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


def evaluate(given: argparse.Namespace, stop: StopRequest) -> int:
    if given.samples is not None and given.samples < 1:
        raise UserError(f"--samples is {given.samples}; give 1 or more.")
    from ganforge.judging.description import describe
    from ganforge.judging.evaluation import evaluate

    names = given.features.split(",") if given.features else None
    done = evaluate(
        given.source, given.against, best=given.best, samples=given.samples, features=names,
        inception_file=given.inception_file, data_dir=given.data_dir, test_data=given.test_data,
        device=given.device, out=given.out, poll=stop.poll,
    )  # fmt: skip
    tell(describe(done.record))
    tell(printable(f"Written: {', '.join(str(path) for path in done.written)}"))
    return 0


def compare(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.judging.comparison import NOTHING_TO_DRAW, compare, render, save_plot

    refuse_other_than_png(given.out)
    refuse_foreign(given.out)
    comparison = compare(given.runs)
    stop.poll()
    drawn = save_plot(comparison, given.out)
    tell(render(comparison))
    tell(printable(f"Plot: {given.out}") if drawn else f"\nNo plot: {NOTHING_TO_DRAW}")
    return 0


def watch(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.viewer.beside import require_page
    from ganforge.viewer.ending import ends_at_once
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


def report(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.run.folder import RunFolder
    from ganforge.viewer.report import write_report

    folder = RunFolder(given.run)
    out = given.out or folder.report
    write_report(folder, out)
    tell(printable(f"Report: {out} ({out.stat().st_size / 1e6:.1f} MB)"))
    return 0


def recipes(given: argparse.Namespace, stop: StopRequest) -> int:
    for name, function in RECIPES.items():
        lines = [line.strip() for line in (function.__doc__ or "").strip().splitlines()]
        tell("\n".join([name, *(f"    {line}" for line in lines if line)]))
    return 0


def data(given: argparse.Namespace, stop: StopRequest) -> int:
    if given.action != "prepare":
        also = ("data_dir", "pages", "range") if given.action == "inspect" else ("data_dir",)
        shape = tuple(name for name in settings_given(given) if name not in also)
        refuse_options(given, shape, "for `ganforge data prepare` and `ganforge train`")
    if given.action in ("list", "clear"):
        refuse_options(given, ("split", "data_dir", "out"), "about one data set")
        if given.name is not None:
            raise UserError(f"`ganforge data {given.action}` is about all data; leave {given.name!r} out.")
        return {"list": list_data, "clear": clear_data}[given.action]()
    if given.name is None:
        raise UserError(
            f"Which data set? `ganforge data {given.action} DATA`, with one of: {', '.join(DATA_SETS)}; or with a "
            "folder or file of pictures."
        )
    locate(given.name)
    return {"inspect": inspect_data, "prepare": prepare_data}[given.action](given, stop)


def list_data() -> int:
    from ganforge.data.prepared.cache import all_kept, gib, limit_bytes, prepared_folder

    for name, summary in DATA_SETS.items():
        tell(f"{name:14} {summary}")
    tell(f"{'PATH':14} your own pictures: a folder, .zip, .npz, .npy, IDX, Parquet or .tar file (docs/data.md)")
    tell(f"{HUB + 'OWNER/NAME':14} a data set on the Hugging Face hub")
    kept = all_kept(prepared_folder())
    total, most = gib(sum(one.size for one in kept)), gib(limit_bytes())
    tell(f"\nPrepared pictures in {printable(str(prepared_folder()))}: {total} of at most {most}")
    for one in reversed(kept):
        tell(f"{gib(one.size):>12}  {'unfinished' if one.facts is None else printable(str(one.facts['summary']))}")
    return 0


def clear_data() -> int:
    from ganforge.base.cache import clear_statistics, downloads
    from ganforge.data.prepared.cache import all_kept, gib, prepared_folder, remove, remove_locks

    kept = all_kept(prepared_folder())
    removed = [one for one in kept if remove(one)]
    remove_locks(prepared_folder())
    measured, size = clear_statistics()
    tell(f"Removed {len(removed)} prepared data sets: {gib(sum(one.size for one in removed))}")
    tell(f"Removed {measured} files of statistics of real pictures: {gib(size)}")
    if left := [one for one in kept if one not in removed]:
        size = sum(one.size for one in left)
        tell(f"Left, since they are in use or cannot be removed: {len(left)}, {gib(size)}")
    for folder, size in downloads().items():
        tell(
            printable(f"Left, since it would have to be fetched again: {gib(size)} in {folder}, to be deleted by hand")
        )
    return 0


def inspect_data(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.data.draw import draw_contact_sheet, draw_source_sheet, save_picture

    if given.out is not None:
        refuse_other_than_png(given.out)
    if given.name in DATA_SETS:
        from ganforge.data.inspect import describe, inspect
        from ganforge.data.load import load

        out = given.out or Path(f"{given.name}-{given.split or 'train'}.png")
        refuse_foreign(out)
        dataset = load(given.name, split=given.split or "train", data_dir=given.data_dir, poll=stop.poll)
        tell(describe(inspect(dataset)))
        save_picture(draw_contact_sheet(dataset), out)
    else:
        from contextlib import closing

        from ganforge.data.prepared.ranges import take_range
        from ganforge.data.prepared.splits import choose_split
        from ganforge.data.sources.depth import parse_range
        from ganforge.data.sources.inspect import describe_source, inspect_source
        from ganforge.data.sources.open import open_guarded

        refuse_options(given, ("split", "data_dir"), "for a data set by name")
        out = given.out or Path(f"{folder_name(given.name)}-sheet.png")
        refuse_foreign(out)
        settings = make_config({"data": given.name} | settings_given(given))
        with closing(open_guarded(given.name, stop.poll)) as source:
            if settings.pages == "all":
                source.take_pages()
            learned = choose_split(source, "train").indices
            span, span_from = take_range(source, parse_range(settings.range), learned, stop.poll)
            facts = inspect_source(source, stop.poll)
            facts.pages, facts.span, facts.span_from = settings.pages, span, span_from
            tell(describe_source(facts))
            save_picture(draw_source_sheet(source, poll=stop.poll), out)
    tell(printable(f"Contact sheet: {out}"))
    return 0


def prepare_data(given: argparse.Namespace, stop: StopRequest) -> int:
    if given.name in DATA_SETS:
        raise UserError(f"{given.name} needs no preparing; train on it with --data {given.name}.")
    refuse_options(given, ("data_dir", "out"), "for inspecting")
    settings = make_config({"data": given.name} | settings_given(given)).data_settings()
    from ganforge.data.load import load

    def say(line: str) -> None:
        mention(printable(line))

    dataset = load(given.name, given.split or "train", poll=stop.poll, say=say, **settings)
    for note in dataset.notes:
        say(note)
    classes = f"found, {dataset.num_classes:,} classes ({dataset.labels_from})" if dataset.labels_from else "none"
    why = f": {dataset.no_labels}" if dataset.no_labels else ""
    say(f"labels: {classes}{why}")
    say(f"Ready: `ganforge train RECIPE --data {pasted(given.name)}` with the same options begins at once.")
    return 0


def refuse_options(given: argparse.Namespace, names: tuple[str, ...], what: str) -> None:
    for name in names:
        if getattr(given, name) is not None:
            raise UserError(f"--{name.replace('_', '-')} is {what}; leave it out.")


def settings_given(given: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given on the command line, as values that Config can validate."""
    values = {name: value for name, value in vars(given).items() if name in Config.model_fields and name != "recipe"}
    for name, value in values.items():
        if name.endswith("_hidden"):
            values[name] = value.split(",") if value else []
        elif value == "none" and type(None) in getattr(Config.model_fields[name].annotation, "__args__", ()):
            values[name] = None
    return values
