"""The names of shards, as people who use WebDataset write them: train-{0000..0099}.tar, shards/*.tar, a URL."""

import glob
import itertools
import re
from pathlib import Path
from urllib.parse import urlsplit

from ganforge.base.errors import UserError
from ganforge.base.files import is_there
from ganforge.base.terminal import printable

WEB = ("http", "https")
STORES = ("s3", "gs")
MAX_SHARDS = 100_000
BRACES = re.compile(r"\{([^{}]*)\}")
RANGE = re.compile(r"([0-9]{1,9})\.\.([0-9]{1,9})")


def is_shards(name: str) -> bool:
    """Does the text name shards: a URL, or a local pattern that is no file's or folder's own name?"""
    return is_remote(name) or (any(mark in name for mark in "{*?") and not is_there(Path(name)))


def is_remote(name: str) -> bool:
    return "://" in name


def shards_of(name: str) -> list[str]:
    """The URLs or paths that a pattern stands for, in its order; of ``*`` and ``?``, those that are there, by name.

    {00..12} counts, with as many digits as its ends have, and {a,b} lists. Raises UserError for what names no shard,
    more than ``MAX_SHARDS``, or a place that is not read.
    """
    if is_remote(name):
        _refuse_odd_url(name)
    found = _expanded(name)
    if not is_remote(name):
        listed = [_there(one) if re.search(r"[*?]", one) else [one] for one in found]
        found = list(itertools.chain.from_iterable(listed))
    if len(found) > MAX_SHARDS:
        raise UserError(f"{printable(name)} names {len(found):,} shards, and {MAX_SHARDS:,} are the most.")
    if len(set(found)) < len(found):
        twice = next(one for at, one in enumerate(found) if one in found[:at])
        raise UserError(f"{printable(name)} names {printable(twice)} twice; name each shard once.")
    return found


def has_local_shards(name: str) -> bool:
    """Is there at least one of the files that a local pattern names?"""
    return any(is_there(Path(one)) for one in shards_of(name))


def pattern_name(name: str) -> str:
    """The pattern's last part, for people: train-{0000..0099}.tar."""
    return (urlsplit(name).path if is_remote(name) else name).rstrip("/").rpartition("/")[2] or "shards"


def pattern_stem(name: str) -> str:
    """The same as part of a folder's name: train."""
    plain = re.sub(r"\{[^{}]*\}|[*?]", "", pattern_name(name))
    return re.sub(r"[^\w]+", "-", plain.removesuffix(".tar")).strip("-_") or "shards"


def _there(pattern: str) -> list[str]:
    """Brackets mean themselves."""
    return sorted(glob.glob(pattern.replace("[", "[[]")))  # noqa: PTH207 - Path.glob takes no absolute patterns


def _expanded(name: str) -> list[str]:
    parts: list[list[str]] = []
    total, end = 1, 0
    for braces in BRACES.finditer(name):
        parts += [[name[end : braces.start()]], _choices(braces[1], name)]
        total, end = total * len(parts[-1]), braces.end()
        if total > MAX_SHARDS:
            raise UserError(f"{printable(name)} names more than {MAX_SHARDS:,} shards, which are the most.")
    return ["".join(each) for each in itertools.product(*parts, [name[end:]])]


def _choices(text: str, name: str) -> list[str]:
    if (span := RANGE.fullmatch(text)) is None:
        if "," in text:
            return text.split(",")
        raise UserError(f"{{{printable(text)}}} in {printable(name)} is no range; write it as {{0000..0099}}.")
    first, last = map(int, span.groups())
    if not first <= last < first + MAX_SHARDS:
        raise UserError(f"{{{text}}} in {printable(name)} is no range of 1 to {MAX_SHARDS:,} shards.")
    digits = len(span[1])
    return [f"{number:0{digits}}" for number in range(first, last + 1)]


def _refuse_odd_url(name: str) -> None:
    scheme, rest = name.split("://", 1)
    if scheme not in WEB + STORES:
        known = ", ".join(f"{one}://" for one in WEB + STORES)
        raise UserError(f"{printable(scheme)}:// is not read; shards may lie at {known}, or on this machine.")
    if "@" in rest.split("/", 1)[0]:
        raise UserError(
            "A URL of shards must hold no user or password: a run keeps it in config.json; let the system's own "
            "settings (~/.netrc, the store's variables) tell them."
        )
