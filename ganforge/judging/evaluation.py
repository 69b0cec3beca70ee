"""`ganforge evaluate`: how good are a run's pictures, a snapshot's, or those that some other tool left in a folder?"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.given import each_given, path_given, whole_given
from ganforge.base.launch import refuse_several_processes
from ganforge.base.runtime import choose_device, keep_freed_memory
from ganforge.judging.against import Against, open_data
from ganforge.judging.judged import open_judged
from ganforge.judging.record_files import PAIRS, places, write
from ganforge.metrics.judge import NUM_FAKES, NUM_FAKES_STACKED, Judge, Plan
from ganforge.run.hub_snapshot import local


@dataclass(frozen=True)
class Wanted:
    """samples: how many to judge; 10,000 by default (26,000 for stacked-mnist). features: extractors' names, also as
    one text with commas; the usual ones for the data by default. inception_file: the weights for `inception`."""

    samples: int | None = None
    features: Sequence[str] | str | None = None
    inception_file: Path | None = None

    def count(self) -> int | None:
        """The number of samples. Raises UserError for what is none."""
        count = None if self.samples is None else whole_given(self.samples, "samples")
        if count is not None and count < 1:
            raise UserError(f"samples is {count}; give 1 or more.")
        return count

    def names(self) -> Sequence[str] | None:
        """The extractors' names, likewise."""
        if isinstance(self.features, str):
            return self.features.split(",")
        return None if self.features is None else each_given(self.features, "The features")


ITS_OWN_DATA, AS_USUAL = Against(), Wanted()


@dataclass(frozen=True)
class Evaluation:
    """record: the figures, as docs/metrics.md describes them. written: the files that were made."""

    record: dict[str, Any]
    written: list[Path]


def evaluate(
    source: str | os.PathLike[str],
    against: Against = ITS_OWN_DATA,
    wanted: Wanted = AS_USUAL,
    *,
    best: bool = False,
    device: str = "auto",
    out: str | os.PathLike[str] | None = None,
) -> Evaluation:
    """Judge what ``source`` makes or holds; write the record, and samples beside their nearest training pictures.

    source: a run folder (its newest snapshot, or its best), a snapshot, also hub:OWNER/NAME, or a folder or file of
    pictures.
    against: the real items; by default what the run learned from.
    wanted: how many are judged, and by which features.
    best: the run's best snapshot instead of its newest.
    out: the folder to write to; by default a run's own, else the current one.
    Raises UserError for whatever cannot be judged.
    """
    refuse_several_processes()
    source = local(path_given(source, "A run, a snapshot or pictures"))
    out = None if out is None else path_given(out, "The folder to write to")
    samples, names = wanted.count(), wanted.names()
    keep_freed_memory()
    chosen = choose_device(device)
    judged = open_judged(source, best, device)
    dataset, held_out = open_data(judged, against)
    judged = judged.beside(dataset)
    samples = samples or (NUM_FAKES_STACKED if dataset.name == "stacked-mnist" else NUM_FAKES)
    if judged.pictures is not None:
        samples = min(samples, len(judged.pictures))
    plan = Plan(names=names, num_fakes=samples)
    judge = Judge(dataset, held_out, chosen, plan, inception_file=wanted.inception_file)
    json_path, png_path = places(judged, out, judge)
    items = judged.items(dataset, judge.protocol.num_fakes)
    record = judge.judge(items, judged.subject(), judged.nimg)
    if judge.copying is not None:
        record["nearest"] = [list(pair) for pair in judge.copying.nearest_names(PAIRS)]
    if held_out is None:
        record["notes"].append(
            f"Whether pictures are copies was not measured: {dataset.name} has no held-out pictures to compare with; "
            "name some with --test-data."
        )
    return Evaluation(record, write(record, judge, json_path, png_path))
