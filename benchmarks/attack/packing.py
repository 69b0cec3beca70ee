"""Packing what archives and arrays hold."""

import io
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

from attack.pictures import encoded

Write = Callable[[Path], object]
BLOCK = bytes(1 << 22)
GOOD = {f"{number:03}.png": encoded("PNG", number, 8) for number in range(12)}


def put(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def sparse(begin: bytes, size: int) -> Write:
    def write(path: Path) -> None:
        path.write_bytes(begin)
        os.truncate(path, size)

    return write


def zipped(*entries: tuple[str, bytes], good: bool = True) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [*(GOOD.items() if good else ()), *entries]:
            archive.writestr(name, content)
    return stream.getvalue()


def big_entry(name: str, begin: bytes, size: int, *, other: tuple[str, bytes] | None = None, noise: int = 0) -> Write:
    """A zip or npz with one long entry of zeros; noise: bytes in between that keep the ratio low."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for held in [*([other] if other else GOOD.items())]:
                archive.writestr(*held)
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(begin)
                for _ in range(size // len(BLOCK)):
                    file.write(BLOCK)
                    file.write(random.Random(0).randbytes(noise))

    return write
