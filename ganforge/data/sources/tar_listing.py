"""What lies in tar files: the places of their pictures, and what the files beside them tell."""

import hashlib
import tarfile
from collections import Counter
from collections.abc import Callable
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
from ganforge.data.sources.entries import LABEL_COLUMNS, is_hidden, is_picture, name_fault, suffix_of
from ganforge.data.sources.formats import LOOKED_AT
from ganforge.data.sources.labels import cells_in, is_label_file
from ganforge.data.sources.other_files import OtherFiles
from ganforge.data.sources.pixel_kinds import Unreadable
from ganforge.data.sources.tar_members import Member, ends_well, members_of

MAX_TABLES = 1_000
MAX_FIELDS = 20
"""So many are told one by one."""
OTHER_FIELD = "a map or mask, as WebDataset names them, of the picture with that KEY"

Place = tuple[int, str, int, int]
"""Of a picture: its shard, its path in it, the offset and the size of its bytes."""


def part_of(opened: Callable[[], IO[bytes]], offset: int, size: int) -> bytes:
    """So many bytes of the file that ``opened`` gives. Raises Unreadable where they are not all to be had."""
    try:
        file = opened()
        file.seek(offset)
        content = file.read(size)
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror or error})") from None
    if len(content) != size:
        raise Unreadable("cut off")
    return content


class TarListing:
    """places: of the pictures, shard by shard, by name. notes: by shard and key, what a .cls or .json file beside a
    picture tells. tables: files of labels inside. skipped: (name, reason) of what was passed over. damage: what is
    wrong with the last shard, "" if nothing is. Raises UserError for more than the budget allows, and where a file
    cannot be read."""

    def __init__(self, name: str, paths: list[Path]) -> None:
        self.name = name
        self.skipped: list[tuple[str, str]] = []
        self.places: list[Place] = []
        self.notes: dict[tuple[int, str], Any] = {}
        self.tables: dict[str, bytes] = {}
        self.damage, self._digest = "", hashlib.sha256()
        self._listed, self._others = 0, OtherFiles()
        self._fields: Counter[str] = Counter()
        for shard, path in enumerate(paths):
            self._list(shard, path)
        self.skipped += self._others.lines() + self._other_fields()
        self._others.refuse_most(name, len(self.places))

    def digest(self) -> str:
        """SHA-256 of what all headers tell: names, sizes, places, times and their own sums."""
        return self._digest.hexdigest()

    def values(self) -> list[Any]:
        """What stands for each picture's class, None where nothing does."""
        values = [self.notes.get((shard, key_of(path))) for shard, path, _, _ in self.places]
        if all(value is None or isinstance(value, str) for value in values):
            values = cells_in([value or "" for value in values])
        return values

    def _list(self, shard: int, path: Path) -> None:
        """Note where a shard's pictures are, and what classes the files beside them tell."""
        size, places, found = 0, dict[str, Place](), 0
        self.damage = ""
        try:
            size = path.stat().st_size
            with tarfile.open(path, "r:", tarinfo=Member) as archive:
                for member in members_of(archive):
                    found += 1
                    told = (member.name, member.size, member.offset_data, member.mtime, member.chksum)
                    self._digest.update(repr(told).encode("utf-8", "surrogateescape"))
                    if self._listed + found > MAX_ENTRIES:
                        raise UserError(f"{self.name} holds more than {MAX_ENTRIES:,} files; split it.")
                    self._note(shard, archive, member, size, places)
                if not ends_well(archive, path, size):
                    self.damage = f"cut off or damaged after file {found:,}"
        except UserError:
            raise
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror or error}); check that you may read it.") from None
        except MemoryError:
            raise
        except Exception as error:  # on damaged headers tarfile raises much more than its own errors
            self.damage = f"damaged after file {found:,} ({words(error)})"
        self._listed += found
        if self.damage:
            self.skipped.append((brief(path.name), self.damage))
        whole = {key_of(name) for name in places if "." not in field_of(name)}
        for name in sorted(places):
            if "." in field_of(name) and key_of(name) in whole:
                self._fields[field_of(name)] += 1
            else:
                self.places.append(places[name])

    def _other_fields(self) -> list[tuple[str, str]]:
        """For ``skipped``: pictures such as key.depth.png, which belong to the picture key.jpg."""
        told = self._fields.most_common(MAX_FIELDS)
        found = [(f"{count:,} of the name KEY.{brief(field)}", OTHER_FIELD) for field, count in told]
        more = self._fields.total() - sum(count for _, count in told)
        return [*found, (f"{more:,} of other such names", OTHER_FIELD)] if more else found

    def _note(
        self, shard: int, archive: tarfile.TarFile, member: tarfile.TarInfo, size: int, places: dict[str, Place],
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
            if member.size + sum(map(len, self.tables.values())) > MAX_JSON_BYTES or len(self.tables) > MAX_TABLES:
                raise UserError(
                    f"{self.name} holds more than {MAX_JSON_BYTES >> 20} MiB, or {MAX_TABLES:,} files, of labels such "
                    f"as {brief(path)}; remove some."
                )
            if path in self.tables:
                raise UserError(f"{self.name} holds two files {brief(path)}; keep the one with the right labels.")
            file = archive.extractfile(member)
            self.tables[path] = file.read() if file is not None else b""
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
                self.notes[shard, key_of(path)] = label

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


def _fault(member: tarfile.TarInfo, size: int) -> str:
    """Why a picture is passed over, "" if it is not."""
    if fault := name_fault(member.name):
        return fault
    if member.sparse is not None:
        return "stored with holes in it"
    if member.size > MAX_FILE_BYTES:
        return f"takes {member.size >> 20:,} MiB, more than {MAX_FILE_BYTES >> 20}"
    return "cut off" if member.offset_data + member.size > size else ""


def key_of(path: str) -> str:
    """All up to the first dot in the name, as WebDataset has it."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"


def field_of(path: str) -> str:
    """All behind that dot: jpg; depth.png."""
    return path.rpartition("/")[2].partition(".")[2]


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
