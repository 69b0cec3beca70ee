"""An eye for one's own pictures: features that were learned from some of the real ones.

A third of the pictures, ``eye_rows``, is for it to learn from, and no floor and no reference has any of these: it never
judges by what it has learned from. It is kept in the user's cache, and made once for the same pictures and labels.

Without classes there is none: an eye that learned by how many quarters pictures were turned was no clear gain over
random features (benchmarks/results/learned_eye.md).
"""

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.images import to_uint8
from ganforge.data.dataset import Dataset
from ganforge.metrics.catalog import ExtractorRecord
from ganforge.metrics.eye_lessons import HOW, teach
from ganforge.metrics.eye_network import WIDTHS, Eye, prepared
from ganforge.metrics.kept_statistics import kept_or_measured
from ganforge.metrics.protocol import chunks_of, eye_rows

RECORD = ExtractorRecord(
    name="own",
    order=25,
    meaning="A small network that learned the classes of a third of the real pictures, which are then not judged by.",
    source="benchmarks/results/learned_eye.md",
    takes="pictures with classes",
    rank=35,
    is_scaled=False,
    is_learned=True,
)
KIND = "learned eye"
CHUNK = 1_000
LEAST = 200
"""Fewer pictures to learn from teach nothing."""
MAX_CLASSES, PER_CLASS = 100, 20
"""Of more classes, or of fewer pictures a class, it could learn little."""


def learned(dataset: Dataset, cache_dir: Path | None = None, seed: int = 0) -> Eye:
    """The eye for a data set, in evaluation mode on the CPU: from the cache, or else it learns now, which is shown.

    cache_dir: as for ``kept_or_measured``. Raises UserError where there are too few pictures to learn from.
    """
    rows = eye_rows(dataset)
    if len(rows) < LEAST:
        raise UserError(
            f"The own features would be learned from {len(rows):,} pictures, a third of {dataset.name}'s "
            f"{len(dataset):,}, and {LEAST} are the least; use random."
        )
    labels, num_classes = dataset.labels, dataset.num_classes
    if labels is None or not 2 <= num_classes <= min(MAX_CLASSES, len(rows) // PER_CLASS):
        has = f"{num_classes:,}" if labels is not None and num_classes else "none"
        raise UserError(
            f"The own features are learned from 2 to {MAX_CLASSES} classes, with {PER_CLASS} pictures of each among "
            f"the {len(rows):,} to learn from, and {dataset.name} has {has}; use random."
        )
    told = hashlib.sha256(labels[rows].numpy().tobytes()).hexdigest()
    parts = [KIND, Eye.version, WIDTHS, HOW, dataset.fingerprint(), len(rows), told, num_classes, seed]

    def pictures() -> Tensor:
        return torch.cat([to_uint8(prepared(chunk)) for chunk in chunks_of(dataset, rows, CHUNK)])

    def from_file(tensors: dict[str, Tensor], facts: dict[str, Any]) -> Eye:
        with torch.device("meta"):  # which draws no random numbers
            eye = Eye(dataset.shape, num_classes)
        try:
            eye.load_state_dict(tensors, assign=True)
        except RuntimeError as error:
            raise ValueError(str(error)) from None
        return eye.eval()

    def to_file(eye: Eye) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return eye.state_dict(), {"data": dataset.name, "pictures": len(rows), "num_classes": num_classes}

    return kept_or_measured(
        KIND, parts, "the real pictures", cache_dir, from_file,
        lambda: teach(pictures(), labels[rows], num_classes, seed), to_file,
    )  # fmt: skip
