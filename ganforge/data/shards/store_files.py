"""Parts of files in the stores that fsspec knows, s3:// and gs:// among them; keys and regions are the system's own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ganforge.base.errors import UserError
from ganforge.data.shards.web_files import Fault, Part, in_time
from ganforge.data.sources.budget import words

BLOCK_BYTES = 8 << 20
MAX_KNOWN = 100_000
EXTRA = "pip install 'ganforge[remote]'"


class Store:
    """One scheme's files, asked for by several threads."""

    def __init__(self, scheme: str) -> None:
        """Raises UserError where what reads the scheme is not installed."""
        try:
            import fsspec

            self._system: Any = fsspec.filesystem(scheme)
        except ImportError:
            raise UserError(f"Reading {scheme}:// needs another package: {EXTRA}") from None
        except Exception as error:
            raise UserError(f"{scheme}:// cannot be read ({words(error)}); check the store's settings.") from None
        self._known: dict[str, tuple[int, str]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def part(self, url: str, first: int, last: int | None) -> Iterator[Part]:
        """See ``web_files.Opener``. What is told of a file, when its first byte is asked for, holds for its parts."""
        size, stamp = self._info(url, anew=not first and last is None)
        end = size if last is None else min(last + 1, size)
        yield Part(in_time(self._pieces(url, first, end)), first, size, stamp)

    def _info(self, url: str, anew: bool) -> tuple[int, str]:
        if anew or url not in self._known:
            with failing(), self._lock:
                told = self._system.info(url, refresh=True) if anew else self._system.info(url)
                if told.get("type") != "file" or type(told.get("size")) is not int:
                    raise Fault("is no file", is_final=True)
                marks = (told.get(name) for name in ("ETag", "etag", "LastModified", "updated", "created", "mtime"))
                self._known[url] = told["size"], str(next(filter(None, marks), ""))[:200]
        return self._known[url]

    def _pieces(self, url: str, first: int, end: int) -> Iterator[bytes]:
        for at in range(first, end, BLOCK_BYTES):
            with failing():
                piece = self._system.cat_file(url, start=at, end=min(at + BLOCK_BYTES, end))
            yield piece
            if len(piece) != min(at + BLOCK_BYTES, end) - at:
                return  # which is noticed, since it is too little, or too much


@contextmanager
def failing() -> Iterator[None]:
    """Whatever a store's library raises is a Fault."""
    try:
        yield
    except Fault:
        raise
    except FileNotFoundError:
        raise Fault("missing", is_final=True) from None
    except PermissionError:
        raise Fault("access is denied", is_final=True) from None
    except Exception as error:
        raise Fault(words(error)) from None
