"""What the folders in a tree of pictures mean: parts to learn from and to hold out, classes, or nothing.

Known names of parts are never classes. A file of labels goes before folders, and has to know every picture.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import brief
from ganforge.data.sources.entries import BESIDE, Entry, make_entries
from ganforge.data.sources.labels import Table

SUB_FOLDERS = "sub-folders"
EMPTY_CLASS = "a class folder without pictures"
LOOSE = "beside the class folders, and in none of them"
NO_PICTURES = "not used: no picture lies in its folder"
UNUSED = "neither to learn from nor held out"
PART = re.compile(
    "(?:seg)?(?:(?P<train>train|training)|(?P<val>val|valid|validation|dev|eval|evaluation)"
    "|(?P<test>test|testing|holdout|heldout))(?:set|data|dataset|split|images?|imgs?|pictures|photos)?"
)
"""Names of parts, without what is no letter."""
FEW_LOOSE = 10
"""Pictures beside class folders: so many, or 1 in 100 if that is more, are left out; with more there are no classes."""


@dataclass(frozen=True)
class Tree:
    """The pictures of a tree: entries, in the order of their paths; labels_from and no_labels as of ``Source``."""

    entries: Sequence[Entry]
    labels_from: str
    no_labels: str


def read_tree(
    name: str, paths: Sequence[str], tables: Sequence[Table], skipped: list[tuple[str, str]],
    folders: Iterable[str] = (),
) -> Tree:  # fmt: skip
    """What to make of the pictures at these paths, with / between their parts.

    name: the source's, for messages. tables: files of labels among them. skipped: what was passed over while listing;
    what is left out here is added. folders: all that there are, for those without pictures.
    Raises UserError where a file of labels and the pictures do not agree, and where folders may be parts or classes.
    """
    splits = find_splits(name, paths, decided=bool(tables))
    skipped += beside([path for path, split in zip(paths, splits, strict=True) if split == BESIDE])
    pictures = [(path, split) for path, split in zip(paths, splits, strict=True) if split != BESIDE]
    if tables:
        told, labels_from, no_labels = labels_by_tables(name, paths, tables, skipped)
        refuse_missing(name, pictures, told, labels_from)
    else:
        told, labels_from, no_labels = labels_by_folders(pictures, skipped)
        if labels_from == SUB_FOLDERS:
            skipped += empty_classes([path for path, _ in pictures if path in told], folders)
            by_class = {split for path, split in pictures if path in told}
            loose = [split in by_class and path not in told for path, split in zip(paths, splits, strict=True)]
            splits = [BESIDE if alone else split for alone, split in zip(loose, splits, strict=True)]
    return Tree(make_entries(paths, [told.get(path) for path in paths], splits), labels_from, no_labels)


def split_kind(folder: str | None) -> str:
    """The part that a folder of this name holds, in any spelling: train, val or test; "" if it is no such name."""
    found = PART.fullmatch(re.sub(r"[\W_]+|[0-9]+$", "", (folder or "").casefold()))
    return (found and found.lastgroup) or ""


def find_splits(name: str, paths: Sequence[str], decided: bool) -> list[str]:
    """The part of each picture: train, val or test; "" where there are no parts, BESIDE where it lies beside them.

    Parts are the folders at the top, or in the one folder around all, or in each class folder. decided: classes are not
    taken from folders. Raises UserError as ``read_tree``.
    """
    depth, rest, _ = class_folders(paths)
    none = [""] * len(paths)
    if depth is None:
        return none
    kinds = {folder: split_kind(folder) for folder in {folder_at(path, depth) or "" for path in rest}}
    found = set(kinds.values())
    if {"train"} < found - {""} or found == {"train"}:
        return [kinds.get(folder_at(path, depth) or "") or BESIDE for path in paths]
    parts = brief(", ".join(sorted(folder for folder, kind in kinds.items() if kind)))
    others = brief(", ".join(sorted(folder for folder, kind in kinds.items() if not kind)[:5]))
    if "" not in found:
        raise UserError(
            f"{name} holds the folders {parts}, which are to be held out, and no folder train to learn from."
        )
    if parts and not decided:
        raise UserError(
            f"{name} holds the folders {parts}, beside {others}: it cannot be told whether they are classes, or parts "
            "to learn from and to hold out; give them other names if they are classes, or remove the others."
        )
    below = [split_kind(folder_at(path, depth + 1)) for path in paths]
    if {"train"} < set(below) - {""}:
        if "" not in below:
            return below
        held: dict[str | None, set[str]] = {}
        for path, kind in zip(paths, below, strict=True):
            held.setdefault(folder_at(path, depth), set()).add(kind)
        both = next((folder for folder, inner in held.items() if {"train"} < inner - {""}), None)
        if both is not None:
            alone = brief(paths[below.index("")])
            raise UserError(f"{name} holds parts to learn from and to hold out in {brief(both)}, and {alone} in none.")
    return none


def folder_at(path: str, depth: int) -> str | None:
    """The name of the folder below ``depth`` others that the file lies in; None where there is none."""
    parts = path.split("/", depth + 1)
    return parts[depth] if len(parts) > depth + 1 else None


def class_folders(paths: Sequence[str]) -> tuple[int | None, Sequence[str], Sequence[str]]:
    """How many folders lie around those that differ; the pictures in these, and the loose ones around them. None, and
    no pictures in them, where there are not two such folders."""
    loose: list[str] = []
    rest = paths
    while rest:
        # What the first and the last by name begin with, all in between begin with, too.
        first, last = (path.split("/")[:-1] for path in (min(rest), max(rest)))
        same = (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
        depth = next(same, min(len(first), len(last)))
        here = [path for path in rest if path.count("/") == depth]
        if not here:
            return depth, rest, loose
        loose += here
        rest = [path for path in rest if path.count("/") > depth]
    return None, [], loose


def labels_by_folders(
    pictures: Sequence[tuple[str, str]], skipped: list[tuple[str, str]]
) -> tuple[dict[str, str | None], str, str]:
    """The class of each picture (path, part) that has one; where the classes come from, and why there are none."""
    told: dict[str, str | None] = {}
    reasons = {}
    parts = sorted({split for _, split in pictures})
    depth, _, _ = class_folders([path for path, _ in pictures])
    if any(parts) and depth is not None and not split_kind(folder_at(pictures[0][0], depth)):
        return {path: folder_at(path, depth) for path, _ in pictures}, "folders around the parts", ""
    for part in parts:
        inside = [path for path, split in pictures if split == part]
        depth, rest, loose = class_folders(inside)
        if depth is None:
            continue
        if len(loose) <= max(FEW_LOOSE, len(inside) // 100) and len(loose) < len(rest):
            told |= {path: folder_at(path, depth) for path in rest}
            skipped += [(brief(path), LOOSE) for path in loose]
        else:
            some = f"{len(loose):,} of {len(inside):,} pictures, such as {brief(loose[0])}"
            reasons[part] = f"the folders are not taken for classes, as {some}, lie beside them"
    return told, SUB_FOLDERS if told else "", reasons.get("train", reasons.get("", ""))


def beside(paths: Sequence[str]) -> list[tuple[str, str]]:
    """Lines for ``skipped`` on what lies beside the parts: the first picture of each folder, and how many more."""
    others = Counter(path.rpartition("/")[0] for path in paths)
    firsts = {path.rpartition("/")[0]: path for path in reversed(paths)}
    more = {folder: f", and {count - 1:,} more in its folder" if count > 1 else "" for folder, count in others.items()}
    return [(brief(path), UNUSED + more[folder]) for folder, path in sorted(firsts.items())]


def empty_classes(paths: Sequence[str], folders: Iterable[str]) -> list[tuple[str, str]]:
    """Those of the folders that stand beside the class folders and hold no picture, as lines for ``skipped``."""
    depth, rest, _ = class_folders(paths)
    if depth is None:
        return []
    around = rest[0].split("/")[:depth]
    used = {folder_at(path, depth) for path in rest}
    beside = [parts for parts in (folder.split("/") for folder in folders) if parts[:-1] == around]
    return [(brief("/".join(parts)) + "/", EMPTY_CLASS) for parts in sorted(beside) if parts[-1] not in used]


def folders_of(paths: Iterable[str]) -> set[str]:
    """All folders, "" among them, that hold one of the files, or a folder that does."""
    found = {""}
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def tables_for(paths: Sequence[str], files: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Which of these files of labels lie around pictures, and lines for ``skipped`` on the others."""
    around = folders_of(paths) if paths else set()
    used = [file for file in files if file.rpartition("/")[0] in around]
    return used, [(brief(file), NO_PICTURES) for file in files if paths and file.rpartition("/")[0] not in around]


def labels_by_tables(
    name: str, paths: Sequence[str], tables: Sequence[Table], skipped: Sequence[tuple[str, str]]
) -> tuple[dict[str, str | None], str, str]:
    """What ``labels_by_folders`` tells, by files of labels: each tells of the pictures in its own folder, unless
    another one lies nearer to them. Raises UserError where it names a picture that is not there."""
    by_folder = {table.folder: table for table in tables}
    depth = class_folders(paths)[0]
    around = paths[0].rpartition("/")[0] if depth is None else "/".join(paths[0].split("/")[:depth])
    there = set(paths), {one for one, _ in skipped}
    named = {table.folder: _at_paths(name, table, paths, around, *there) for table in tables}
    nearest: dict[str, str | None] = {}
    for folder in sorted(folders_of(paths), key=len):
        above = nearest.get(folder.rpartition("/")[0]) if folder else None
        nearest[folder] = folder if folder in by_folder else above
    told: dict[str, str | None] = {}
    for path in paths:
        table = nearest[path.rpartition("/")[0]]
        if table is not None:
            told[path] = named[table].get(path)
    origins = dict.fromkeys(table.path.rpartition("/")[2] for table in tables)
    reasons = [table.no_labels for table in tables if table.no_labels]
    return told, ", ".join(origins), reasons[0] if reasons else f"{', '.join(origins)} gives them none"


def _at_paths(
    name: str, table: Table, paths: Sequence[str], around: str, present: set[str], passed_over: set[str]
) -> Mapping[str, str | None]:
    """The table's classes by the pictures' paths. Names may be told from its own folder on, from the top, or from the
    one folder around all pictures on: the way in which all of them are there, or were passed over."""
    missing: list[list[str]] = []
    for base in dict.fromkeys((table.folder, "", around)):
        before = f"{base}/" if base else ""
        lost = [one for one in table.labels if before + one not in present and brief(before + one) not in passed_over]
        if not lost:
            return {before + one: label for one, label in table.labels.items()}
        missing.append(lost)
    best = min(missing, key=len)
    ends = "/" + best[0].rpartition("/")[2]
    meant = next((f" (is {brief(path)} meant?)" for path in paths if f"/{path}".endswith(ends)), "")
    more = f", and {len(best) - 1:,} more" if len(best) > 1 else ""
    raise UserError(
        f"{brief(table.path)} in {name} names pictures that are not there: {brief(best[0])}{meant}{more}; correct it "
        "or remove it."
    )


def refuse_missing(name: str, pictures: Sequence[tuple[str, str]], told: Mapping[str, str | None], origin: str) -> None:
    """Raise UserError where some of a part's pictures have a class, and others none."""
    for part in sorted({split for _, split in pictures}):
        inside = [path for path, split in pictures if split == part]
        missing = [path for path in inside if told.get(path) is None]
        if 0 < len(missing) < len(inside):
            raise UserError(
                f"{origin} in {name} gives no class to {len(missing):,} of {len(inside):,} pictures, such as "
                f"{brief(missing[0])}; complete it or remove it."
            )
