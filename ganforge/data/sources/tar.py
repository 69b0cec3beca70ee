"""Tar files of pictures, read in place by the pictures' offsets; WebDataset's shards among them."""

import re
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import (
    MAX_ENTRIES,
    MAX_FILE_BYTES,
    MAX_NOTE_BYTES,
    MAX_NOTE_MARKS,
    brief,
    read_json,
    words,
)
from ganforge.data.sources.entries import (
    LABEL_COLUMNS,
    folder_labels,
    is_hidden,
    is_label,
    is_picture,
    make_entries,
    name_fault,
    suffix_of,
)
from ganforge.data.sources.folder import digest_of
from ganforge.data.sources.formats import LOOKED_AT
from ganforge.data.sources.modes import Unreadable
from ganforge.data.sources.others import Others

BLOCK = 512
HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
"""Kinds of entries that tell more about the next one."""
MANY_DIGITS = re.compile(rb"[0-9]{64}")
"""No number in a header has so many; tarfile goes over them again from each one on."""

Place = tuple[int, str, int, int]
"""Of a picture: its shard, its path in it, the offset and the size of its bytes."""


class TarSource:
    """See ``Source``. Holds the pictures' places, and opens one shard at a time.

    WebDataset's convention: KEY.jpg goes with KEY.cls, a class, or KEY.json with a "label", "labels" or "class" in it.
    Source: github.com/webdataset/webdataset. Where no picture has such a file, the folders inside are the classes.
    """

    kind = "tar"

    def __init__(self, name: str, paths: list[Path]) -> None:
        self.name, self._paths = name, paths
        self.skipped: list[tuple[str, str]] = []
        self._open: tuple[int, IO[bytes]] | None = None
        self._places: list[Place] = []
        self._listed = 0
        self._others = Others()
        classes: dict[tuple[int, str], str] = {}
        for shard, path in enumerate(paths):
            self._list(shard, path, classes)
        self.skipped += self._others.lines()
        if not self._places:
            why = f" ({self.skipped[0][0]}: {self.skipped[0][1]})" if self.skipped else ""
            raise UserError(f"{name} holds no pictures that can be read{why}; check the file.")
        self._others.refuse_most(name, len(self._places))
        inside = [path for _, path, _, _ in self._places]
        keys = [(shard, _key(path)) for shard, path, _, _ in self._places]
        missing = [path for key, path in zip(keys, inside, strict=True) if key not in classes]
        labels: list[str] | None = None
        self.labels_from = ""
        if not missing:
            labels, self.labels_from = [classes[key] for key in keys], ".cls or .json beside each picture"
        else:
            if classes:
                reason = (
                    f"not used: {len(missing):,} of {len(inside):,} pictures have none, such as {brief(missing[0])}"
                )
                self.skipped.append((".cls and .json", reason))
            labels = folder_labels(inside)
            self.labels_from = "sub-folders" if labels else ""
        several = len(paths) > 1
        names = [f"{paths[shard].name}/{path}" if several else path for shard, path, _, _ in self._places]
        self.entries = make_entries(names, labels)

    def _list(self, shard: int, path: Path, classes: dict[tuple[int, str], str]) -> None:
        """Note where a shard's pictures are, and what classes the files beside them tell."""
        size, places, found = 0, dict[str, Place](), 0
        try:
            size = path.stat().st_size
            with tarfile.open(path, "r:", tarinfo=_Member) as archive:
                for member in _members(archive):
                    found += 1
                    if self._listed + found > MAX_ENTRIES:
                        raise UserError(f"{self.name} holds more than {MAX_ENTRIES:,} files; split it.")
                    self._note(shard, archive, member, size, places, classes)
                self._check_end(archive, path, size, found)
        except UserError:
            raise
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror or error}); check that you may read it.") from None
        except MemoryError:
            raise
        except Exception as error:  # on damaged headers tarfile raises much more than its own errors
            self.skipped.append((brief(path.name), f"damaged after file {found:,} ({words(error)})"))
        self._listed += found
        self._places += [places[name] for name in sorted(places)]

    def _check_end(self, archive: tarfile.TarFile, path: Path, size: int, found: int) -> None:
        """Damage behind the first header reads to tarfile like the end: a whole file ends with zeros."""
        with path.open("rb") as file:
            file.seek(min(archive.offset, size))
            block = file.read(BLOCK)
        if block != bytes(BLOCK):
            self.skipped.append((brief(path.name), f"cut off or damaged after file {found:,}"))

    def _note(
        self, shard: int, archive: tarfile.TarFile, member: tarfile.TarInfo, size: int, places: dict[str, Place],
        classes: dict[tuple[int, str], str],
    ) -> None:  # fmt: skip
        path = member.name.removeprefix("./")
        if not member.isreg():
            return
        note = path.endswith((".cls", ".json")) and not is_hidden(path)
        if is_picture(path) or (not note and self._is_called_otherwise(archive, member, path)):
            fault = _fault(member, size)
            if fault:
                self.skipped.append((brief(path), fault))
                places.pop(path, None)
            else:
                places[path] = (shard, path, member.offset_data, member.size)
        elif path.endswith((".cls", ".json")) and member.size <= MAX_NOTE_BYTES:
            file = archive.extractfile(member)
            label = _label(path, file.read()) if file is not None else None
            if label is not None:
                classes[shard, _key(path)] = label

    def _is_called_otherwise(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> bool:
        """Is the entry a picture, although its name does not say so?"""

        def begin() -> bytes:
            file: Any = archive.fileobj
            here = file.tell()
            file.seek(member.offset_data)
            content = file.read(min(member.size, LOOKED_AT))
            file.seek(here)
            return bytes(content)

        return not is_hidden(path) and self._others.is_picture(path, begin)

    def fingerprint(self) -> str:
        try:
            states = [(path.name, path.stat()) for path in self._paths]
        except OSError as error:
            raise UserError(f"{error.filename} is not there any more ({error.strerror}).") from None
        return digest_of([(name, state.st_size, state.st_mtime_ns) for name, state in states])

    def read(self, index: int) -> bytes:
        shard, _, offset, size = self._places[index]
        try:
            if self._open is None or self._open[0] != shard:
                self.close()
                self._open = (shard, self._paths[shard].open("rb"))
            file = self._open[1]
            file.seek(offset)
            content = file.read(size)
        except OSError as error:
            raise Unreadable(f"cannot be read ({error.strerror or error})") from None
        if len(content) != size:
            raise Unreadable("cut off")
        return content

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


class _Member(tarfile.TarInfo):
    """tarfile reads headers of headers, such as a long name, of whatever size they say that they have."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:  # overriding it is tarfile's way to add kinds
        if self.type in HEADERS:
            if not 0 <= self.size <= MAX_NOTE_BYTES:
                raise tarfile.ReadError(f"a header of {self.size >> 20:,} MiB")
            file: Any = archive.fileobj
            begin = file.tell()
            if MANY_DIGITS.search(file.read(self.size)):
                raise tarfile.ReadError("a header with an endless number")
            file.seek(begin)
        return super()._proc_member(archive)  # type: ignore[misc]

    def _proc_gnusparse(self, following: tarfile.TarInfo, *_: object) -> None:
        """A file with holes is passed over, so where they are, which may be told at any length, is not read."""
        following.sparse = b""

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _proc_gnusparse


def _members(archive: tarfile.TarFile) -> Iterable[tarfile.TarInfo]:
    """One by one; tarfile would keep them all, and go round in circles where a size is negative."""
    before = -1
    while (member := archive.next()) is not None:
        if archive.offset <= before or member.size < 0:
            raise tarfile.ReadError("a size that cannot be")
        before = archive.offset
        archive.members = []  # type: ignore[attr-defined]
        archive.pax_headers = {}  # what a header says of all that follow is copied for each of them
        yield member


def _fault(member: tarfile.TarInfo, size: int) -> str:
    """Why a picture is passed over, "" if it is not."""
    if fault := name_fault(member.name):
        return fault
    if member.sparse is not None:
        return "stored with holes in it"
    if member.size > MAX_FILE_BYTES:
        return f"takes {member.size >> 20:,} MiB, more than {MAX_FILE_BYTES >> 20}"
    return "cut off" if member.offset_data + member.size > size else ""


def _key(path: str) -> str:
    """All up to the first dot in the name, as WebDataset has it."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"


def _label(path: str, content: bytes) -> str | None:
    """The class in a .cls or .json file; None where it tells none."""
    text = content.decode("utf-8", "replace").strip()
    if suffix_of(path) == ".cls":
        return text if is_label(text) else None
    try:
        held = read_json(content, MAX_NOTE_MARKS)
    except ValueError:
        return None
    values = [held[name] for name in LABEL_COLUMNS if name in held] if isinstance(held, dict) else []
    return str(values[0]) if values and is_label(values[0]) else None
