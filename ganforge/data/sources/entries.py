"""What every source of pictures gives, and the rules that all of them share: names, order, classes."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ganforge.base.errors import UserError
from ganforge.base.terminal import printable
from ganforge.data.sources.budget import MAX_CLASSES, MAX_LABEL, MAX_NAME, MAX_NAMES_BYTES, MAX_PATH, brief
from ganforge.data.sources.formats import picture_suffixes

LABEL_COLUMNS = ("label", "labels", "class")
PICTURE_COLUMNS = ("image", "img", "picture", "images")

BESIDE = "beside"
"""The part of pictures that lie beside the parts, or beside the class folders: they are not learned from."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture. name: within its source, printable, for messages. label: its class's name, or None. split: the part
    of the source that it lies in: "train", "val" or "test"; "" where there are no parts; ``BESIDE`` for none.
    """

    name: str
    label: str | None
    split: str = ""


class Readable(Protocol):
    """What gives pictures by their numbers."""

    def read(self, index: int) -> bytes | Array:
        """Entry ``index``: a picture file's bytes, or numbers [H, W] or [H, W, C] with C 1, 3 or 4.

        Ascending indices are the quickest order. For one thread at a time. Raises Unreadable.
        """


class Source(Readable, Protocol):
    """Pictures in the form in which somebody keeps them. ``open_source`` makes one; every process opens its own.

    name, kind: for people: the path or hub:NAME, and "folder", "zip", "array", "idx", "parquet", "tar" or "hub".
    entries: in an order that is the same every time. labels_from: where the classes come from, "" without classes.
    no_labels: why there are no classes, where somebody might expect some. skipped: (name, reason) of what was passed
    over while listing.
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
    def no_labels(self) -> str: ...
    @property
    def skipped(self) -> Sequence[tuple[str, str]]: ...

    def fingerprint(self) -> str:
        """Looks at the source as it is now, not at its pictures: another text whenever its content has changed."""

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


def is_label(value: Any) -> bool:
    """May this be a class: a number from 0, or a text of up to ``MAX_LABEL`` characters?"""
    return (type(value) is int and 0 <= value < 2**63) or (isinstance(value, str) and 0 < len(value) <= MAX_LABEL)


def name_fault(path: str) -> str:
    """Why a path in an archive is passed over, "" if it is not."""
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in path.split("/"):
        return "its name leads out of the archive"
    if len(path) > MAX_PATH or max(map(len, path.split("/"))) > MAX_NAME:
        return f"its name is longer than {MAX_PATH:,} characters, or a part of it than {MAX_NAME}"
    return ""


def make_entries(
    names: Sequence[str], labels: Sequence[str | None] | None, splits: Sequence[str] | None = None
) -> list[Entry]:
    """The names made printable, with their labels. Raises UserError where they take more than the budget."""
    if sum(map(len, names)) > MAX_NAMES_BYTES:
        raise UserError(f"The pictures' names take more than {MAX_NAMES_BYTES >> 20} MiB; give them shorter ones.")
    labels, splits = labels or [None] * len(names), splits or [""] * len(names)
    shown = {label: printable(label) if label is not None else None for label in set(labels)}
    if len(shown) > MAX_CLASSES:
        raise UserError(
            f"The pictures are of {len(shown):,} classes ({brief(labels[0] or '')}, ...), and {MAX_CLASSES:,} are the "
            "most; remove the classes, or group them."
        )
    told = zip(names, labels, splits, strict=True)
    return [Entry(printable(name), shown[label], split) for name, label, split in told]


def digest_of(rows: object) -> str:
    """SHA-256 of names, sizes and times."""
    return hashlib.sha256(repr(rows).encode("utf-8", "surrogateescape")).hexdigest()


def digest_of_files(paths: Iterable[Path]) -> str:
    """The fingerprint of a source that lies in these files. Raises UserError where one is gone."""
    try:
        states = [(path.name, path.stat()) for path in paths]
    except OSError as error:
        raise UserError(f"{error.filename} is not there any more ({error.strerror}).") from None
    return digest_of([(name, state.st_size, state.st_mtime_ns) for name, state in states])
