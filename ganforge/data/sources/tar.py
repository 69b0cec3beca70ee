"""Tar files of pictures, read in place by the pictures' offsets; WebDataset's shards among them."""

import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import (
    MAX_ENTRIES,
    MAX_FILE_BYTES,
    MAX_JSON_BYTES,
    MAX_LABEL,
    MAX_NOTE_BYTES,
    MAX_NOTE_MARKS,
    brief,
    read_json,
    words,
)
from ganforge.data.sources.entries import (
    BESIDE,
    LABEL_COLUMNS,
    Entry,
    digest_of_files,
    is_hidden,
    is_picture,
    make_entries,
    name_fault,
    suffix_of,
)
from ganforge.data.sources.formats import LOOKED_AT
from ganforge.data.sources.labels import as_classes, cells_in, is_label_file, read_tables
from ganforge.data.sources.other_files import OtherFiles
from ganforge.data.sources.pixel_kinds import Unreadable
from ganforge.data.sources.tar_members import Member, ends_well, members_of
from ganforge.data.sources.tree import beside, find_splits, read_tree, refuse_missing, tables_for

MAX_TABLES = 1_000

Place = tuple[int, str, int, int]
"""Of a picture: its shard, its path in it, the offset and the size of its bytes."""


class TarSource:
    """See ``Source``. Holds the pictures' places, and opens one shard at a time.

    WebDataset's convention: KEY.jpg goes with KEY.cls, a class, or KEY.json with a "label", "labels" or "class" in it.
    Source: github.com/webdataset/webdataset. Where no picture has such a file, the folders inside are the classes, or a
    file of labels tells them, as in any tree of files.
    """

    kind = "tar"

    def __init__(self, name: str, paths: list[Path]) -> None:
        self.name, self._paths = name, paths
        self.skipped: list[tuple[str, str]] = []
        self._open: tuple[int, IO[bytes]] | None = None
        self._places: list[Place] = []
        self._listed = 0
        self._others = OtherFiles()
        self._tables: dict[str, bytes] = {}
        classes: dict[tuple[int, str], Any] = {}
        for shard, path in enumerate(paths):
            self._list(shard, path, classes)
        self.skipped += self._others.lines()
        if not self._places:
            why = f" ({self.skipped[0][0]}: {self.skipped[0][1]})" if self.skipped else ""
            raise UserError(f"{name} holds no pictures that can be read{why}; check the file.")
        self._others.refuse_most(name, len(self._places))
        if classes:
            self._label_by_notes(classes)
        else:
            self._label_by_tree()

    def _names(self) -> list[str]:
        several = len(self._paths) > 1
        return [f"{self._paths[shard].name}/{path}" if several else path for shard, path, _, _ in self._places]

    def _label_by_notes(self, classes: dict[tuple[int, str], Any]) -> None:
        """Classes from what lies beside the pictures. Raises UserError where some have none."""
        inside = [path for _, path, _, _ in self._places]
        if used := tables_for(inside, self._tables)[0]:
            raise UserError(
                f"{self.name} tells classes in {brief(used[0])}, and beside its pictures (.cls or .json); keep one."
            )
        splits, names = find_splits(self.name, inside, decided=True), self._names()
        self.skipped += beside([name for name, split in zip(names, splits, strict=True) if split == BESIDE])
        keys = [(shard, _key(path)) for shard, path, _, _ in self._places]
        lost = classes.keys() - set(keys)
        self.skipped += [
            (brief(key.removeprefix("/")), "tells a class, and there is no picture beside it")
            for _, key in sorted(lost)
        ]
        values = [classes.get(key) for key in keys]
        if all(value is None or isinstance(value, str) for value in values):
            values = cells_in([value or "" for value in values])
        self.labels_from = ".cls or .json beside each picture"
        labels, self.no_labels = as_classes(values, "what lies beside the pictures", lambda at: brief(names[at]))
        if not self.no_labels:
            pictures = [pair for pair in zip(names, splits, strict=True) if pair[1] != BESIDE]
            refuse_missing(self.name, pictures, dict(zip(names, labels, strict=True)), self.labels_from)
        self.entries: Sequence[Entry] = make_entries(names, labels or None, splits)

    def _label_by_tree(self) -> None:
        inside = [path for _, path, _, _ in self._places]
        used, unused = tables_for(inside, self._tables)
        if used and len(self._paths) > 1:
            raise UserError(
                f"{self.name} holds {brief(used[0])} in one of several shards; put a .cls beside each picture."
            )
        self.skipped += unused
        tables = read_tables(used, self._tables.__getitem__, lambda path: f"{path} in {self.name}")
        tree = read_tree(self.name, inside, tables, self.skipped)
        told = [(entry.label, entry.split) for entry in tree.entries]
        self.entries = make_entries(self._names(), [label for label, _ in told], [split for _, split in told])
        self.labels_from, self.no_labels = tree.labels_from, tree.no_labels

    def _list(self, shard: int, path: Path, classes: dict[tuple[int, str], Any]) -> None:
        """Note where a shard's pictures are, and what classes the files beside them tell."""
        size, places, found = 0, dict[str, Place](), 0
        try:
            size = path.stat().st_size
            with tarfile.open(path, "r:", tarinfo=Member) as archive:
                for member in members_of(archive):
                    found += 1
                    if self._listed + found > MAX_ENTRIES:
                        raise UserError(f"{self.name} holds more than {MAX_ENTRIES:,} files; split it.")
                    self._note(shard, archive, member, size, places, classes)
                if not ends_well(archive, path, size):
                    self.skipped.append((brief(path.name), f"cut off or damaged after file {found:,}"))
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

    def _note(
        self, shard: int, archive: tarfile.TarFile, member: tarfile.TarInfo, size: int, places: dict[str, Place],
        classes: dict[tuple[int, str], Any],
    ) -> None:  # fmt: skip
        path = member.name.removeprefix("./")
        if not member.isreg():
            if not member.isdir() and (is_picture(path) or is_label_file(path)):
                self.skipped.append((brief(path), "a link, or no file, which is not read in a tar"))
            return
        tells = is_label_file(path) or (path.endswith((".cls", ".json")) and not is_hidden(path))
        if is_picture(path) or (not tells and self._is_called_otherwise(archive, member, path)):
            fault = _fault(member, size)
            if path in places:
                self.skipped.append((brief(path), "replaced by a later entry of the same name"))
            if fault:
                self.skipped.append((brief(path), fault))
                places.pop(path, None)
            else:
                places[path] = (shard, path, member.offset_data, member.size)
        elif is_label_file(path):
            if member.size + sum(map(len, self._tables.values())) > MAX_JSON_BYTES or len(self._tables) > MAX_TABLES:
                raise UserError(
                    f"{self.name} holds more than {MAX_JSON_BYTES >> 20} MiB, or {MAX_TABLES:,} files, of labels such "
                    f"as {brief(path)}; remove some."
                )
            if path in self._tables:
                raise UserError(f"{self.name} holds two files {brief(path)}; keep the one with the right labels.")
            file = archive.extractfile(member)
            self._tables[path] = file.read() if file is not None else b""
        elif tells and member.size > MAX_NOTE_BYTES:
            self.skipped.append((brief(path), f"takes {member.size >> 10:,} KiB, more than {MAX_NOTE_BYTES >> 10:,}"))
        elif tells:
            file = archive.extractfile(member)
            try:
                label = _label(path, file.read()) if file is not None else None
            except ValueError:
                self.skipped.append((brief(path), "tells no class, since it cannot be read as JSON"))
                return
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
        return digest_of_files(self._paths)

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


def _label(path: str, content: bytes) -> Any:
    """What stands for the class in a .cls or .json file; None where nothing does. Raises ValueError for what is no
    JSON."""
    if suffix_of(path) == ".cls":
        return content[: 4 * MAX_LABEL + 4].decode("utf-8", "replace").strip()
    held = read_json(content, MAX_NOTE_MARKS)
    value = next((held[name] for name in LABEL_COLUMNS if name in held), None) if isinstance(held, dict) else None
    if isinstance(value, list | dict):
        return [brief(str(list(value)[:8]))]
    return value[: MAX_LABEL + 1] if isinstance(value, str) else value
