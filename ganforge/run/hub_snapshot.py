"""A snapshot on the Hugging Face hub, named hub:OWNER/NAME or hub:OWNER/NAME@REVISION: fetched once, kept in the cache.

Only safetensors are fetched, only as many bytes as the hub said before, and the hub's token goes to the hub alone.
"""

import contextlib
import errno
import hashlib
import os
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ganforge.base.errors import UserError
from ganforge.base.files import is_plain, reason, write_atomically
from ganforge.base.sizes import gib
from ganforge.base.stopping import poll, polling
from ganforge.base.tensorfile import MAX_HEADER
from ganforge.base.terminal import complain, printable
from ganforge.base.user_cache import cache_folder
from ganforge.base.wording import as_typed
from ganforge.data.catalog import HUB
from ganforge.data.download import OFFLINE

NAME = re.compile(r"hub:([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([^\s@?#]{1,200}))?", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
FILE = "model.safetensors"
"""What a snapshot is called on the hub. Where there is none, the only other file of safetensors is taken."""
LARGEST = 2**32 + MAX_HEADER
"""Bytes of the largest network that ganforge makes, and of its header."""
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG}
"""What writing and reading raise without the file's name, and no network does."""
LIBRARY = ("huggingface_hub", "httpx", "httpcore")
"""How the names of its packages begin."""
TIMEOUT_S = 20.0
CHUNK_BYTES = 1 << 16
EXTRA = "install it with pip install 'ganforge[hub]'"
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".npz")


@dataclass(frozen=True)
class HubName:
    """repo: OWNER/NAME. revision: a branch, a tag or a commit; None: the newest."""

    repo: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{HUB}{self.repo}" + (f"@{self.revision}" if self.revision else "")


def is_hub(path: str | os.PathLike[str]) -> bool:
    """Does it name something on the hub?"""
    return os.fspath(path).startswith(HUB)


def hub_name(path: str | os.PathLike[str]) -> HubName:
    """Raises UserError for what is no hub:OWNER/NAME[@REVISION]."""
    text = Path(path).as_posix()
    found = NAME.fullmatch(text)
    if not found or ".." in text:
        raise UserError(f"'{as_typed(text)}' names no model; give hub:OWNER/NAME or hub:OWNER/NAME@REVISION.")
    return HubName(found[1], found[2])


def local(path: Path) -> Path:
    """The path itself, or the file of what it names on the hub, fetched unless it was before; a line on stderr says
    which commit and file that is, with its digest. Raises UserError where it cannot be had."""
    return fetched(hub_name(path))[0] if is_hub(path) else path


def pinned(path: str) -> str:
    """The name of what ``path`` names on the hub now, for good; another path as it is. Likewise fetched."""
    return str(fetched(hub_name(path))[1]) if is_hub(path) else path


def fetched(name: HubName) -> tuple[Path, HubName]:
    """The file, and its name by the commit. Raises as ``local``."""
    if name.revision is not None and COMMIT.fullmatch(name.revision) and is_plain(path := _kept(name)):
        complain(printable(f"{name} is here already: SHA-256 {_digest_of(path)}"))
        return path, name
    if os.environ.get(OFFLINE):
        raise UserError(f"{name} is not here, and {OFFLINE} is set; name a commit that was fetched, or a file.")
    with hub_at_work(str(name)):
        info = polling(lambda: _info(name))
        exact, file = _resolved(name, info), _chosen(name, info)
        path = _kept(exact)
        if is_plain(path) and (not file.sha256 or file.sha256 == _digest_of(path)):
            say = "here already"
        else:
            complain(printable(f"fetching {file.name} of {exact}: {gib(file.size)}"))
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, lambda part: polling(lambda: _download(exact, file, part)))
            say = "fetched"
    complain(printable(f"{name} is commit {exact.revision}: {file.name}, {file.size:,} bytes, SHA-256 "
                       f"{_digest_of(path)}, {say}"))  # fmt: skip
    return path, exact


@dataclass(frozen=True)
class HubFile:
    """size: bytes, as the hub tells. sha256: likewise, "" where it does not."""

    name: str
    size: int
    sha256: str


def _kept(name: HubName) -> Path:
    return cache_folder("hub") / f"{name.repo.replace('/', '--')}@{name.revision}.safetensors"


def _info(name: HubName) -> Any:
    from huggingface_hub import HfApi

    return HfApi().model_info(name.repo, revision=name.revision, files_metadata=True, timeout=TIMEOUT_S)


def _resolved(name: HubName, info: Any) -> HubName:
    if not isinstance(info.sha, str) or not COMMIT.fullmatch(info.sha):
        raise UserError(f"The hub does not tell which commit {name} is; nothing was fetched.")
    return HubName(name.repo, info.sha)


def _chosen(name: HubName, info: Any) -> HubFile:
    """The file to fetch. Raises UserError where there is none, or it is none that could be a snapshot."""
    files = [each for each in info.siblings or () if isinstance(each.rfilename, str)]
    weights = [each for each in files if re.fullmatch(r"[\w.-]{1,200}\.safetensors", each.rfilename)]
    chosen = [each for each in weights if each.rfilename == FILE] or weights
    if not chosen:
        pickles = [each.rfilename for each in files if each.rfilename.endswith(PICKLES)]
        why = f" but {as_typed(pickles[0])}, which may be a pickle, that could run code when loaded" if pickles else ""
        raise UserError(f"{name} holds no file of safetensors{why}; ganforge fetches only those that it wrote itself.")
    if len(chosen) > 1:
        names = as_typed([each.rfilename for each in chosen])
        raise UserError(f"{name} holds several files of safetensors ({names}) and no {FILE}; name another model.")
    size = chosen[0].size
    if type(size) is not int or size < 1:
        raise UserError(f"The hub does not tell how large {chosen[0].rfilename} of {name} is; nothing was fetched.")
    if size > LARGEST:
        raise UserError(
            f"{chosen[0].rfilename} of {name} has {gib(size)}, more than any snapshot of ganforge's; nothing was "
            "fetched."
        )
    sha256 = getattr(chosen[0].lfs, "sha256", None)
    return HubFile(chosen[0].rfilename, size, sha256 if isinstance(sha256, str) else "")


def _download(name: HubName, file: HubFile, path: Path) -> None:
    from huggingface_hub import constants, get_session, hf_hub_url
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import hf_raise_for_status

    url, got = hf_hub_url(name.repo, file.name, revision=name.revision, endpoint=constants.ENDPOINT), 0
    headers = build_hf_headers(library_name="ganforge") | {"Accept-Encoding": "identity"}
    with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT_S) as response, path.open("wb") as out:
        hf_raise_for_status(response)
        for piece in response.iter_bytes(CHUNK_BYTES):
            got += len(piece)
            if got > file.size:
                raise UserError(f"The hub sends more of {name} than the {file.size:,} bytes that it told of.")
            out.write(piece)
            poll()
    if got < file.size:
        raise UserError(f"The hub broke off {name} after {got:,} of {file.size:,} bytes; try again.")
    if file.sha256 and (found := _digest_of(path)) != file.sha256:
        raise UserError(f"What the hub sent of {name} is not what it told of: its SHA-256 is {found}.")


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def hub_at_work(name: str, fails: str = "cannot be fetched") -> Iterator[None]:
    """While the context lasts, the hub's library sends its token to the hub alone, and what it raises becomes a
    UserError, in which ``fails`` says what does not work. Raises UserError where the library is not installed."""
    try:
        from huggingface_hub import constants, get_session
    except ImportError:
        raise UserError(f"{name} is on the Hugging Face hub, which needs huggingface_hub; {EXTRA}.") from None
    home = urlsplit(constants.ENDPOINT)

    def guard(request: Any) -> None:
        if (request.url.scheme, request.url.netloc.decode()) != (home.scheme, home.netloc):
            request.headers.pop("authorization", None)

    try:
        session, xet = get_session(), constants.HF_HUB_DISABLE_XET
        hooks = session.event_hooks
        session.event_hooks = hooks | {"request": [*hooks.get("request", ()), guard]}
        constants.HF_HUB_DISABLE_XET = True  # whose own connections the guard would not see
        try:
            yield
        finally:
            session.event_hooks, constants.HF_HUB_DISABLE_XET = hooks, xet
    except (UserError, AssertionError):
        raise
    except OSError as error:
        network = isinstance(error, ConnectionError | TimeoutError)  # which may bear the name of the file it broke
        if error.errno in DISK or (error.filename is not None and not network):
            raise UserError(f"{name} cannot be kept here ({reason(error)}); make room or choose another.") from None
        raise UserError(f"{name} {fails}: {_why(error, home.netloc)}.") from None
    except Exception as error:
        if isinstance(error, MemoryError) or not _is_librarys(error):
            raise
        raise UserError(f"{name} {fails}: {_why(error, home.netloc)}.") from None


def _is_librarys(error: Exception) -> bool:
    """Did the hub's library raise it, of whatever kind it is, and not ganforge?"""
    called = False
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
        called = module.startswith(LIBRARY) or (called and not module.startswith("ganforge."))
    return called


def _why(error: Exception, host: str) -> str:
    """In words of our own: a library's may hold addresses that are secrets."""
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # of a file that cannot be brought there
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", None)
    if "GatedRepoError" in kinds:
        return f"it is gated; ask for access on its page at {host}, then log in by `hf auth login` or HF_TOKEN"
    if "RevisionNotFoundError" in kinds:
        return f"{host} has no such revision of it"
    if "RepositoryNotFoundError" in kinds or status == 404:
        return f"{host} has no such model, or only for others; check the name, or log in by `hf auth login` or HF_TOKEN"
    if status in (401, 403):
        return f"{host} refuses (HTTP {status}); log in by `hf auth login` or HF_TOKEN, with a token that may do this"
    if "LocalTokenNotFoundError" in kinds:
        return "you are not logged in; `hf auth login`, or set HF_TOKEN"
    if status is not None:
        return f"{host} answered HTTP {status}"
    if "OfflineModeIsEnabled" in kinds:
        return "HF_HUB_OFFLINE is set"
    if kinds & {"TimeoutException", "TimeoutError"}:
        return f"no answer from {host} in time"
    if "RemoteProtocolError" in kinds:
        return f"{host} broke off its answer"
    if kinds & {"TransportError", "ConnectionError"}:
        return f"no connection to {host}"
    return f"{host} answered something else than the hub does ({type(error).__name__})"
