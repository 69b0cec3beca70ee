"""Pictures in a zip file, or in tar files as WebDataset has them. What is not whole yet is called ``.part``."""

import contextlib
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ganforge.base.files import sync
from ganforge.run.lock import acquire
from ganforge.sampling.picture_plan import DATASET_JSON, HEAD, INDEX, Plan, is_begun, note

PART, ABOUT_PART, LOCK_PART = ".part", ".part.json", ".part.lock"
SHARD = 10_000
"""Pictures in one tar file."""
Files = list[list[tuple[str, bytes]]]
"""For each row, its files."""


class Begun:
    """One file that is made of pictures: locked, and known again if the same plan was begun here before."""

    def __init__(self, out: Path, plan: Plan, others: list[Path]) -> None:
        self.out, self.plan, self.written = out, plan, [out]
        out.parent.mkdir(parents=True, exist_ok=True)
        self.part, self.about = (out.with_name(out.name + ending) for ending in (PART, ABOUT_PART))
        self._lock_file = out.with_name(out.name + LOCK_PART)
        self._lock = acquire(self._lock_file, f"Another process is saving {out}")
        try:
            there = [path.name for path in (self.part, out, *others) if os.path.lexists(path)]
            if not is_begun(plan, self.about, there, str(out.parent)):
                note(plan, self.about)
        except BaseException:
            self.release()
            raise

    def becomes(self, whole: Path, out: Path) -> None:
        """The file is whole now: give it its name."""
        sync(whole)
        whole.replace(out)
        sync(out.parent)

    def release(self) -> None:
        """Let others begin here."""
        with self._lock, contextlib.suppress(OSError):
            self._lock_file.unlink()


class IntoZip:
    """See ``save.Target``. Laid out as a folder is; after a kill, unlike after a stop, it is begun anew."""

    def __init__(self, out: Path, plan: Plan) -> None:
        plan.look.refuse_shape(*plan.shape)
        self.plan, self._begun = plan, Begun(out, plan, [])
        self.written = self._begun.written
        self._zip: zipfile.ZipFile | None = None

    def begin(self) -> int:
        part = self._begun.part
        if part.exists() and zipfile.is_zipfile(part):  # opening anything else for more would keep what is there
            self._zip = zipfile.ZipFile(part, "a")
            names = self._zip.namelist()
            if names == [self.plan.path(row) for row in range(min(len(names), len(self.plan)))]:
                return len(names)
            self._zip.close()
        self._zip = zipfile.ZipFile(part, "w")
        return 0

    def work(self, first: int, pictures: NDArray[np.uint8]) -> Files:
        """The files' bytes; in any thread."""
        return [[(self.plan.path(row), one)] for row, one in enumerate(self.plan.look.encode(pictures), first)]

    def add(self, piece: Files) -> None:
        assert self._zip is not None
        for [(path, content)] in piece:
            self._zip.writestr(zip_entry(path), content)

    def finish(self) -> None:
        assert self._zip is not None
        if self.plan.labels is not None:
            with self._zip.open(zip_entry(DATASET_JSON), "w", force_zip64=True) as file:
                file.writelines(text.encode() for text in self.plan.dataset_json())
        with self._zip.open(zip_entry(INDEX), "w", force_zip64=True) as file:
            file.write(HEAD.encode())
            for row in range(len(self.plan)):
                file.write(self.plan.line(row, self.plan.path(row)).encode())
        self._zip.close()
        self._begun.becomes(self._begun.part, self._begun.out)
        self._begun.about.unlink()

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()  # with the list of what is in it, so that it can be gone on with
        self._begun.release()


class IntoShards:
    """See ``save.Target``: NAME-00000.tar and so on, ``SHARD`` pictures each, the class of KEY.png in KEY.cls, and its
    name, where it has one, in KEY.json; NAME-index.csv beside them. Source: github.com/webdataset/webdataset."""

    def __init__(self, out: Path, plan: Plan) -> None:
        plan.look.refuse_shape(*plan.shape)
        self.plan = plan
        stem = out.stem.removesuffix("-{00000}")
        self._shards = [out.with_name(f"{stem}-{n:05}.tar") for n in range(-(-len(plan) // SHARD))]
        self._index = out.with_name(f"{stem}-{INDEX}")
        self._tar: tarfile.TarFile | None = None
        self._begun = Begun(out.with_name(f"{stem}.tar"), plan, [*self._shards, self._index])
        self.written = [*self._shards, self._index]

    def begin(self) -> int:
        self._at = next((n for n, shard in enumerate(self._shards) if not shard.exists()), len(self._shards))
        self._row = min(self._at * SHARD, len(self.plan))
        if self._at < len(self._shards) and not self._goes_on():
            self._tar = self._open("w")
        return self._row

    def _goes_on(self) -> bool:
        """Is there a shard that was begun, with whole rows from its first on? Open it for more."""
        first = self._row
        try:
            self._tar = self._open("a")
            names = self._tar.getnames()
        except tarfile.ReadError:
            return False
        count = min(len(names) // len(self._names(first)), len(self.plan) - first)
        if names != [name for row in range(first, first + count) for name in self._names(row)]:
            self._tar.close()
            return False
        self._next(first + count)
        return True

    def _open(self, mode: Literal["a", "w"]) -> tarfile.TarFile:
        return tarfile.open(self._begun.part, mode, format=tarfile.USTAR_FORMAT)

    def _names(self, row: int) -> list[str]:
        told = [] if self.plan.labels is None else [".cls", *([".json"] if self.plan.class_names else [])]
        return [self.plan.key(row) + ending for ending in (self.plan.look.ending, *told)]

    def work(self, first: int, pictures: NDArray[np.uint8]) -> Files:
        """The files' bytes; in any thread."""
        return [self._files(row, content) for row, content in enumerate(self.plan.look.encode(pictures), first)]

    def _files(self, row: int, content: bytes) -> list[tuple[str, bytes]]:
        plan, label = self.plan, self.plan.label(row)
        contents = [content, str(label).encode()]
        if label is not None and plan.class_names:
            contents.append(json.dumps({"label": plan.class_names[label]}).encode())
        return list(zip(self._names(row), contents, strict=False))

    def add(self, piece: Files) -> None:
        for files in piece:
            assert self._tar is not None
            for name, content in files:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                self._tar.addfile(member, io.BytesIO(content))
            self._next(self._row + 1)

    def _next(self, row: int) -> None:
        """After so many rows in all: is a shard full?"""
        self._row = row
        if row == min((self._at + 1) * SHARD, len(self.plan)):
            assert self._tar is not None
            self._tar.close()
            self._begun.becomes(self._begun.part, self._shards[self._at])
            self._at += 1
            self._tar = self._open("w") if self._at < len(self._shards) else None

    def finish(self) -> None:
        with self._begun.part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(HEAD)
            file.writelines(self.plan.line(row, self._names(row)[0]) for row in range(len(self.plan)))
        self._begun.becomes(self._begun.part, self._index)
        self._begun.about.unlink()

    def close(self) -> None:
        if self._tar is not None:
            self._tar.close()
        self._begun.release()


def zip_entry(path: str) -> zipfile.ZipInfo:
    """Of a file in a zip: stored as it is, with no date of its own."""
    entry = zipfile.ZipInfo(path)
    entry.external_attr = 0o644 << 16
    return entry
