"""Faults from inside a process: every call that reads or changes the disk below a folder is counted, and may fail.

Opening, renaming, removing and so on are seen by an audit hook, whoever calls them; writing and syncing are replaced.
"""

import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

READS = {"os.listdir": "list", "os.scandir": "list"}
CHANGES = {
    "os.rename": "rename", "os.remove": "remove", "os.mkdir": "mkdir", "os.rmdir": "rmdir", "os.chmod": "chmod",
    "os.truncate": "truncate", "os.link": "link", "os.symlink": "link", "os.utime": "utime",
}  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
APPLIES: dict[str, frozenset[str]] = {
    "ENOSPC": frozenset({"create", "write", "fsync", "mkdir", "rename", "link", "truncate"}),
    "EIO": frozenset({"create", "write", "fsync", "rename", "remove", "chmod", "truncate", "read", "list"}),
    "EMFILE": frozenset({"create", "read", "list"}),
    "EACCES": frozenset({"create", "read", "list", "rename", "remove", "mkdir", "rmdir", "chmod", "link", "utime"}),
    "SIGKILL": frozenset(
        {"create", "write", "fsync", "rename", "remove", "mkdir", "rmdir", "chmod", "link", "truncate"}
    ),
}
"""Which calls each fault can befall."""


class Injector:
    """Counts the calls below ``root``; from ``at`` on, those that ``fault`` can befall suffer it: one, or all."""

    def __init__(self, root: Path, at: int = -1, fault: str = "EIO", *, lasting: bool = False) -> None:
        self.root, self.at, self.fault, self.lasting = os.path.realpath(root), at, fault, lasting
        self.points: list[str] = []
        self.inside = self.done = False

    def start(self) -> None:
        """For the rest of this process."""
        sys.addaudithook(self._hook)
        io.open, os.write, os.fsync = self._open, self._write, self._fsync  # type: ignore[assignment]
        import builtins
        import pathlib
        import tempfile

        builtins.open = self._open  # type: ignore[assignment]
        for module in (pathlib, tempfile):  # those that took it by another name
            if hasattr(module, "_io"):
                module._io.open = self._open

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.inside:
            return
        if event == "open":
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            self._point("create" if flags & WRITING else "read", arguments[0])
        elif event in CHANGES or event in READS:
            self._point(CHANGES.get(event) or READS[event], arguments[0])

    def _point(self, call: str, where: Any, half: Callable[[], object] | None = None) -> None:
        self.inside = True
        try:
            path = self._path(where)
            if path is None or self.done:
                return
            number = len(self.points)
            self.points.append(f"{call} {kind_of(path)}")
            due = number >= self.at if self.lasting else number == self.at
            if self.at < 0 or not due or call not in APPLIES[self.fault]:
                return
            if half is not None:
                half()
            self._fail(path)
        finally:
            self.inside = False

    def _fail(self, path: str) -> NoReturn:
        if self.fault == "SIGKILL":
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.fault)
        raise OSError(number, os.strerror(number), path)

    def _path(self, where: Any) -> str | None:
        """The path, if it is below the root."""
        if isinstance(where, int):
            try:
                where = os.readlink(f"/proc/self/fd/{where}")  # noqa: PTH115 - as little as possible in a hook
            except OSError:
                return None
        path = os.path.join(os.getcwd(), os.fsdecode(where))  # noqa: PTH109, PTH118
        return path if path.startswith(self.root) else None

    def _write(self, handle: int, data: Any) -> int:
        self._point("write", handle, half=lambda: REAL_WRITE(handle, data[: len(data) // 2]))
        return REAL_WRITE(handle, data)

    def _fsync(self, handle: Any) -> None:
        self._point("fsync", handle if isinstance(handle, int) else handle.fileno())
        REAL_FSYNC(handle)

    def _open(self, file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, errors: Any = None,
              newline: Any = None, closefd: bool = True, opener: Any = None) -> Any:  # fmt: skip
        """``open``, with a file whose writing can fail."""
        if not set(mode) & set("wax+") or self._path(file) is None:
            return REAL_OPEN(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Raw(self, file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return raw
        binary = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return binary
        return io.TextIOWrapper(binary, encoding, errors, newline, line_buffering=buffering == 1)


class Raw(io.FileIO):
    def __init__(self, injector: Injector, file: Any, mode: str, closefd: bool, opener: Any) -> None:
        super().__init__(file, mode, closefd, opener)
        self._injector = injector

    def write(self, data: Any) -> int:
        self._injector._point("write", self.fileno(), half=lambda: io.FileIO.write(self, bytes(data)[: len(data) // 2]))
        return super().write(data)


REAL_OPEN, REAL_WRITE, REAL_FSYNC = io.open, os.write, os.fsync


def kind_of(path: str) -> str:
    """Of which kind a file is: checkpoint, config, picture, ..."""
    folder, name = os.path.split(path)
    if name.endswith(".safetensors"):
        return os.path.basename(folder).removesuffix("s")  # noqa: PTH119
    stem, suffix = os.path.splitext(name.lstrip("."))  # noqa: PTH122
    if suffix in (".json", ".jsonl"):
        return stem.partition("-")[0]
    return {".png": "picture", ".webp": "animation", ".lock": "lock", ".u8": "pixels", ".npy": "labels"}.get(
        suffix, "lock" if name == ".lock" else "folder"
    )
