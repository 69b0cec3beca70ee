"""Pictures as files in a folder: sub-folders and dataset.json tell their classes, index.csv all else."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganforge.base.errors import UserError
from ganforge.base.files import is_temporary, sync, write_atomically
from ganforge.base.picture_format import is_whole
from ganforge.base.stopping import poll
from ganforge.base.terminal import printable
from ganforge.run.lock import acquire
from ganforge.sampling.picture_plan import ABOUT, DATASET_JSON, HEAD, INDEX, Plan, is_begun, note

NO_LINK, BINARY = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_BINARY", 0)
LOCK = ".pictures.lock"
"""Not a run's ``.lock``: a run is somebody's, too."""


class IntoFolder:
    """See ``save.Target``. What index.csv lists stays as far as each file begins and ends as it should; from the first
    that does not on, all is made again."""

    def __init__(self, out: Path, plan: Plan) -> None:
        self.out, self.plan, self.written = out, plan, [out]
        plan.look.refuse_shape(*plan.shape)
        if out.exists() and not out.is_dir():
            raise UserError(f"{out} is a file, not a folder; choose another --out.")
        if out.exists():
            self._is_begun(dict(_files(out)))  # before a lock is taken, so that nothing is touched where it refuses
        out.mkdir(parents=True, exist_ok=True)
        self._lock = acquire(out / LOCK, f"Another process is saving pictures in {out}")

    def begin(self) -> int:
        found = dict(_files(self.out))
        if not self._is_begun(found):
            note(self.plan, self.out / ABOUT)
        for folder in self.plan.folders.values():
            (self.out / folder).mkdir(exist_ok=True)
        done, at = self._listed(found)
        self._index = (self.out / INDEX).open("r+b" if at else "wb")
        self._index.seek(at)
        self._index.truncate()
        if not at:
            self._index.write(HEAD.encode())
        return done

    def _is_begun(self, found: dict[str, int]) -> bool:
        """Was this very plan begun here? Raises UserError where anything else lies there."""
        if not is_begun(self.plan, self.out / ABOUT, sorted(map(printable, found)), str(self.out)):
            return False
        ours = {self.plan.path(row) for row in range(len(self.plan))} | {INDEX, DATASET_JSON, ABOUT}
        if others := sorted(printable(name) for name in found if name not in ours):
            raise UserError(f"{self.out} holds {others[0]}, which is none of these pictures; move it away.")
        return True

    def _listed(self, found: dict[str, int]) -> tuple[int, int]:
        """How many rows of index.csv, from the first on, are as they should be, with pictures; and their bytes."""
        if INDEX not in found:
            return 0, 0
        with (self.out / INDEX).open("rb") as index:
            if index.readline() != HEAD.encode():
                return 0, 0
            at = len(HEAD)
            for row in range(len(self.plan)):
                path = self.plan.path(row)
                line = self.plan.line(row, path).encode()
                poll()
                if index.readline() != line or not found.get(path) or not self._is_whole(path):
                    return row, at
                at += len(line)
        return len(self.plan), at

    def _is_whole(self, path: str) -> bool:
        return is_whole(f"{self.out}/{path}", self.plan.look.kind)

    def work(self, first: int, pictures: NDArray[np.uint8]) -> list[str]:
        """Write the files; in any thread."""
        lines = []
        for row, content in enumerate(self.plan.look.encode(pictures), first):
            path = self.plan.path(row)
            _write(f"{self.out}/{path}", content)
            lines.append(self.plan.line(row, path))
        return lines

    def add(self, piece: list[str]) -> None:
        self._index.write("".join(piece).encode())

    def finish(self) -> None:
        self._index.flush()
        if self.plan.labels is not None:

            def write(temporary: Path) -> None:
                with temporary.open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(self.plan.dataset_json())

            write_atomically(self.out / DATASET_JSON, write)
        sync(self.out / INDEX)
        sync(self.out)

    def close(self) -> None:
        if hasattr(self, "_index"):
            self._index.close()
        with self._lock, contextlib.suppress(OSError):
            (self.out / LOCK).unlink()


def _write(path: str, content: bytes) -> None:
    """By the system's own calls, in a fifth of the time that a Path takes; through no link. Raises OSError with its
    name."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | NO_LINK | BINARY, 0o666)
        try:
            while content:
                content = content[os.write(file, content) :]
        finally:
            os.close(file)
    except OSError as error:
        error.filename = path
        raise


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Path and size of what lies in a folder and its sub-folders; links and deeper folders as things of size 0."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                with os.scandir(entry.path) as inner:
                    for one in inner:
                        yield f"{entry.name}/{one.name}", _size(one)
            elif not (is_temporary(entry.name) or (entry.name == LOCK and not _size(entry))):
                yield entry.name, _size(entry)


def _size(entry: "os.DirEntry[str]") -> int:
    return entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else 0
