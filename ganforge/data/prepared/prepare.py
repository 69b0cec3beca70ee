"""Pictures prepared once: decoded, brought to one shape, and kept in the cache as a file that training maps."""

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.files import reason, sync
from ganforge.base.sizes import gib, size_text
from ganforge.data.prepared.cache import (
    locked,
    make_room,
    note_use,
    prepared_folder,
)
from ganforge.data.prepared.finish import finish
from ganforge.data.prepared.first_look import first_guess, take_range
from ganforge.data.prepared.fit import Target
from ganforge.data.prepared.mapped import pictures_digest, read_labels
from ganforge.data.prepared.prepared_facts import read_facts
from ganforge.data.prepared.prepared_files import FACTS, LABELS, PICTURES, discard
from ganforge.data.prepared.request import Findings, Request, settle
from ganforge.data.prepared.splits import Chosen, choose_split
from ganforge.data.prepared.workers import decode_all, usual_workers
from ganforge.data.sources.budget import broken_allowed
from ganforge.data.sources.guarded import Guarded, SourceChanged
from ganforge.data.sources.open import open_guarded

WORTH_PROCESSES_S = 2.0
"""Less work than this is done by the process that lists the source: others take a moment to start."""
WORTH_SAYING_BYTES = 4 << 30


def prepare(
    path: str,
    request: Request,
    max_broken: int | None,
    say: Callable[[str], None],
    *,
    root: Path | None = None,
    workers: int | None = None,
) -> tuple[Path, dict[str, Any]]:
    """The folder in the cache that holds the prepared pictures, and its facts; made if neither it nor the same
    pictures by another request are there.

    path: as ``open_source`` takes it. max_broken: unreadable pictures that are left out without a fault; None: one in a
    hundred, but at least 10. say: takes lines for the person. Where it is stopped, and at any fault, nothing
    half-made stays. What is there is compared with its digest, and made again if it is damaged. root: the cache.
    workers: processes; None: as many as are worth it, 0: only the one that lists.
    Raises UserError for a source that cannot be used, more broken pictures, and a full disk or cache.
    """
    root = root or prepared_folder()
    with closing(open_guarded(path)) as source:
        chosen = choose_split(source, request.split)
        fingerprint = source.fingerprint()
        folder = root / request.key(fingerprint)
        try:
            facts = _whole(folder, say)
            for other in request.alike() if facts is None else ():
                there = read_facts(place := root / other.key(fingerprint))
                if there is not None and request.fits(there) and (facts := _whole(place, say)):
                    folder = place
                    break
            if facts is None:
                with locked(folder, say):
                    facts = _whole(folder, say)
                    if facts is None and folder.exists():
                        say(f"The prepared pictures in {folder} are damaged: preparing them again.")
                    facts = facts or _make(source, chosen, fingerprint, request, folder, say, workers)
        except OSError as error:
            raise UserError(f"The pictures cannot be prepared: {reason(error)}; the cache is {root}.") from error
    refuse_broken(facts, max_broken, folder / FACTS)
    note_use(folder)
    return folder, facts


def _whole(folder: Path, say: Callable[[str], None]) -> dict[str, Any] | None:
    """The facts of what is prepared there, if it is all there, and what it was when it was made."""
    facts = read_facts(folder)
    if facts is None:
        return None
    size = math.prod(facts["shape"])
    if size > WORTH_SAYING_BYTES:
        say(f"Comparing the prepared pictures with their digest: {gib(size)}")
    try:
        if pictures_digest(folder / PICTURES, facts["shape"]) != facts["digest"]:
            return None
    except OSError:  # it was removed a moment ago, or the disk is damaged there
        return None
    if facts["classes"]:
        labels = read_labels(folder / LABELS, facts["labels_digest"])
        if labels is None or len(labels) != facts["shape"][0]:
            return None
        if not 0 <= int(labels.min()) <= int(labels.max()) < len(facts["classes"]):
            return None
    return facts


def _make(
    source: Guarded, chosen: Chosen, fingerprint: str, request: Request, folder: Path,
    say: Callable[[str], None], workers: int | None,
) -> dict[str, Any]:  # fmt: skip
    """Into <key>.part, then renamed."""
    part = folder.with_suffix(".part")
    for old in (part, folder):
        if not discard(old):
            raise UserError(f"{old} holds something that ganforge has not made; remove that, and start again.")
    start = time.monotonic()

    def decode(target: Target, seconds: float) -> Findings:
        _make_place(part, chosen, target, source, say)
        found = decode_all(source, chosen, target, part / PICTURES, _worth(workers, seconds))
        found.span, found.span_from = span, span_from
        return found

    try:
        if request.pages == "all":
            source.take_pages()
            chosen = choose_split(source, request.split)
        span, span_from = take_range(source, request.range, chosen.indices)
        target, seconds = first_guess(source, chosen.indices, request)
        found = decode(target, seconds)
        right = settle(request, found)
        if found.kept and right.shape != target.shape:
            say("Decoding again: the pictures sampled first were not like all the others.")
            target, found = right, decode(right, seconds)
        facts = finish(part, source, chosen, request, target, found)
        if source.fingerprint() != fingerprint:
            raise SourceChanged
        facts["seconds"] = round(time.monotonic() - start, 2)
        (part / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8", newline="\n")
        for name in (PICTURES, FACTS):
            sync(part / name)
        part.rename(folder)
        sync(folder.parent)
    except SourceChanged:
        raise UserError(
            f"{source.name} changed while it was read; wait until nothing writes to it any more, and start again."
        ) from None
    finally:
        with suppress(OSError):
            discard(part)
    return facts


def _make_place(part: Path, chosen: Chosen, target: Target, source: Guarded, say: Callable[[str], None]) -> None:
    """A file of the full size, so that whoever else looks at the cache counts it, though nothing is in it yet."""
    discard(part)
    needed = len(chosen.indices) * math.prod(target.shape)
    what = f"{len(chosen.indices):,} pictures of {size_text(target.height, target.width)}"
    if gone := make_room(part.parent, needed, what):
        say(f"Removed from the cache, as least recently used: {gib(sum(one.size for one in gone))}.")
    say(f"Preparing {what} from {source.name} ({source.kind}): {gib(needed)}, once, in {part.parent}")
    part.mkdir()
    with (part / PICTURES).open("wb") as file:
        file.truncate(needed)


def _worth(workers: int | None, seconds: float) -> int:
    if workers is not None:
        return workers
    count = usual_workers()
    return count if count > 1 and seconds > WORTH_PROCESSES_S else 0


def refuse_broken(facts: dict[str, Any], max_broken: int | None, path: Path) -> None:
    """Raises UserError where more pictures are broken than may be left out."""
    broken, total = len(facts["broken"]), len(facts["broken"]) + facts["shape"][0]
    allowed = broken_allowed(total) if max_broken is None else max_broken
    if broken > allowed:
        raise UserError(
            f"{broken:,} of the {total:,} pictures in {facts['source']} cannot be read, and at most {allowed:,} may be "
            f"left out: {list_broken(facts['broken'], 5, path)}; fix or remove them, or allow more with --max-broken."
        )


def list_broken(broken: Sequence[Sequence[str]], most: int, path: Path) -> str:
    """a.jpg (cut off), b.jpg (empty file) and 3 more (all: PATH)"""
    text = ", ".join(f"{name} ({why})" for name, why in broken[:most])
    return f"{text} and {len(broken) - most:,} more (all: {path})" if len(broken) > most else text
