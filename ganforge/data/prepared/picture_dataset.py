"""Anybody's pictures as a data set: prepared once, then mapped from the cache; and pictures in memory reshaped."""

import errno
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ganforge.base.errors import UserError
from ganforge.base.sizes import size_text
from ganforge.base.stopping import poll
from ganforge.data.catalog import short_name
from ganforge.data.dataset import Dataset
from ganforge.data.prepared.fit import Target, describe_kind, fit_picture
from ganforge.data.prepared.hold_out import LEAST
from ganforge.data.prepared.item_names import read_names
from ganforge.data.prepared.mapped import map_pictures, read_labels
from ganforge.data.prepared.prepare import list_broken, prepare
from ganforge.data.prepared.prepared_files import FACTS, LABELS, NAMES, PICTURES
from ganforge.data.prepared.request import Request
from ganforge.data.prepared.splits import describe_parts, has_test_split
from ganforge.data.prepared.survey import seen_in
from ganforge.data.sources.hints import warnings_for

LISTED = 10
"""So many unreadable pictures are listed aloud; all of them are in facts.json, whose place is said then."""

ATTEMPTS = 3
"""How often the pictures are prepared, if another process empties the cache just then."""


def load_pictures(
    path: str, request: Request, max_images: int | None, max_broken: int | None, say: Callable[[str], None],
    *, root: Path | None = None, workers: int | None = None,
) -> Dataset:  # fmt: skip
    """The prepared pictures of a source, as a data set that maps them; arguments as for ``prepare``."""
    for attempts_left in reversed(range(ATTEMPTS)):
        folder, facts = prepare(path, request, max_broken, say, root=root, workers=workers)
        try:
            items, release = map_pictures(folder / PICTURES, facts["shape"])
            labels = read_labels(folder / LABELS, facts["labels_digest"]) if facts["classes"] else None
            if facts["classes"] and labels is None:
                raise FileNotFoundError(errno.ENOENT, "its labels are gone", str(folder / LABELS))
            break
        except OSError as error:
            if not attempts_left:
                raise UserError(f"{folder} cannot be read ({error.strerror}); start again.") from None
            say(f"What was prepared in {folder} was removed meanwhile: looking again.")
    learned = len(items) - facts["held_out"]
    all_items, all_labels = items, labels
    items, labels = items[:learned], None if labels is None else labels[:learned]
    notes = tuple(describe_preparation(facts, folder / FACTS))
    if max_images is not None and max_images < len(items):
        notes += (describe_cut(len(items), labels, max_images, len(facts["classes"])),)
    warnings = warnings_for(seen_in(facts), checked=True) if request.split == "train" else []
    notes += tuple(f"warning: {text}" for text in warnings)
    dataset = Dataset(
        short_name(path), path, items, labels, len(facts["classes"]), labels_from=facts["labels_from"], notes=notes,
        digest=facts["learned_digest"], release=release, has_test_split=has_test_split(facts["parts"]),
        class_names=names_of(facts["classes"]), no_labels=facts["no_labels"],
        names=partial(read_names, folder / NAMES, facts["names_digest"]),
        range=tuple(facts["range"]) if facts["range"] else None,
        copies=(facts["seen"]["duplicates"], facts["shape"][0]),
    )  # fmt: skip
    if facts["held_out"]:
        apart = None if all_labels is None else all_labels[learned:]
        held_out = replace(dataset, items=all_items[learned:], labels=apart, digest="", names=None)
        dataset = replace(dataset, held_out=held_out)
    return dataset.first(max_images)


def describe_preparation(facts: dict[str, Any], path: Path) -> list[str]:
    """What came of the pictures, in lines for people. path: of the file that holds the facts."""
    count, channels, height, width = facts["shape"]
    request, broken = facts["request"], facts["broken"]
    size = size_text(height, width)
    resized = "" if facts["num_sizes"] == 1 else f"; {request['fit']} where the shape differs"
    kind = "asked for" if request["channels"] else "some have colours" if channels == 3 else "none has colours"
    lines = [
        f"{count:,} pictures of {size} {describe_kind(channels)} (size: {facts['size_because']}{resized}; "
        f"channels: {kind})"
    ]
    if parts := describe_parts(facts["parts"], facts["part"]):
        lines.append(f"{facts['source']} has parts: {parts}.")
    if facts["enlarged"]:
        lines.append(f"{facts['enlarged']:,} of them are smaller: enlarged, which shows no more than they hold")
    if facts["transparent"] and channels != 4:
        lines.append(
            f"{facts['transparent']:,} of them are transparent in places: laid on {request['background']} "
            "(--channels 4 keeps the transparency)"
        )
    if facts["held_out"]:
        lines.append(
            f"Held out: {facts['held_out']:,} of them, to tell copies by; the other {count - facts['held_out']:,} are "
            "learned from (--hold-out none learns from all)"
        )
    elif request["hold_out"] and count >= LEAST and not has_test_split(facts["parts"]):
        lines.append("Nothing is held out: too many of the pictures are equal, or alone in their class")
    if broken:
        lines.append(f"Unreadable, and left out: {list_broken(broken, LISTED, path)}")
    if facts["skipped"]:
        lines.append(f"Skipped: {list_broken(facts['skipped'], LISTED, path)}")
    lines += facts["left"]
    if facts["empty_classes"]:
        names = ", ".join(facts["empty_classes"][:LISTED])
        lines.append(f"Classes left out, since none of their pictures can be read: {names}")
    return lines


def names_of(classes: list[str]) -> tuple[str, ...]:
    """The classes' names, if they say more than 0, 1, 2, ... do."""
    return () if classes == [str(number) for number in range(len(classes))] else tuple(classes)


def describe_cut(count: int, labels: torch.Tensor | None, max_images: int, num_classes: int) -> str:
    """What max_images leaves out: sources go by name, so whole classes may be missing."""
    line = f"Only the first {max_images:,} of the {count:,} pictures are used (max_images)"
    empty = num_classes - len(labels[:max_images].unique()) if labels is not None else 0
    if empty:
        line += f", and {empty:,} of the {num_classes:,} classes have none of them; --max-images none takes all"
    return f"{line}."


def reshape(dataset: Dataset, request: Request) -> Dataset:
    """A data set in memory, its pictures brought to the size and channels that are asked for; as it is if none are.

    Raises UserError for points.
    """
    if request.size is None and request.channels is None:
        return dataset
    if dataset.is_points:
        raise UserError(f"{dataset.name} consists of points, which have no size or channels; leave those out.")
    channels, height, width = dataset.shape
    height, width = request.size or (height, width)
    target = Target(request.channels or channels, height, width, request.fit, request.background)
    if target.shape == dataset.shape:
        return dataset
    rows = np.empty((len(dataset), *target.shape), np.uint8)
    for row, pixels in enumerate(dataset.items.permute(0, 2, 3, 1).numpy()):
        if row % 256 == 0:
            poll()
        picture = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels))
        rows[row] = fit_picture(picture, target)
    return replace(dataset, items=torch.from_numpy(rows), digest="")
