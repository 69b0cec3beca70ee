"""A folder of picture files, and of the folders in it."""

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ganforge.base.errors import UserError
from ganforge.data.sources.budget import MAX_ENTRIES, MAX_FILE_BYTES, MAX_JSON_BYTES, brief
from ganforge.data.sources.entries import digest_of, suffix_of
from ganforge.data.sources.formats import LOOKED_AT, picture_suffixes
from ganforge.data.sources.labels import is_label_file, read_tables
from ganforge.data.sources.other_files import OtherFiles
from ganforge.data.sources.pixel_kinds import Unreadable
from ganforge.data.sources.tree import read_tree, tables_for

OF_THE_SYSTEM = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Faults that are no fault of the file: to take it for a broken picture would shorten the data for good."""


@dataclass
class Listing:
    """What is in a folder: path (with / between its parts) -> (size, mtime_ns) of the files, what was passed over, the
    folders, and the other files."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    others: OtherFiles = field(default_factory=OtherFiles)


def list_folder(root: Path, suffixes: frozenset[str] | None = None) -> Listing:
    """The files with one of the suffixes, by path; None: the pictures. Links are followed, to each folder once: loops
    end.

    Hidden names and ``__MACOSX`` are skipped silently; what is no file, leads nowhere or may not be looked
    at is noted. Only files that are called neither like pictures nor like what is none are opened, to look at their
    first bytes. Raises UserError if the folder itself cannot be looked at.
    """
    found = Listing()
    seen: set[tuple[int, int]] = set()
    folders, links = [""], list[str]()  # links wait until all real folders are known
    while folders or links:
        inner = folders.pop() if folders else links.pop(0)
        try:
            state = (root / inner).stat()
            if (state.st_dev, state.st_ino) in seen:
                found.skipped.append((brief(inner), "a link to a folder that is read already"))
                continue
            seen.add((state.st_dev, state.st_ino))
            names = sorted(path.name for path in (root / inner).iterdir())
        except OSError as error:
            if not inner:
                raise UserError(f"{root} cannot be listed ({error.strerror}); check that you may read it.") from None
            found.skipped.append((brief(inner), f"cannot be listed ({error.strerror})"))
            continue
        found.folders += [inner] if inner else []
        for name in names:
            if not name.startswith(".") and name != "__MACOSX":
                _note(root, f"{inner}/{name}" if inner else name, suffixes, found, folders, links)
    found.files = dict(sorted(found.files.items()))
    found.skipped.sort()
    return found


def _note(
    root: Path, path: str, suffixes: frozenset[str] | None, found: Listing, folders: list[str], links: list[str]
) -> None:
    """Put one name where it belongs."""
    wanted = suffix_of(path) in (picture_suffixes() if suffixes is None else suffixes)
    try:
        state = (root / path).stat()
    except OSError as error:  # a link that leads nowhere or to itself, or a file that is gone by now
        if wanted or (root / path).is_symlink():
            found.skipped.append((brief(path), f"cannot be reached ({error.strerror})"))
        return
    if stat.S_ISDIR(state.st_mode):
        (links if (root / path).is_symlink() else folders).append(path)
    elif not stat.S_ISREG(state.st_mode):
        if wanted or suffixes is None:
            found.skipped.append((brief(path), "not a file but a pipe, socket or device"))
    elif (
        wanted
        or (suffixes is None and is_label_file(path))
        or (suffixes is None and found.others.is_picture(path, lambda: beginning(root / path)))
    ):
        found.files[path] = (state.st_size, state.st_mtime_ns)
        if len(found.files) > MAX_ENTRIES:
            raise UserError(f"{root} holds more than {MAX_ENTRIES:,} pictures; split it.")


def read_file(path: Path, expected: tuple[int, int] | None = None, most: int = MAX_FILE_BYTES) -> bytes:
    """A file's bytes. expected: its size and mtime_ns when it was listed. Raises Unreadable, also where there are more
    than ``most``, and OSError where the system has no means left; never waits for a pipe."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode):
                raise Unreadable("not a file any more")
            if expected is not None and (state.st_size, state.st_mtime_ns) != expected:
                raise Unreadable("changed since the folder was listed")
            if state.st_size > most:
                raise Unreadable(f"takes {state.st_size >> 20:,} MiB, more than {most >> 20}")
            return file.read(state.st_size)
    except FileNotFoundError:
        raise Unreadable("not there any more") from None
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in OF_THE_SYSTEM:
            raise
        raise Unreadable(f"cannot be read ({getattr(error, 'strerror', None) or error})") from None


def beginning(path: Path) -> bytes:
    """A file's first bytes; none where it cannot be read. Never waits for a pipe."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            return file.read(LOOKED_AT) or b""
    except OSError:
        return b""


class FolderSource:
    """See ``Source``."""

    kind = "folder"

    def __init__(self, root: Path, listing: Listing) -> None:
        self.name, self._root = str(root), root
        self.skipped = listing.skipped + listing.others.lines()
        files = [(path, state) for path, state in listing.files.items() if not is_label_file(path)]
        paths = [path for path, _ in files]
        listing.others.refuse_most(self.name, len(paths))
        for path, reason in listing.skipped if paths else ():
            if is_label_file(path):
                raise UserError(f"{root / path} cannot be used: {reason}; correct it or remove it.")
        used, unused = tables_for(paths, [path for path in listing.files if is_label_file(path)])
        self.skipped += unused
        tables = read_tables(
            used, lambda path: read_file(root / path, most=MAX_JSON_BYTES), lambda path: str(root / path)
        )
        tree = read_tree(self.name, paths, tables, self.skipped, listing.folders)
        self._files, self.entries = files, tree.entries
        self.labels_from, self.no_labels = tree.labels_from, tree.no_labels

    def fingerprint(self) -> str:
        return digest_of(list(list_folder(self._root).files.items()))

    def read(self, index: int) -> bytes:
        path, state = self._files[index]
        return read_file(self._root / path, state)

    def close(self) -> None:
        pass
