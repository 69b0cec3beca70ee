"""What every source of pictures gives, and the rules that all of them share: names, order, classes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from ganforge.base.errors import UserError
from ganforge.base.terminal import printable
from ganforge.data.sources.budget import (
    MAX_CLASSES,
    MAX_LABEL,
    MAX_NAME,
    MAX_NAMES_BYTES,
    MAX_PATH,
    brief,
    read_json,
)
from ganforge.data.sources.formats import picture_suffixes

LABEL_COLUMNS = ("label", "labels", "class")
PICTURE_COLUMNS = ("image", "img", "picture", "images")
DATASET_JSON = "dataset.json"
EMPTY_CLASS = "a class folder without pictures"

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture. name: within its source, printable, for messages. label: its class's name, or None. split: of a
    source that tells it: "train", "test" or another name."""

    name: str
    label: str | None
    split: str = ""


class Source(Protocol):
    """Pictures in the form in which somebody keeps them. ``open_source`` makes one; every process opens its own.

    name, kind: for people: the path or hub:NAME, and "folder", "zip", "array", "idx", "parquet", "tar" or "hub".
    entries: in an order that is the same every time. labels_from: where the classes come from, "" without classes.
    skipped: (name, reason) of what was passed over while listing.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def entries(self) -> Sequence[Entry]: ...
    @property
    def labels_from(self) -> str: ...
    @property
    def skipped(self) -> Sequence[tuple[str, str]]: ...

    def fingerprint(self) -> str:
        """Looks at the source as it is now, not at its pictures: another text whenever its content has changed."""

    def read(self, index: int) -> bytes | Array:
        """Entry ``index``: a picture file's bytes, or numbers [H, W] or [H, W, C] with C 1, 3 or 4.

        Ascending indices are the quickest order. For one thread at a time. Raises Unreadable.
        """

    def close(self) -> None:
        """Let go of the files; ``read`` is over."""


def class_names(entries: Iterable[Entry]) -> list[str]:
    """The classes in their order: by name, numbers by their value ("2" before "10"), before other names."""
    return sorted({entry.label for entry in entries if entry.label is not None}, key=_class_key)


def _class_key(name: str) -> tuple[int, int, str]:
    return (0, int(name), name) if re.fullmatch(r"[0-9]{1,18}", name) else (1, 0, name)


def is_picture(path: str) -> bool:
    """Is this the path (with / between its parts) of a picture, as far as names tell? Hidden ones are not."""
    return suffix_of(path) in picture_suffixes() and not is_hidden(path)


def is_hidden(path: str) -> bool:
    """Is this the path of what no listing shows?"""
    parts = path.split("/")
    return any((part.startswith(".") and part not in (".", "..")) or part == "__MACOSX" for part in parts)


def suffix_of(path: str) -> str:
    """``.png`` of ``a/b.PNG``; "" where there is none."""
    stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return dot + suffix.lower() if stem else ""


def folder_labels(paths: Sequence[str]) -> list[str] | None:
    """Each picture's first folder, if every one is in a folder and there are two folders at least; else None.

    Folders around all pictures do not count: all/cat/1.png and all/dog/1.png are "cat" and "dog".
    """
    depth = class_depth(paths)
    return None if depth is None else [path.split("/", depth + 1)[depth] for path in paths]


def class_depth(paths: Sequence[str]) -> int | None:
    """How many folders lie around the class folders; None where there are no such."""
    if not paths:
        return None
    # What the first and the last by name begin with, all in between begin with, too.
    first, last = (path.split("/")[:-1] for path in (min(paths), max(paths)))
    depth = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return depth if all(path.count("/") > depth for path in paths) else None


def empty_classes(paths: Sequence[str], folders: Iterable[str]) -> list[tuple[str, str]]:
    """Those of the folders that stand beside the class folders and hold no picture, as lines for ``skipped``."""
    depth = class_depth(paths)
    if depth is None:
        return []
    around = paths[0].split("/")[:depth]
    used = {path.split("/", depth + 1)[depth] for path in paths}
    beside = [parts for parts in (folder.split("/") for folder in folders) if parts[:-1] == around]
    return [(brief("/".join(parts)) + "/", EMPTY_CLASS) for parts in sorted(beside) if parts[-1] not in used]


def json_labels(content: bytes) -> dict[str, str] | None:
    """The classes in a dataset.json of StyleGAN's form, ``{"labels": [["path", 3], ...]}``; None if it tells none.

    Source: dataset_tool.py of github.com/NVlabs/stylegan3. Raises ValueError, its text for people, for another form.
    """
    held = read_json(content)
    pairs = held.get("labels") if isinstance(held, dict) else None
    if pairs is None:
        return None
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        raise ValueError('its "labels" is not a list of pairs ["path", class]')
    return {path: str(label) for path, label in pairs}


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and is_label(pair[1])


def is_label(value: Any) -> bool:
    """May this be a class: a number from 0, or a text of up to ``MAX_LABEL`` characters?"""
    return (type(value) is int and 0 <= value < 2**63) or (isinstance(value, str) and 0 < len(value) <= MAX_LABEL)


def with_labels(
    paths: Sequence[str], given: Mapping[str, str] | None, skipped: list[tuple[str, str]], origin: str
) -> tuple[list[Entry], str]:
    """The entries of a tree of files, and where their labels come from.

    given: from a file in the tree, ``origin``; counts if it knows every picture, and is noted in ``skipped`` if not.
    """
    labels: Sequence[str] | None = folder_labels(paths)
    where = "sub-folders" if labels else ""
    if given is not None:
        missing = [path for path in paths if path not in given]
        if missing:
            some = f"{len(missing):,} of {len(paths):,} pictures, such as {brief(missing[0])}"
            skipped.append((origin, f"not used: no class for {some}"))
        else:
            labels, where = [given[path] for path in paths], origin
    return make_entries(paths, labels), where


def name_fault(path: str) -> str:
    """Why a path in an archive is passed over, "" if it is not."""
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in path.split("/"):
        return "its name leads out of the archive"
    if len(path) > MAX_PATH or max(map(len, path.split("/"))) > MAX_NAME:
        return f"its name is longer than {MAX_PATH:,} characters, or a part of it than {MAX_NAME}"
    return ""


def make_entries(names: Sequence[str], labels: Sequence[str] | None) -> list[Entry]:
    """The names made printable, with their labels. Raises UserError where they take more than the budget."""
    if sum(map(len, names)) > MAX_NAMES_BYTES:
        raise UserError(f"The pictures' names take more than {MAX_NAMES_BYTES >> 20} MiB; give them shorter ones.")
    if labels is None:
        return [Entry(printable(name), None) for name in names]
    shown = {label: printable(label) for label in set(labels)}
    if len(shown) > MAX_CLASSES:
        raise UserError(
            f"The pictures are of {len(shown):,} classes ({brief(labels[0])}, ...), and {MAX_CLASSES:,} are the most; "
            "take the classes away, or group them."
        )
    return [Entry(printable(name), shown[label]) for name, label in zip(names, labels, strict=True)]
