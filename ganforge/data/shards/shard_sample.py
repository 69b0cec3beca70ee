"""The pictures of shards that are prepared, to be looked at beside training.

Of N pictures those numbered k N // n, for k = 0 to n - 1, in the order of the shards and within a shard by name (of
Parquet, by row). n is N, but at most ``SAMPLE_COUNT``, and so few that they take at most ``SAMPLE_BYTES``. In a Parquet
file a picture costs its row group: if all groups take more than ``SAMPLE_BYTES``, so many as take no more, evenly
spread, give as many pictures each, from their first one on.
"""

import io
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from ganforge.base.errors import UserError
from ganforge.base.files import reason, write_atomically
from ganforge.base.in_threads import in_threads
from ganforge.data.prepared.progress_bar import shown
from ganforge.data.shards.parquet_shard import GROUP_BITS, is_parquet
from ganforge.data.shards.place_reader import PlaceReader
from ganforge.data.shards.shard_cache import SAMPLE
from ganforge.data.shards.shard_files import ShardFiles, ShardLost, read_part
from ganforge.data.shards.shard_index import Rows, ShardIndex
from ganforge.data.shards.shard_pictures import HEADER_BYTES, name_in, row_name, taken_out
from ganforge.data.sources.entries import suffix_of
from ganforge.data.sources.formats import picture_suffixes
from ganforge.data.sources.pixel_kinds import Unreadable

SAMPLE_COUNT, SAMPLE_BYTES = 10_000, 2 << 30
DIGITS = 12
"""Of the number of a picture, by which its name in the sample begins."""
AT_ONCE = 64
Sampled = list[tuple[str, bytes, int]]
"""Pictures' names in the sample, by which their rows are told, their files' bytes, and their classes' numbers."""


def sample_rows(index: ShardIndex) -> tuple[Rows, int]:
    """The rows of the sample, ascending, and how many are best read at once."""
    rows = _spread(index.count, min(index.count, SAMPLE_COUNT))
    size = int(index.places(rows)[:, 1].sum())
    rows = rows if size <= SAMPLE_BYTES else _spread(index.count, max(2, len(rows) * SAMPLE_BYTES // size))
    groups, bytes_each = row_groups(index)
    read = max(1, SAMPLE_BYTES // max(1, bytes_each))
    if read >= min(groups, len(rows)):
        return rows, AT_ONCE
    each = -(-len(rows) // read)
    firsts = _spread(index.count, read)
    of_parquet = np.array([is_parquet(shard.name) for shard in index.shards])[index.shards_at(firsts)]
    firsts -= index.places(firsts)[:, 0] % (1 << GROUP_BITS) * of_parquet
    found = np.unique((firsts[:, None] + np.arange(each)).ravel())
    return found[found < index.count][: len(rows)], each


def row_groups(index: ShardIndex) -> tuple[int, int]:
    """How many there are in all Parquet shards, and their bytes on average; (0, 0) without such shards."""
    at = np.array([bool(shard.count) and is_parquet(shard.name) for shard in index.shards])
    last = index.places((index.firsts + index.counts)[at] - 1)[:, 0]
    groups = int(((last >> GROUP_BITS) + 1).sum())
    size = sum(shard.size for shard, is_one in zip(index.shards, at, strict=True) if is_one)
    return groups, size // max(1, groups)


def _spread(count: int, wanted: int) -> Rows:
    return np.arange(wanted, dtype=np.int64) * count // wanted


def make_sample(index: ShardIndex, files: ShardFiles, *, labelled: bool) -> Rows:
    """The rows of the sample, which lie in a tar file beside the index from now on, with or without their classes.
    Raises UserError."""
    rows, at_once = sample_rows(index)
    path = index.folder / SAMPLE
    if path.exists():
        return rows
    pieces = [rows[at : at + at_once] for at in range(0, len(rows), at_once)]
    try:
        write_atomically(path, lambda temporary: _write(temporary, index, files, pieces, labelled))
    except OSError as error:
        raise UserError(f"A sample of {index.name} cannot be kept: {reason(error)}.") from None
    except (ShardLost, Unreadable) as why:
        raise UserError(f"{index.name} is not all there any more ({why}); start again.") from None
    return rows


def _write(path: Path, index: ShardIndex, files: ShardFiles, pieces: list[Rows], labelled: bool) -> None:
    @contextmanager
    def begin() -> Iterator[Callable[[Rows], Sampled]]:
        if not any(is_parquet(shard.name) for shard in index.shards):
            yield lambda piece: [_entry(index, files, row) for row in piece.tolist()]
            return
        with tempfile.TemporaryDirectory(prefix="ganforge-") as folder, closing(PlaceReader(index.name)) as reader:
            yield lambda piece: list(_entries(index, files, piece, reader, Path(folder) / "rows"))

    done = 0
    answers = in_threads(files.workers, pieces, begin)
    with tarfile.open(path, "w") as archive, shown(sum(map(len, pieces)), "sampling") as tell, closing(answers):
        for _, entries in answers:
            for name, content, label in entries:
                _add(archive, name, content)
                if labelled:
                    _add(archive, f"{name.partition('.')[0]}.cls", index.classes[label].encode())
            done += len(entries)
            tell(done)


def _entries(
    index: ShardIndex, files: ShardFiles, rows: Rows, reader: PlaceReader, out: Path
) -> Iterator[tuple[str, bytes, int]]:
    numbers = index.shards_at(rows)
    for number in np.unique(numbers).tolist():
        shard, of_shard = index.shards[number], rows[numbers == number]
        if not is_parquet(shard.name):
            yield from (_entry(index, files, row) for row in of_shard.tolist())
            continue
        told = index.places(of_shard).tolist()
        out.write_bytes(b"")
        try:
            places = taken_out(files, shard, [offset for offset, _, _ in told], reader, str(out))
        except (ShardLost, Unreadable) as why:
            raise ShardLost(f"{shard.short_name}: {why}") from None
        for row, (offset, _, label), place in zip(of_shard.tolist(), told, places, strict=True):
            # What is no picture is listed as one all the same, since of a row that is what it should be.
            content = b"" if isinstance(place, str) else read_part(*place)
            yield _sampled(row, shard.short_name, row_name(offset), ".png"), content, label


def _entry(index: ShardIndex, files: ShardFiles, row: int) -> tuple[str, bytes, int]:
    shard = index.shards[int(index.shards_at(np.array([row]))[0])]
    offset, size, label = index.places(np.array([row]))[0].tolist()
    try:
        content = files.read(shard, offset - HEADER_BYTES, HEADER_BYTES + size)
    except ShardLost as why:
        raise ShardLost(f"{shard.short_name}: {why}") from None
    own = name_in(content[:HEADER_BYTES])
    ending = suffix_of(own) if suffix_of(own) in picture_suffixes() else ""
    return _sampled(row, shard.short_name, own.removesuffix(ending), ending), content[HEADER_BYTES:], label


def _sampled(row: int, shard: str, own: str, ending: str) -> str:
    plain = [re.sub(r"[./]", "_", text)[:60] for text in (shard, own)]
    return f"{row:0{DIGITS}} {plain[0]} {plain[1]}{ending}"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
