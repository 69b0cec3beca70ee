"""Where the bytes of shards are: on this machine's disk, or fetched to a cache there (``fetched_shards``)."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ganforge.base.terminal import printable


class ShardLost(Exception):  # noqa: N818 - what happened, for the caller to say
    """A shard is not to be had, or is not the one that was listed; the text says why, in a few words."""


Parts = Callable[[str], Sequence[tuple[int, int]]]
"""A Parquet file of which there is the footer -> (begin, size) of what else is needed. Raises Unreadable."""


@dataclass(frozen=True)
class Found:
    """A shard on this machine's disk. stamp: another whenever it was written anew. sha256: of its bytes, or of a
    Parquet file's footer; "" of a file that was not fetched, since reading all of it would take as long as learning
    from it once."""

    path: str
    size: int
    stamp: str
    sha256: str = ""


@dataclass(frozen=True)
class Shard:
    """What the index keeps of a shard. first, count: which rows of its file are this shard's. digest: of all headers.
    fault: why it is left out, or what of it is missing; "" if it is whole. skipped: [name, reason] of what was passed
    over in it. why, noted: as ``places.list_shard`` has them. unlabelled: how many of its pictures have no class."""

    name: str
    size: int = 0
    stamp: str = ""
    sha256: str = ""
    first: int = 0
    count: int = 0
    digest: str = ""
    fault: str = ""
    why: str = ""
    noted: bool = False
    unlabelled: int = 0
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def short_name(self) -> str:
        return printable(self.name.rpartition("/")[2])


class ShardFiles(Protocol):
    """workers: threads that are worth it."""

    workers: int

    def found(self, name: str, parts: Parts) -> AbstractContextManager[Found]:
        """A shard that is to be listed, of a Parquet file at least its footer and those parts: it stays where it is as
        long as the context lasts. Raises ShardLost, and Unreadable."""

    def is_known(self, shard: Shard) -> bool:
        """As far as a glance tells, is it still the one that was listed?"""

    def path(self, shard: Shard) -> str:
        """A file with the whole of it; "" where it is still to be fetched. Raises ShardLost, also where it is not the
        one that was listed."""

    def read(self, shard: Shard, offset: int, size: int) -> bytes:
        """So many bytes of it. Raises ShardLost."""

    def in_part(self, shard: Shard, parts: Parts) -> AbstractContextManager[str]:
        """Of a Parquet shard, a file that has at least its footer and those parts. Raises ShardLost, and Unreadable."""

    def expect(self, shards: Sequence[Shard]) -> None:
        """These will be asked for soon."""


class LocalShards:
    """See ``ShardFiles``; read where they lie."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    @contextmanager
    def found(self, name: str, parts: Parts) -> Iterator[Found]:
        yield self._find(name)

    def _find(self, name: str) -> Found:
        with losing():
            state = Path(name).stat()
        if not stat.S_ISREG(state.st_mode):
            raise ShardLost("no file, but a folder, pipe, socket or device")
        return Found(name, state.st_size, str(state.st_mtime_ns))

    def is_known(self, shard: Shard) -> bool:
        """One that is missing now is told of when it is asked for; one that was missing stays left out."""
        with suppress(ShardLost):
            found = self._find(shard.name)
            return bool(shard.fault and not shard.count) or (found.size, found.stamp) == (shard.size, shard.stamp)
        return True

    def path(self, shard: Shard) -> str:
        found = self._find(shard.name)
        if (found.size, found.stamp) != (shard.size, shard.stamp):
            raise ShardLost("changed since it was listed")
        return found.path

    def read(self, shard: Shard, offset: int, size: int) -> bytes:
        return read_part(self.path(shard), offset, size)

    @contextmanager
    def in_part(self, shard: Shard, parts: Parts) -> Iterator[str]:
        yield self.path(shard)

    def expect(self, shards: Sequence[Shard]) -> None:
        pass


@contextmanager
def losing() -> Iterator[None]:
    """What the system raises of a file is a ShardLost."""
    try:
        yield
    except FileNotFoundError:
        raise ShardLost("missing") from None
    except OSError as error:
        raise ShardLost(f"cannot be read ({error.strerror or error})") from None


def read_part(path: str | os.PathLike[str], offset: int, size: int) -> bytes:
    """Raises ShardLost, also where the file ends before."""
    with losing(), Path(path).open("rb") as file:
        file.seek(offset)
        content = file.read(size)
    if len(content) != size:
        raise ShardLost("cut off")
    return content
