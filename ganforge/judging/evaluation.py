"""`ganforge evaluate`: how good are a run's pictures, a snapshot's, or those that some other tool left in a folder?"""

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ganforge.base.errors import UserError
from ganforge.base.given import each_given, path_given, whole_given
from ganforge.base.runtime import keep_freed_memory
from ganforge.base.stopping import poll
from ganforge.data.dataset import Dataset
from ganforge.data.summary import sample_note
from ganforge.judging.against import Against, open_data
from ganforge.judging.judged import Judged, open_judged
from ganforge.judging.record_files import PAIRS, places, write
from ganforge.metrics.fakes import Task, helpers, looked_at, shares
from ganforge.metrics.judge import NUM_FAKES, NUM_FAKES_STACKED, Judge, Plan
from ganforge.run.hub_snapshot import local
from ganforge.training.processes import Processes
from ganforge.training.several import joined


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
    Raises UserError for whatever cannot be judged. Of several processes the first writes, and each looks at its share.
    """
    source = local(path_given(source, "A run, a snapshot or pictures"))
    out = None if out is None else path_given(out, "The folder to write to")
    samples, names = wanted.count(), wanted.names()
    keep_freed_memory()
    with joined(device) as processes:
        chosen = processes.device(device)
        with contextlib.nullcontext() if processes.leads else contextlib.redirect_stderr(None):  # the first says it
            judged = open_judged(source, best, chosen)
            dataset, held_out = open_data(judged, against)
            judged = judged.beside(dataset)
        processes.refuse_differences("judge", lambda: {"data": dataset.fingerprint(), "subject": judged.digest()})
        if not processes.leads:
            return help_judge(judged, dataset, chosen, wanted.inception_file, processes)
        samples = samples or (NUM_FAKES_STACKED if dataset.name == "stacked-mnist" else NUM_FAKES)
        if judged.pictures is not None:
            samples = min(samples, len(judged.pictures))
        plan = Plan(names=names, num_fakes=samples)
        judge = Judge(dataset, held_out, chosen, plan, inception_file=wanted.inception_file)
        paths = places(judged, out, judge)
        processes.from_first(lambda: json.dumps(asdict(judge.task)))
        items = judged.items(dataset, shares(judge.protocol.num_fakes, processes))
        asked = judged.asked(dataset, judge.protocol.num_fakes)
        record = judge.judge(items, judged.subject(), judged.nimg, processes, asked)
        add_what_else_there_is_to_say(record, judge)
        evaluation = Evaluation(record, write(record, judge, *paths))
        processes.from_first(lambda: json.dumps(record))
    return evaluation


def help_judge(
    judged: Judged, dataset: Dataset, device: torch.device, inception_file: Path | None, processes: Processes
) -> Evaluation:
    """What other processes than the first do: look at their share. The record is the same on all."""
    task = Task(**json.loads(processes.from_first(str)))
    extractors = helpers(task, dataset, device, inception_file)
    items = judged.items(dataset, shares(task.count, processes))
    for _ in looked_at(task, extractors, items, processes):
        poll()
    return Evaluation(json.loads(processes.from_first(str)), [])


def add_what_else_there_is_to_say(record: dict[str, Any], judge: Judge) -> None:
    """Which training pictures are nearest to samples, or why that is not known."""
    if judge.copying is not None:
        record["nearest"] = [list(pair) for pair in judge.copying.nearest_names(PAIRS)]
    if note := sample_note(len(judge.dataset), judge.dataset.count):
        record["notes"].append(note)
    if judge.protocol.held_out is None:
        record["notes"].append(
            f"Whether pictures are copies was not measured: {judge.dataset.name} has no held-out pictures to compare "
            "with; name some with --test-data."
        )
