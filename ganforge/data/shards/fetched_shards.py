"""Shards that lie elsewhere: fetched to a folder of the cache that is bounded, or read in parts until they are.

<cache>/shards/files/<32 hexadecimal digits>.tar    a whole shard, or .parquet, called by the hash of its URL

Who uses one has it open with a shared lock, so that no other process removes it; what is fetched gets its name when it
is whole. A file that was there before is compared with its digest before it is used.
"""

import hashlib
import os
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ganforge.base.errors import UserError
from ganforge.base.files import open_plain, reason, write_atomically
from ganforge.base.sizes import gib
from ganforge.data.prepared.cache import LIMIT, SPARE_BYTES, hold, limit_bytes
from ganforge.data.shards.parquet_parts import fetched_parts
from ganforge.data.shards.parquet_shard import FOOTER, is_parquet
from ganforge.data.shards.shard_cache import files_folder, kept_files, remove_file
from ganforge.data.shards.shard_digests import digest_of, is_as_listed
from ganforge.data.shards.shard_files import Found, Parts, Shard, ShardLost, losing, read_part
from ganforge.data.shards.web_files import Opener, fetch_part, fetch_whole, refuse_offline

AT_ONCE = 4
"""So many shards are fetched at the same time while training goes on."""
MAX_HELD = 256


class FetchedShards:
    """See ``ShardFiles``. For several threads."""

    workers = 8

    def __init__(self, part: Opener, say: Callable[[str], None]) -> None:
        """part: how a part of a file is had. say: takes lines for people."""
        self._part, self._say, self._folder, self._limit = part, say, files_folder(), limit_bytes()
        self._held: dict[str, IO[bytes]] = {}
        self._wrong: dict[str, str] = {}
        self._wanted: list[Shard] = []
        self._fetching: set[str] = set()
        self._sends_no_parts, self._said = False, False
        self._lock = threading.Lock()
        self._folder.mkdir(parents=True, exist_ok=True)
        weakref.finalize(self, _close, self._held)

    def is_known(self, shard: Shard) -> bool:
        """Nobody asks the server: a shard that has changed is noticed when it is fetched."""
        return True

    @contextmanager
    def found(self, name: str, parts: Parts) -> Iterator[Found]:
        with self._parts(name, parts) as found:
            if found is not None:
                return (yield found)
        told = self._fetch(name)
        with self._opened(name):
            yield Found(str(self._place(name)), *told)

    @contextmanager
    def _parts(self, name: str, parts: Parts) -> Iterator[Found | None]:
        """None of what is no Parquet file, or is not sent in parts."""
        if not is_parquet(name) or self._sends_no_parts:
            yield None
            return
        refuse_offline()
        with fetched_parts(name, self._part, parts) as found:
            self._sends_no_parts = found is None
            yield found

    def path(self, shard: Shard) -> str:
        with self._lock:
            if why := self._wrong.get(shard.name):
                raise ShardLost(why)
            if shard.name not in self._held:
                return ""
            if (path := self._place(shard.name)).exists():
                return str(path)
            self._held.pop(shard.name).close()  # somebody has cleared the cache by hand: fetch it again
            self._wanted = []
            return ""

    def read(self, shard: Shard, offset: int, size: int) -> bytes:
        path = self._place(shard.name)
        with suppress(ShardLost, OSError):
            if path.stat().st_size == shard.size:
                return read_part(path, offset, size)
        refuse_offline()
        told = None if self._sends_no_parts else fetch_part(shard.name, self._part, offset, size)
        if told is None:
            self._sends_no_parts = True
            self._get(shard)
            return read_part(path, offset, size)
        content, total = told
        if total is not None and total != shard.size:
            raise ShardLost("changed since it was listed")
        return content

    @contextmanager
    def in_part(self, shard: Shard, parts: Parts) -> Iterator[str]:
        if path := self.path(shard):
            yield path
            return
        if shard.sha256.startswith(FOOTER):
            with self._parts(shard.name, parts) as found:
                if found is not None:
                    if found.sha256 != shard.sha256:
                        raise ShardLost("changed since it was listed")
                    return (yield found.path)
        self._get(shard)
        with self._opened(shard.name):
            yield str(self._place(shard.name))

    def expect(self, shards: Sequence[Shard]) -> None:
        if shards == self._wanted:
            return
        with self._lock:
            self._wanted = list(shards)
            for name in self._held.keys() - {shard.name for shard in shards}:
                self._held.pop(name).close()
        size = sum(shard.size for shard in shards)
        if size > self._limit and not self._said:
            self._said = True
            self._say(
                f"The shards of two windows take {gib(size)}, and the cache {gib(self._limit)}: not all of them are "
                f"kept, and the rest is fetched picture by picture, which is slow; take a smaller --shuffle-window, or "
                f"set {LIMIT} to more."
            )
        for _ in range(AT_ONCE):
            threading.Thread(target=self._fetch_wanted, daemon=True).start()

    def _fetch_wanted(self) -> None:
        """Until no shard is wanted that is not here, or has no place here."""
        while True:
            with self._lock:
                busy = self._held.keys() | self._wrong.keys() | self._fetching
                shard = next((one for one in self._wanted[:MAX_HELD] if one.name not in busy), None)
                if shard is None:
                    return
                self._fetching.add(shard.name)
            try:
                self._get(shard)
                with suppress(ShardLost):  # removed a moment ago, to make room for another: once more
                    self._hold(shard)
            except NoRoomError:
                return  # until other shards are wanted, it is read by parts
            except ShardLost as why:
                self._wrong[shard.name] = str(why)
            finally:
                self._fetching.discard(shard.name)

    def _hold(self, shard: Shard) -> None:
        with losing():
            file = open_plain(self._place(shard.name))
        hold(file)
        with self._lock:
            if shard in self._wanted:
                self._held[shard.name] = file
                return
        file.close()

    def _get(self, shard: Shard) -> None:
        """Have the whole shard in its place, the very one that was listed. Raises ShardLost."""
        path = self._place(shard.name)
        if path.exists():
            with suppress(ShardLost, OSError), self._opened(shard.name) as file:
                if is_as_listed(shard, path, lambda: digest_of(file)):
                    os.utime(path)
                    return
            path.unlink(missing_ok=True)  # damaged on the disk, or of another time
        told = self._fetch(shard.name, shard.size)
        if not is_as_listed(shard, path, lambda: told[2]):
            path.unlink(missing_ok=True)
            raise ShardLost("changed since it was listed")

    def _fetch(self, name: str, expected: int = 0) -> tuple[int, str, str]:
        """Fetch a whole shard; returns its size, the server's mark of it, and its digest. Raises ShardLost."""
        refuse_offline()
        self._make_room(expected)
        told: list[tuple[int, str, str]] = []

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                digest = hashlib.sha256()

                def begin_anew() -> Callable[[bytes], object]:
                    nonlocal digest
                    digest = hashlib.sha256()
                    file.seek(0)
                    file.truncate()
                    return take

                def take(piece: bytes) -> None:
                    file.write(piece)
                    digest.update(piece)

                size, stamp = fetch_whole(name, self._part, begin_anew, self._limit)
                told.append((size, stamp, digest.hexdigest()))

        try:
            write_atomically(self._place(name), write)
        except OSError as error:
            raise NoRoomError(f"{name} cannot be kept: {reason(error)}; make room there.") from None
        self._make_room(0)
        return told[0]

    def _make_room(self, needed: int) -> None:
        """Remove what was used longest ago, and is in nobody's use. Raises ShardLost where the disk is too full, or the
        shard has no place beside those in use."""
        with self._lock:
            held = sorted(kept_files(self._folder), key=lambda one: one[2])
            total = sum(size for _, size, _ in held)
            for path, size, _ in held:
                if total + needed <= self._limit:
                    break
                if remove_file(path):
                    total -= size
        if needed and total + needed > self._limit:
            raise NoRoomError(
                f"A shard takes {gib(needed)}, and those in use {gib(total)} of the {gib(self._limit)} that all may "
                f"take; set {LIMIT} to more."
            )
        if needed + SPARE_BYTES > (free := shutil.disk_usage(self._folder).free):
            raise NoRoomError(f"A shard takes {gib(needed)}, and {self._folder} has {gib(free)} free; make room there.")

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        with losing():
            file = open_plain(self._place(name))
        with file:
            hold(file)
            yield file

    def _place(self, name: str) -> Path:
        kind = "parquet" if is_parquet(name) else "tar"
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.{kind}"


def _close(held: dict[str, IO[bytes]]) -> None:
    for file in held.values():
        file.close()


class NoRoomError(UserError):
    """The disk, or the cache, is too full for a shard."""
