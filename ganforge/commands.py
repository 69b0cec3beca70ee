"""What the verbs of the command line do: each calls one function of the package and says what came of it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.base.errors import UserError
from ganforge.base.stopping import StopRequest
from ganforge.config import Config, make_config
from ganforge.data.catalog import DATA_SETS, HUB, folder_name, locate
from ganforge.recipes import RECIPES, recipe

if TYPE_CHECKING:
    from ganforge.run.folder import RunFolder


def train(given: argparse.Namespace, stop: StopRequest) -> int:
    config = recipe(given.recipe, **settings_given(given))
    locate(config.data)  # what is wrong is said before the seconds that importing PyTorch takes
    from ganforge.training.launch import start
    from ganforge.training.progress import choose_progress

    return how_it_ended(start(config, given.out, choose_progress(), stop), stop)


def resume(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.run.folder import RunFolder

    folder, changes = RunFolder(given.run), settings_given(given)
    old = make_config(folder.read_config()["settings"], source=folder.config)
    make_config(old.model_dump() | changes)  # what is wrong is said before the seconds that importing PyTorch takes
    from ganforge.training.launch import go_on
    from ganforge.training.progress import choose_progress

    return how_it_ended(go_on(folder, changes, choose_progress(), stop), stop)


def how_it_ended(folder: "RunFolder", stop: StopRequest) -> int:
    return 0 if folder.read_status().get("state") == "finished" else 128 + stop.signum


def sample(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.data.draw import draw_items, save_picture
    from ganforge.sampling import load, parse_seeds

    seeds = parse_seeds(given.seeds)
    model = load(given.source, given.device, best=given.best)
    stop.poll()
    items = model.sample(seeds)
    stop.poll()
    save_picture(draw_items(items), given.out)
    print(f"{len(seeds)} picture{'s' * (len(seeds) > 1)} in {given.out}")
    return 0


def evaluate(given: argparse.Namespace, stop: StopRequest) -> int:
    if given.samples is not None and given.samples < 1:
        raise UserError(f"--samples is {given.samples}; give 1 or more.")
    from ganforge.evaluation import evaluate
    from ganforge.metrics.describe import describe

    names = given.features.split(",") if given.features else None
    done = evaluate(
        given.source, given.against, best=given.best, samples=given.samples, features=names,
        inception_file=given.inception_file, data_dir=given.data_dir, test_data=given.test_data,
        device=given.device, out=given.out, poll=stop.poll,
    )  # fmt: skip
    print(describe(done.record))
    print(f"Written: {', '.join(str(path) for path in done.written)}")
    return 0


def compare(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.comparison import compare, render, save_plot

    comparison = compare(given.runs)
    stop.poll()
    print(render(comparison))
    save_plot(comparison, given.out)
    print(f"Plot: {given.out}")
    return 0


def recipes(given: argparse.Namespace, stop: StopRequest) -> int:
    for name, function in RECIPES.items():
        lines = [line.strip() for line in (function.__doc__ or "").strip().splitlines()]
        print("\n".join([name, *(f"    {line}" for line in lines if line)]))
    return 0


def data(given: argparse.Namespace, stop: StopRequest) -> int:
    if given.action in ("list", "clear"):
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
    from ganforge.data.prepared import all_kept, gib, limit_bytes, prepared_folder

    for name, summary in DATA_SETS.items():
        print(f"{name:14} {summary}")
    print(f"{'PATH':14} your own pictures: a folder, .zip, .npz, .npy, IDX, Parquet or .tar file (docs/data.md)")
    print(f"{HUB + 'OWNER/NAME':14} a data set on the Hugging Face hub")
    kept = all_kept(prepared_folder())
    total, most = gib(sum(one.size for one in kept)), gib(limit_bytes())
    print(f"\nPrepared pictures in {prepared_folder()}: {total} of at most {most}")
    for one in reversed(kept):
        print(f"{gib(one.size):>12}  {'unfinished' if one.facts is None else one.facts['summary']}")
    return 0


def clear_data() -> int:
    from ganforge.data.prepared import all_kept, gib, prepared_folder, remove

    kept = all_kept(prepared_folder())
    removed = [one for one in kept if remove(one)]
    print(f"Removed {len(removed)} prepared data sets: {gib(sum(one.size for one in removed))}")
    if left := len(kept) - len(removed):
        print(f"Left, since they are in use or cannot be removed: {left}")
    return 0


def inspect_data(given: argparse.Namespace, stop: StopRequest) -> int:
    from ganforge.data.draw import draw_contact_sheet, draw_source_sheet, save_picture

    if given.name in DATA_SETS:
        from ganforge.data.inspect import describe, inspect
        from ganforge.data.load import load

        dataset = load(given.name, split=given.split or "train", data_dir=given.data_dir, poll=stop.poll)
        out = given.out or Path(f"{given.name}-{given.split or 'train'}.png")
        print(describe(inspect(dataset)))
        save_picture(draw_contact_sheet(dataset), out)
    else:
        from contextlib import closing

        from ganforge.data.inspect_source import describe_source, inspect_source
        from ganforge.data.sources import open_source

        refuse_options(given, ("split", "data_dir"), "for a data set by name")
        out = given.out or Path(f"{folder_name(given.name)}-sheet.png")
        with closing(open_source(given.name)) as source:
            print(describe_source(inspect_source(source, stop.poll)))
            save_picture(draw_source_sheet(source, poll=stop.poll), out)
    print(f"Contact sheet: {out}")
    return 0


def prepare_data(given: argparse.Namespace, stop: StopRequest) -> int:
    if given.name in DATA_SETS:
        raise UserError(f"{given.name} needs no preparing; train on it with --data {given.name}.")
    refuse_options(given, ("data_dir", "out"), "for inspecting")
    settings = make_config({"data": given.name} | settings_given(given)).data_settings()
    from ganforge.data.load import load

    def say(line: str) -> None:
        print(line, flush=True)

    dataset = load(given.name, given.split or "train", poll=stop.poll, say=say, **settings)
    for note in dataset.notes:
        say(note)
    classes = f"found, {dataset.num_classes:,} classes ({dataset.labels_from})" if dataset.labels_from else "none"
    say(f"labels: {classes}")
    say(f"Ready: `ganforge train RECIPE --data {given.name}` with the same options begins at once.")
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
