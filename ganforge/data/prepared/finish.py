"""The last part of preparing: what broken pictures left empty is closed, labels are written, and the facts gathered."""

import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.base.errors import UserError
from ganforge.base.sizes import size_text
from ganforge.base.stopping import poll
from ganforge.data.prepared.fit import Target, describe_kind, infer_size, is_enlarged
from ganforge.data.prepared.hold_out import append_rows, set_aside
from ganforge.data.prepared.item_names import write_names
from ganforge.data.prepared.mapped import labels_digest, pictures_digest
from ganforge.data.prepared.prepared_files import FORMAT, LABELS, NAMES, PICTURES
from ganforge.data.prepared.request import Findings, Request
from ganforge.data.prepared.splits import Chosen, has_test_split
from ganforge.data.prepared.survey import survey
from ganforge.data.sources.budget import MAX_LISTED, brief
from ganforge.data.sources.hints import all_equal
from ganforge.data.sources.open import Opened

COPY_BYTES = 1 << 24


def finish(
    part: Path, source: Opened, chosen: Chosen, request: Request, target: Target, found: Findings,
) -> dict[str, Any]:  # fmt: skip
    """Close the gaps that broken pictures left, move those that are held out to the end, write labels and names, and
    gather the facts. Raises UserError where fewer than two pictures are left, all are equal, or too much of the files
    is left out."""
    count, total = len(found.kept), len(chosen.indices)
    if count < 2:
        left = f"only 1 of the {total:,} pictures" if count else f"none of the {total:,} pictures"
        name, why = found.broken[0]
        raise UserError(f"{source.name}: {left} can be read, and 2 are the least; {name}, for one: {why}.")
    if len(found.broken) > MAX_LISTED:
        name, why = found.broken[0]
        raise UserError(
            f"{source.name}: {len(found.broken):,} of {total:,} pictures cannot be read, and {MAX_LISTED:,} are the "
            f"most that can be left out; {name}, for one: {why}."
        )
    found.tally.refuse(source.name, request.pages, found.span)
    close_gaps(part / PICTURES, found.kept, math.prod(target.shape))
    held_out = hold_out(part / PICTURES, chosen, target, found) if request.hold_out else 0
    facts: dict[str, Any] = {"format": FORMAT, "shape": [count, *target.shape]}
    facts |= {"source": source.name, "kind": source.kind, "request": asdict(request)}
    facts["size_because"] = "asked for" if request.size else infer_size(found.sizes)[1]
    facts |= {"num_sizes": len(found.sizes), "transparent": found.transparent, "coloured": found.coloured}
    facts["enlarged"] = sum(count for size, count in found.sizes.items() if is_enlarged(size, target))
    facts["of_commonest_size"] = max(found.sizes.values())
    facts |= {
        "parts": dict(chosen.parts),
        "part": chosen.part,
        "no_labels": chosen.no_labels,
        "broken": found.broken,
        "skipped": _some(source.skipped),
    }
    facts["seen"] = survey(part / PICTURES, facts["shape"])
    if facts["seen"]["duplicates"] == count - 1:
        raise UserError(f"{source.name}: {all_equal(count, bool(facts['seen']['constant']))}")
    names = (source.entries[chosen.indices[row]].name for row in found.kept)
    facts["names_digest"] = write_names(part / NAMES, names)
    facts["digest"] = facts["learned_digest"] = pictures_digest(part / PICTURES, facts["shape"])
    facts["held_out"] = held_out
    if held_out:
        facts["learned_digest"] = pictures_digest(part / PICTURES, [count - held_out, *target.shape])
    facts |= {"left": found.tally.lines(found.span, found.span_from), "range": found.span and list(found.span)}
    size, kind = size_text(target.height, target.width), describe_kind(target.channels)
    facts["summary"] = f"{count:,} pictures of {size} {kind}, {request.split}, from {source.name}"
    return facts | _write_labels(part / LABELS, chosen, found)


def hold_out(path: Path, chosen: Chosen, target: Target, found: Findings) -> int:
    """Move the pictures that are held out to the end of the file, and of ``found.kept``; returns how many. None are
    where the source has a test split."""
    if has_test_split(chosen.parts):
        return 0
    count, row_bytes = len(found.kept), math.prod(target.shape)
    labels = None if chosen.labels is None else [chosen.labels[row] for row in found.kept]
    learned, held_out = set_aside(path, count, row_bytes, labels)
    if held_out:
        append_rows(path, held_out, row_bytes)
        close_gaps(path, [*learned, *range(count, count + len(held_out))], row_bytes)
        found.kept[:] = [found.kept[row] for row in [*learned, *held_out]]
    return len(held_out)


def _some(skipped: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The first of what was passed over while listing, and how many more there are."""
    some = [[brief(name), brief(reason)] for name, reason in skipped[:MAX_LISTED]]
    more = len(skipped) - len(some)
    return [*some, [f"{more:,} more", "not listed"]] if more else some


def close_gaps(path: Path, kept: Sequence[int], row_bytes: int) -> None:
    """Move the rows ``kept``, ascending, together at the file's start, and cut the rest off."""
    with path.open("r+b") as file:
        to, at = 0, 0
        while at < len(kept):
            poll()
            end = at + 1
            while end < len(kept) and kept[end] == kept[end - 1] + 1 and (end - at) * row_bytes < COPY_BYTES:
                end += 1
            if kept[at] != to:
                file.seek(kept[at] * row_bytes)
                rows = file.read((end - at) * row_bytes)
                file.seek(to * row_bytes)
                file.write(rows)
            to, at = to + end - at, end
        file.truncate(to * row_bytes)


def _write_labels(path: Path, chosen: Chosen, found: Findings) -> dict[str, Any]:
    """Labels count the classes that still have pictures, 0, 1, 2, ... in the classes' order."""
    if chosen.labels is None:
        return {"classes": [], "class_counts": [], "labels_from": "", "labels_digest": "", "empty_classes": []}
    names = [chosen.labels[row] for row in found.kept]
    counts = Counter(names)
    classes = [name for name in chosen.classes() if counts[name]]
    number = {name: at for at, name in enumerate(classes)}
    labels = np.array([number[name] for name in names], np.int64)
    with path.open("wb") as file:
        np.save(file, labels, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    facts = {"classes": classes, "class_counts": [counts[name] for name in classes], "labels_from": chosen.labels_from}
    empty = [name for name in chosen.classes() if not counts[name]]
    return facts | {"labels_digest": labels_digest(labels), "empty_classes": empty}
