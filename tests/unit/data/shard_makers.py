"""Small shards, for tests: pictures that all differ, with a class beside each."""

import io
import tarfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from picture_files import encode


def write_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def picture(number: int) -> bytes:
    """8 x 8 in colours; its first pixel tells its number."""
    pixels = np.random.default_rng(number).integers(256, size=(8, 8, 3), dtype=np.uint8)
    pixels[0, 0] = (number >> 16, number >> 8 & 255, number & 255)
    return encode(pixels)


def make_shards(folder: Path, counts: Sequence[int], *, labelled: bool = True, broken: Collection[int] = ()) -> str:
    """Shards of so many pictures, numbered over all; returns their pattern. broken: numbers of damaged ones."""
    first = 0
    for shard, count in enumerate(counts):
        files: dict[str, bytes] = {}
        for number in range(first, first + count):
            content = picture(number)
            files[f"{number:06d}.png"] = content[:60] if number in broken else content
            if labelled:
                files[f"{number:06d}.cls"] = str(number * 7 % 3).encode()
        first += count
        write_tar(folder / f"train-{shard:02d}.tar", files)
    return str(folder / f"train-{{00..{len(counts) - 1:02d}}}.tar")


def numbers_of(pictures: np.ndarray) -> list[int]:
    """Of uint8 [N, 3, 8, 8]."""
    first = pictures[:, :, 0, 0].astype(int)
    return [int(r << 16 | g << 8 | b) for r, g, b in first]


def make_parquet_shards(
    folder: Path, counts: Sequence[int], *, labelled: bool = True, broken: Collection[int] = (), group: int = 4
) -> str:
    """The same as Hugging Face writes them, ``group`` pictures in a row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    first = 0
    for shard, count in enumerate(counts):
        numbers = range(first, first + count)
        files = [picture(number)[: 60 if number in broken else None] for number in numbers]
        columns: dict[str, object] = {"image": [{"bytes": content, "path": None} for content in files]}
        if labelled:
            columns["label"] = [number * 7 % 3 for number in numbers]
        table = pa.table(columns)
        pq.write_table(table, folder / f"train-{shard:02d}.parquet", row_group_size=group, write_page_checksum=True)
        first += count
    return str(folder / f"train-{{00..{len(counts) - 1:02d}}}.parquet")
