"""From items to a record: every figure, its floor, and the protocol that both were measured by."""

import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge._version import __version__
from ganforge.base.errors import UserError
from ganforge.base.shared_batches import Sharers
from ganforge.base.stopping import poll
from ganforge.data.dataset import Dataset
from ganforge.metrics.asked import agreement_by_class, floor_labels
from ganforge.metrics.catalog import FORMAT, HEADLINES, is_learned
from ganforge.metrics.copying import Copying, prepare_copying
from ganforge.metrics.fakes import Task, looked_at
from ganforge.metrics.features import build_extractor
from ganforge.metrics.figure import Figures, as_json, compare, notes_on, with_floors
from ganforge.metrics.protocol import (
    MAX_SAMPLES_FOR_COPIES,
    Protocol,
    chunks_of,
    eye_share,
    share_out,
    split_rows,
    subset_size,
)
from ganforge.metrics.reference import CHUNK, Chunks, prepare_reference
from ganforge.metrics.sides import Sides, Tally
from ganforge.metrics.vectors import FEWEST

NUM_FAKES, NUM_REALS, KERNEL_SUBSETS = 10_000, 50_000, 100
"""The full protocol, for `ganforge evaluate`."""
KERNEL_SUBSETS_FEW = 50
"""Of the kernel distance where it replaces the Fréchet distance, and was to be left out."""
NUM_FAKES_STACKED = 26_000
"""Stacked MNIST's, by convention: PacGAN, arXiv:1712.04086, section 4.2."""
NUM_REALS_CHEAP = 10_000
"""The reference of the cheap protocol, during training."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured, and how thoroughly: the full protocol, if nothing else is said.

    split: of their data set, the real items are. names: of extractors; the usual ones for the data by default.
    num_fakes, num_reals: at most so many items are judged, and are in the reference. kernel_subsets: 0 leaves the
    kernel distance out, but where there are too few items for a Fréchet distance.
    """

    split: str = "train"
    names: Sequence[str] | None = None
    num_fakes: int = NUM_FAKES
    num_reals: int = NUM_REALS
    kernel_subsets: int = KERNEL_SUBSETS


FULL = Plan()


class Judge:
    """The real side, ready: whatever is judged by the same one is comparable.

    protocol: what its figures depend on. It is prepared from the cache, or else by measuring the real items once.
    """

    def __init__(
        self,
        dataset: Dataset,
        held_out: Dataset | None,
        device: torch.device,
        plan: Plan = FULL,
        *,
        inception_file: Path | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        """Measure the real side, or read it from the cache. Raises UserError for too few items and for extractors that
        do not fit them.

        dataset: the real items.
        held_out: the other split, or None to leave the memorisation figures out.
        device: where features are computed.
        inception_file: that extractor's weights.
        cache_dir: None for the user's own.
        """
        names, kernel_subsets = plan.names or usual_extractors(dataset), plan.kernel_subsets
        self.dataset, self.num_wanted = dataset, plan.num_fakes
        self.learned_from = eye_share(len(dataset)) if any(map(is_learned, names)) else 0
        num_floor, reals = self.numbers(plan)
        extractors = [
            build_extractor(name, dataset.shape, device, inception_file, dataset, cache_dir) for name in names
        ]
        few = num_floor <= extractors[0].dims  # there is no FD, and the KID is not biased by the number of fakes
        if few:
            kernel_subsets = kernel_subsets or KERNEL_SUBSETS_FEW
        self.protocol = Protocol(
            dataset.name, dataset.fingerprint(), plan.split, plan.num_fakes if few else num_floor, reals, num_floor,
            {extractor.name: extractor.hash for extractor in extractors},
            held_out.fingerprint() if held_out is not None else None, kernel_subsets,
            subset_size(num_floor, reals) if kernel_subsets else 0,
        )  # fmt: skip
        self.sides = [
            (
                extractor,
                *prepare_reference(
                    extractor, self.protocol, lambda: real_chunks(dataset, self.protocol), dataset.mixture,
                    cache_dir, floor_labels(extractor, dataset, self.protocol),
                ),
            )
            for extractor in extractors
        ]  # fmt: skip
        floors = {name: floor for _, _, each in self.sides for name, floor in each.items()}
        self.headline = headline(floors)
        self.copying: Copying | None = None
        if held_out is not None and dataset.mixture is None:
            unlearned = [extractor for extractor in extractors if not is_learned(extractor.name)]
            self.copying = prepare_copying(dataset, held_out, next(iter(unlearned), None), self.protocol, cache_dir)

    def numbers(self, plan: Plan) -> tuple[int, int]:
        """Items for the floor, and of the reference. Raises UserError for too few."""
        count = len(self.dataset) - self.learned_from
        num_floor, reals = share_out(count, plan.num_fakes, plan.num_reals)
        if num_floor < FEWEST <= count // 3:
            raise UserError(f"{plan.num_fakes} pictures are too few to judge by; give at least {FEWEST}.")
        if num_floor < FEWEST:
            raise UserError(
                f"{self.dataset.name} has {count:,} items, too few to judge by; {3 * FEWEST} are the least."
            )
        return num_floor, reals

    @property
    def task(self) -> Task:
        """What other processes need to know to look at their share of the items judged."""
        kept = 0 if self.copying is None else MAX_SAMPLES_FOR_COPIES
        return Task(self.protocol.extractors, self.protocol.num_fakes, kept)

    def judge(
        self,
        batches: Iterable[Tensor],
        subject: dict[str, Any],
        nimg: int,
        sharers: Sharers | None = None,
        asked: Tensor | None = None,
    ) -> dict[str, Any]:
        """A record: JSON, as docs/metrics.md describes it.

        batches: the items judged, uint8 [N, C, H, W] or points float32 [N, 2], ``protocol.num_fakes`` in all; with
        sharers, who look at theirs meanwhile (``fakes.looked_at``), this process's share.
        subject: what they are. asked: the class that each was made for, int64 [N]; None where it is none of the data's.
        Raises UserError for items of another size, or another number of them.
        """
        start = time.perf_counter()
        most = self.protocol.num_floor
        tallies = [
            Tally(extractor, reference.scale, most, asked if reference.agreed is not None else None)
            for extractor, reference, _ in self.sides
        ]
        if self.copying is not None:
            self.copying.start()
        extractors = [extractor for extractor, _, _ in self.sides]
        for items, seen in looked_at(self.task, extractors, self.fitting(batches), sharers):
            for tally, outputs in zip(tallies, seen, strict=True):
                tally.take(*outputs)
            if self.copying is not None:
                self.copying.keep(items)
        if tallies[0].count != self.protocol.num_fakes:
            raise UserError(
                f"{tallies[0].count:,} items were given to a protocol of {self.protocol.num_fakes:,}; give as many."
            )
        figures: Figures = {}
        for tally, (_, reference, floors) in zip(tallies, self.sides, strict=True):
            poll()
            figures |= with_floors(compare(Sides(tally, reference, self.protocol, self.dataset.mixture)), floors)
        if self.copying is not None:
            figures |= self.copying.figures()
        notes = notes_on({name: figure.note for name, figure in figures.items()}) + self.notes_on_numbers()
        leads = self.headline is not None and figures[self.headline].value is not None
        classes = {t.extractor.name: s.tolist() for t in tallies if (s := t.shares()) is not None and len(s) <= 100}
        return {
            "format": FORMAT,
            "nimg": nimg,
            "subject": subject,
            "protocol": self.protocol.as_json(),
            "headline": self.headline if leads else None,
            "figures": as_json(figures),
            "classes": classes,
            "agreement": agreement_by_class(tallies, [reference for _, reference, _ in self.sides], self.dataset),
            "real_trace": {extractor.name: float(side.moments.cov.trace()) for extractor, side, _ in self.sides},
            "notes": notes,
            "versions": {
                "ganforge": __version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
            "seconds": time.perf_counter() - start,
        }

    def fitting(self, batches: Iterable[Tensor]) -> Iterator[Tensor]:
        """The same. Raises UserError for items of another size."""
        for items in batches:
            poll()
            if tuple(items.shape[1:]) != self.dataset.shape:
                raise UserError(
                    f"The items judged have shape {tuple(items.shape[1:])}, and those of {self.dataset.name} "
                    f"{self.dataset.shape}: judge them against data of their own size and channels."
                )
            yield items

    def notes_on_numbers(self) -> list[str]:
        """What was judged by fewer items than asked for, and why; what a learned extractor took of the real ones."""
        judged, floor, count = self.protocol.num_fakes, self.protocol.num_floor, len(self.dataset) - self.learned_from
        notes = []
        if self.learned_from:
            notes.append(
                f"The eye of the own features learned from {self.learned_from:,} of {self.dataset.name}'s "
                f"{len(self.dataset):,} items, which are not among those judged by."
            )
        why = f"as many as there are fresh real ones for the floor, a third of {count:,}"
        if judged != floor:
            notes.append(f"Of the {judged:,} items judged, all figures but KID take the first {floor:,}, {why}.")
        elif judged != self.num_wanted:
            notes.append(f"{judged:,} items were judged instead of {self.num_wanted:,}, {why}.")
        return notes


def real_chunks(dataset: Dataset, protocol: Protocol) -> tuple[Chunks, Chunks]:
    """The floor's items and the reference's, chunk by chunk."""
    floor, reals = split_rows(dataset, protocol)
    return chunks_of(dataset, floor, CHUNK), chunks_of(dataset, reals, CHUNK)


def usual_extractors(dataset: Dataset) -> list[str]:
    """What items are judged by if nothing else is asked for; the first alone while training. The classifier knows
    digits only, so that it judges no other pictures of their size."""
    if dataset.mixture is not None:
        return ["coordinates"]
    return {"mnist": ["classifier", "random"], "stacked-mnist": ["channel classifier", "random"]}.get(
        dataset.name, ["random"]
    )


def headline(floors: Figures) -> str | None:
    """The name of the figure that decides, the same for all that a judge sees; None where no distance has a floor."""
    return next((name for name in HEADLINES if name in floors and floors[name].value is not None), None)
