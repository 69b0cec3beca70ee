"""What the process that reads does for shards: it lists one, and reads pictures by their places in files."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from ganforge.data.shards.parquet_shard import list_rows
from ganforge.data.sources.budget import MAX_FILE_BYTES, brief
from ganforge.data.sources.entries import Entry, class_names
from ganforge.data.sources.labels import each_as_class
from ganforge.data.sources.pixel_kinds import Unreadable
from ganforge.data.sources.tar_listing import TarListing, part_of

MAX_OPEN = 32
MAX_TOLD = 20
"""Of what is passed over in a shard, so much is told by name."""


def list_shard(path: str, rows: bool) -> dict[str, Any]:
    """The pictures of a tar file, by name, or, with ``rows``, of a Parquet file, and their classes, for JSON.

    rows: offset, size and class of each, one after the other; a class is its number in ``classes``, -1 for none. Of a
    Parquet file, the offset is a row's place (``parquet_shard``), and the size a guess. why: why what lies beside the
    pictures is no class, "" if it is, or nothing lies there. noted: does anything? digest: of headers and classes.
    damage: as ``TarListing`` has it. skipped: [name, reason]. Raises UserError, and Unreadable.
    """
    return _list_rows(path) if rows else _list_tar(path)


def _list_rows(path: str) -> dict[str, Any]:
    places, values, column, why, skipped, digest = list_rows(Path(path))
    return _told(places, values, f"column '{column}'", lambda at: f"row {at:,}", digest, skipped) | (
        {"why": why} if why else {}
    )


def _list_tar(path: str) -> dict[str, Any]:
    listing = TarListing(path, [Path(path)])
    skipped = [(name, reason) for name, reason in listing.skipped if reason != listing.damage]
    skipped += [(brief(name), "a file of labels, which is not read in a shard") for name in listing.tables]
    told = _told(
        [(at, size) for _, _, at, size in listing.places], listing.values() if listing.notes else [],
        "what lies beside the pictures", lambda at: brief(listing.places[at][1]), listing.digest(), skipped,
    )  # fmt: skip
    return told | {"damage": listing.damage}


def _told(
    places: Sequence[tuple[int, int]], values: Sequence[Any], origin: str, at: Callable[[int], str], digest: str,
    skipped: list[tuple[str, str]],
) -> dict[str, Any]:  # fmt: skip
    """values, origin, at: as ``each_as_class`` takes them; no values where nothing stands for classes."""
    why, labels = "", list[str | None]([None] * len(places))
    if values:
        named, why = each_as_class(values, origin, at)
        labels = labels if why else named
    classes = class_names(Entry("", label) for label in labels)
    number: dict[str | None, int] = {name: at for at, name in enumerate(classes)} | {None: -1}
    rows = [n for (begin, size), label in zip(places, labels, strict=True) for n in (begin, size, number[label])]
    if len(skipped) > MAX_TOLD:
        skipped[MAX_TOLD:] = [(f"{len(skipped) - MAX_TOLD:,} more", "not listed")]
    digest = hashlib.sha256(f"{digest} {labels}".encode()).hexdigest()
    return {"rows": rows, "classes": classes, "why": why, "noted": bool(values), "digest": digest} | {
        "damage": "", "skipped": skipped
    }  # fmt: skip


class Places:
    """See ``Source``, as far as ``PagedSource`` needs it: picture ``index`` is so many bytes of a file."""

    def __init__(self) -> None:
        self.places: Sequence[tuple[str, int, int]] = ()
        self._files: OrderedDict[str, IO[bytes]] = OrderedDict()

    def read(self, index: int) -> bytes:
        path, offset, size = self.places[index]
        if not 0 < size <= MAX_FILE_BYTES:
            raise Unreadable(f"takes {size:,} bytes, and 1 to {MAX_FILE_BYTES:,} are read")
        return part_of(lambda: self._open(path), offset, size)

    def _open(self, path: str) -> IO[bytes]:
        """The files read last stay open. Each question begins with the files as they are now."""
        if path not in self._files:
            self._files[path] = Path(path).open("rb")  # noqa: SIM115 - closed by forget
            if len(self._files) > MAX_OPEN:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(path)
        return self._files[path]

    def forget(self) -> None:
        """Close the files."""
        while self._files:
            self._files.popitem()[1].close()
