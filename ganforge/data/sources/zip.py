"""A zip file of picture files, read in place: nothing is unpacked to the disk."""

import io
import zipfile
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import MAX_ENTRIES, MAX_FILE_BYTES, MAX_JSON_BYTES, brief, words
from ganforge.data.sources.entries import digest_of, is_hidden, is_picture, name_fault
from ganforge.data.sources.formats import LOOKED_AT
from ganforge.data.sources.labels import is_label_file, read_tables
from ganforge.data.sources.other_files import OtherFiles
from ganforge.data.sources.pixel_kinds import Unreadable
from ganforge.data.sources.tree import read_tree, tables_for

MAX_RATIO = 200
BOMB_BYTES = 16 << 20
"""An entry that unpacks to more than this, and to more than ``MAX_RATIO`` times what it takes, is passed over."""


class ZipSource:
    """See ``Source``. The archive stays open."""

    kind = "zip"

    def __init__(self, path: Path) -> None:
        self.name, self._path = str(path), path
        self._zip = open_zip(path)
        try:
            self._list()
        except BaseException:
            self._zip.close()
            raise

    def _list(self) -> None:
        self.skipped: list[tuple[str, str]] = []
        listed, others = dict[str, zipfile.ZipInfo](), OtherFiles()
        for info in self._zip.infolist():
            path = info.filename.replace("\\", "/").removeprefix("./")
            if not (is_picture(path) or is_label_file(path) or self._is_called_otherwise(info, path, others)):
                continue
            if path in listed:
                self.skipped.append((brief(path), "replaced by a later entry of the same name"))
            fault = _fault(info, path)
            if fault and is_label_file(path):
                raise UserError(f"{brief(path)} in {self._path} cannot be used: {fault}; correct it or remove it.")
            if fault:
                self.skipped.append((brief(path), fault))
                listed.pop(path, None)
            else:
                listed[path] = info
        told = {path: listed.pop(path) for path in list(listed) if is_label_file(path)}
        self.skipped += others.lines()
        if not listed:
            why = f" that can be read ({self.skipped[0][0]}: {self.skipped[0][1]})" if self.skipped else ""
            raise UserError(f"{self._path} holds no pictures{why}; check the file.")
        others.refuse_most(self.name, len(listed))
        paths = sorted(listed)
        used, unused = tables_for(paths, told)
        self.skipped += unused
        tables = read_tables(used, lambda path: self._read(told[path]), lambda path: f"{path} in {self._path}")
        names = [info.filename.strip("/") for info in self._zip.infolist() if info.filename.endswith("/")]
        folders = [folder for folder in names if not is_hidden(folder)]
        tree = read_tree(self.name, paths, tables, self.skipped, folders)
        self._infos = [listed[path] for path in paths]
        self.entries, self.labels_from, self.no_labels = tree.entries, tree.labels_from, tree.no_labels

    def _is_called_otherwise(self, info: zipfile.ZipInfo, path: str, others: OtherFiles) -> bool:
        """Is the entry a picture, although its name does not say so?"""
        if info.is_dir() or is_hidden(path):
            return False
        return others.is_picture(path, lambda: b"" if _fault(info, path) else self._beginning(info))

    def _beginning(self, info: zipfile.ZipInfo) -> bytes:
        try:
            with self._zip.open(info) as file:
                return file.read(LOOKED_AT)
        except Exception:  # zipfile and the unpackers below it raise almost anything on damaged bytes
            return b""

    def fingerprint(self) -> str:
        with open_zip(self._path) as now:
            return digest_of([(info.filename, info.file_size, info.CRC) for info in now.infolist()])

    def read(self, index: int) -> bytes:
        return self._read(self._infos[index])

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        try:
            with self._zip.open(info) as file:
                content = file.read(info.file_size)
                file.read(1)  # at the end, zipfile compares the checksum
        except Exception as error:  # zipfile and the unpackers below it raise almost anything on damaged bytes
            raise Unreadable(f"cannot be unpacked ({words(error)})") from None
        if len(content) != info.file_size:
            raise Unreadable("cut off")
        return content

    def close(self) -> None:
        self._zip.close()


class _Bounded(io.BufferedReader):
    """zipfile reads the directory in one piece, of whatever size the file says that it has."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_FILE_BYTES:
            raise zipfile.BadZipFile(f"its directory would take {size >> 20:,} MiB")
        return super().read(size)


def open_zip(path: Path) -> zipfile.ZipFile:
    """The archive with its directory read. Raises UserError."""
    try:
        file = _Bounded(io.FileIO(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check that you may read it.") from None
    try:
        archive = zipfile.ZipFile(file)
        archive._filePassed = 0  # type: ignore[attr-defined]  # then it closes the file, once nothing in it is open
    except MemoryError:
        file.close()
        raise
    except Exception as error:  # zipfile raises almost anything on damaged bytes
        file.close()
        raise UserError(f"{path} is not a whole zip file ({words(error)}); get it again.") from None
    if len(archive.filelist) > MAX_ENTRIES:
        archive.close()
        raise UserError(f"{path} holds more than {MAX_ENTRIES:,} files; split it.")
    return archive


def _fault(info: zipfile.ZipInfo, path: str) -> str:
    """Why an entry is passed over, "" if it is not."""
    if fault := name_fault(path):
        return fault
    if info.flag_bits & 1:
        return "encrypted"
    most = MAX_JSON_BYTES if is_label_file(path) else MAX_FILE_BYTES
    if info.file_size > most:
        return f"unpacks to {info.file_size >> 20:,} MiB, more than {most >> 20}"
    if info.file_size > max(BOMB_BYTES, MAX_RATIO * info.compress_size):
        return f"unpacks to {info.file_size // max(1, info.compress_size):,} times its size"
    return ""
