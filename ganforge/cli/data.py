"""`ganforge data`: list, inspect, prepare and clear data."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.base.file_marks import refuse_foreign
from ganforge.base.sizes import gib
from ganforge.base.stopping import StopRequest
from ganforge.base.terminal import mention, printable, tell
from ganforge.base.wording import pasted
from ganforge.cli.options import Parser, refuse_options, refuse_other_than_png, setting_help, settings_given
from ganforge.config import make_config
from ganforge.data.catalog import DATA_SETS, HUB, folder_name, locate
from ganforge.data.settings import PREPARED_BY

SUMMARY = "list the data sets, inspect one, prepare pictures, or clear what was prepared"


def add_options(parser: Parser, arguments: Sequence[str]) -> None:
    parser.add_argument("action", choices=["list", "inspect", "prepare", "clear"], nargs="?", default="list")
    parser.add_argument(
        "name", metavar="DATA", nargs="?",
        help=f"one of: {', '.join(DATA_SETS)}; or a folder or file of pictures, or hub:OWNER/NAME",
    )  # fmt: skip
    parser.add_argument("--split", choices=["train", "test"], help="which part (default: train)")
    parser.add_argument("--data-dir", type=Path, help=setting_help("data_dir"))
    parser.add_argument("--out", type=Path, help="where to put the contact sheet (default: a .png here, by the name)")
    shape = parser.add_argument_group(
        "for prepare (pages and range: for inspect, too), as the settings of `ganforge train`"
    )
    for name in PREPARED_BY:
        option, metavar = f"--{name.replace('_', '-')}", name.rpartition("_")[2].upper()
        shape.add_argument(option, dest=name, metavar=metavar, default=argparse.SUPPRESS, help=setting_help(name))


def run(given: argparse.Namespace, stop: StopRequest) -> int:
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
    return {"inspect": inspect_data, "prepare": prepare_data}[given.action](given)


def list_data() -> int:
    from ganforge.data.prepared.cache import all_kept, limit_bytes, prepared_folder
    from ganforge.data.shards.shard_cache import files_folder, kept_files

    for name, summary in DATA_SETS.items():
        tell(f"{name:14} {summary}")
    tell(f"{'PATH':14} your own pictures: a folder, .zip, .npz, .npy, IDX, Parquet or .tar file (docs/data.md)")
    tell(f"{'PATTERN':14} shards, read in place: 'DIR/train-{{0000..0099}}.tar', or by https://, s3:// or gs://")
    tell(f"{HUB + 'OWNER/NAME':14} a data set on the Hugging Face hub")
    kept = all_kept(prepared_folder())
    total, most = gib(sum(one.size for one in kept)), gib(limit_bytes())
    tell(f"\nPrepared pictures in {printable(str(prepared_folder()))}: {total} of at most {most}")
    fetched = kept_files(files_folder())
    tell(f"Fetched shards in {printable(str(files_folder()))}: {gib(sum(size for _, size, _ in fetched))} of as much")
    for one in reversed(kept):
        tell(f"{gib(one.size):>12}  {'unfinished' if one.facts is None else printable(str(one.facts['summary']))}")
    return 0


def clear_data() -> int:
    from ganforge.base.user_cache import clear_statistics, downloads
    from ganforge.data.prepared.cache import all_kept, prepared_folder, remove, remove_locks
    from ganforge.data.shards.shard_cache import clear_shards

    kept = all_kept(prepared_folder())
    removed = [one for one in kept if remove(one)]
    remove_locks(prepared_folder())
    indices, fetched, shards_size = clear_shards()
    measured, size = clear_statistics()
    tell(f"Removed {len(removed)} prepared data sets: {gib(sum(one.size for one in removed))}")
    if indices or fetched:
        tell(f"Removed {fetched} fetched shards, and the lists of {indices} sets of shards: {gib(shards_size)}")
    tell(f"Removed {measured} files of statistics of real pictures: {gib(size)}")
    if left := [one for one in kept if one not in removed]:
        size = sum(one.size for one in left)
        tell(f"Left, since they are in use or cannot be removed: {len(left)}, {gib(size)}")
    for folder, size in downloads().items():
        tell(
            printable(f"Left, since it would have to be fetched again: {gib(size)} in {folder}, to be deleted by hand")
        )
    return 0


def inspect_data(given: argparse.Namespace) -> int:
    from ganforge.data.draw import draw_contact_sheet, draw_source_sheet, save_picture

    if given.out is not None:
        refuse_other_than_png(given.out)
    if given.name in DATA_SETS:
        from ganforge.data.inspect_dataset import describe_dataset, inspect_dataset
        from ganforge.data.load import load

        out = given.out or Path(f"{given.name}-{given.split or 'train'}.png")
        refuse_foreign(out)
        dataset = load(given.name, split=given.split or "train", data_dir=given.data_dir)
        tell(describe_dataset(inspect_dataset(dataset)))
        save_picture(draw_contact_sheet(dataset), out)
    else:
        from contextlib import closing

        from ganforge.data.prepared.first_look import take_range
        from ganforge.data.prepared.splits import choose_split
        from ganforge.data.shards.pattern import is_shards
        from ganforge.data.shards.shard_dataset import look_into, refuse_pages
        from ganforge.data.sources.depth import parse_range
        from ganforge.data.sources.inspect_source import describe_source, inspect_source
        from ganforge.data.sources.open import open_guarded

        refuse_options(given, ("split", "data_dir"), "for a data set by name")
        out = given.out or Path(f"{folder_name(given.name)}-sheet.png")
        refuse_foreign(out)
        settings = make_config({"data": given.name} | settings_given(given))
        place: str | Path = given.name
        if shards := is_shards(given.name):
            refuse_pages(settings.pages)
            place, lines, *told = look_into(locate(given.name), lambda line: mention(printable(line)))
            tell("\n".join(map(printable, lines)))
        with closing(open_guarded(place)) as source:
            if settings.pages == "all":
                source.take_pages()
            learned = choose_split(source, "train").indices
            span, span_from = take_range(source, parse_range(settings.range), learned)
            facts = inspect_source(source)
            facts.pages, facts.span, facts.span_from = settings.pages, span, span_from
            if shards:
                facts.name, facts.kind, (facts.labels_from, facts.no_labels) = given.name, "shards", told
            tell(describe_source(facts))
            save_picture(draw_source_sheet(source), out)
    tell(printable(f"Contact sheet: {out}"))
    return 0


def prepare_data(given: argparse.Namespace) -> int:
    if given.name in DATA_SETS:
        raise UserError(f"{given.name} needs no preparing; train on it with --data {given.name}.")
    refuse_options(given, ("data_dir", "out"), "for inspecting")
    settings = make_config({"data": given.name} | settings_given(given)).data_settings()
    from ganforge.data.load import load

    def say(line: str) -> None:
        mention(printable(line))

    dataset = load(given.name, given.split or "train", say=say, **settings)
    for note in dataset.notes:
        say(note)
    classes = f"found, {dataset.num_classes:,} classes ({dataset.labels_from})" if dataset.labels_from else "none"
    why = f": {dataset.no_labels}" if dataset.no_labels else ""
    say(f"labels: {classes}{why}")
    say(f"Ready: `ganforge train RECIPE --data {pasted(given.name)}` with the same options begins at once.")
    return 0
