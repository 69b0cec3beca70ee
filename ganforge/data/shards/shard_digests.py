"""By what a shard that was fetched is known to be the one that was listed."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from ganforge.base.stopping import poll
from ganforge.data.shards.parquet_shard import FOOTER, digest_of_footer
from ganforge.data.shards.shard_files import Shard
from ganforge.data.sources.pixel_kinds import Unreadable

CHUNK = 1 << 20


def is_as_listed(shard: Shard, path: Path, whole: Callable[[], str]) -> bool:
    """Has the file the footer that was listed, if that was all? Else, is ``whole``, of all its bytes, the same?"""
    if not shard.sha256.startswith(FOOTER):
        return whole() == shard.sha256
    with suppress(Unreadable):
        return digest_of_footer(path) == shard.sha256
    return False


def digest_of(file: IO[bytes]) -> str:
    """SHA-256."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        poll()
        digest.update(chunk)
    return digest.hexdigest()
