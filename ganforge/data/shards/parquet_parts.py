"""Of a Parquet file that lies elsewhere, what is needed of it: its footer, and the parts that the footer tells of.

They are put where they belong in a file that has holes elsewhere, which reads like the whole one.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganforge.data.shards.parquet_shard import digest_of_footer, footer_begin
from ganforge.data.shards.shard_files import Found, Parts, ShardLost
from ganforge.data.shards.web_files import Opener, fetch_part

END_BYTES = 1 << 16
"""Fetched at first; most footers are no longer."""
BLOCK_BYTES = 8 << 20


@contextmanager
def fetched_parts(url: str, part: Opener, parts: Parts) -> Iterator[Found | None]:
    """The file, for as long as the context lasts; None where the server sends no parts. Raises ShardLost, and
    Unreadable."""

    def get(begin: int, size: int) -> bytes:
        told = fetch_part(url, part, begin, size)
        if told is None or told[1] not in (None, total):
            raise ShardLost("changed while it was fetched")
        return told[0]

    told = fetch_part(url, part, 1, 1)  # not the first byte, by which nobody shows whether parts are sent
    if told is None or told[1] is None:
        yield None
        return
    total = told[1]
    end = get(max(0, total - END_BYTES), min(total, END_BYTES))
    begin = footer_begin(total, end)
    footer = get(begin, total - begin) if total - begin > len(end) else end[begin - total :]
    with tempfile.TemporaryDirectory(prefix="ganforge-") as folder:
        path = Path(folder) / "part.parquet"
        with path.open("wb") as file:
            file.truncate(total)
            file.seek(begin)
            file.write(footer)
        digest, wanted = digest_of_footer(path), parts(str(path))
        with path.open("r+b") as holed:
            for first, size in wanted:
                if not 0 <= first <= first + size <= begin:
                    raise ShardLost("its footer tells of what is not in the file")
                for at in range(first, first + size, BLOCK_BYTES):
                    holed.seek(at)
                    holed.write(get(at, min(BLOCK_BYTES, first + size - at)))
        yield Found(str(path), total, "", digest)
