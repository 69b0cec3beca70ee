"""The entries of a tar file one by one, from headers that nobody vouches for."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganforge.data.sources.budget import MAX_NOTE_BYTES

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


class Member(tarfile.TarInfo):
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


def members_of(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """One by one; tarfile would keep them all, and go round in circles where a size is negative."""
    before = -1
    while (member := archive.next()) is not None:
        if archive.offset <= before or member.size < 0:
            raise tarfile.ReadError("a size that cannot be")
        before = archive.offset
        archive.members = []  # type: ignore[attr-defined]
        archive.pax_headers = {}  # what a header says of all that follow is copied for each of them
        yield member


def ends_well(archive: tarfile.TarFile, path: Path, size: int) -> bool:
    """Damage behind the first header reads to tarfile like the end: a whole file ends with zeros."""
    with path.open("rb") as file:
        file.seek(min(archive.offset, size))
        return file.read(BLOCK) == bytes(BLOCK)
