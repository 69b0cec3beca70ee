"""On CUDA: a step is recorded once (a CUDA graph) and replayed from then on with new numbers in the same memory.

A step of a small network is hundreds of operations, each of which takes the CPU longer to ask for than the device to
do. A replay asks for all of them at once. What is recorded is memory addresses: so the batches are copied to where the
recorded one lay, all that schedules change is 0-d tensors, and whatever else makes another sequence of operations
(whether lazy penalties are due, which penalties there are) has a recording of its own.

The updates of D but the last are recorded apart, so that there are few recordings however many updates a step has.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from ganforge.objectives.catalog import PENALTIES
from ganforge.training.accumulate import Stats
from ganforge.training.adversarial import update_d
from ganforge.training.state import TrainingState
from ganforge.training.step_inputs import Batch, Following, StepOptions
from ganforge.training.whole_step import whole_step

OTHER_NUMBERS = 6
"""Beside the penalties' weights: two that follow, and two rates of each optimizer."""
WARM_UP = 3
"""Steps of a kind that are taken as they are before it is recorded: what the libraries set up in their first calls must
not be in a recording."""

Replay = Callable[[], None]
Record = Callable[[Callable[[], None]], Replay]
"""Record what a function makes the device do, without doing it; returns what does it."""


class StepTaker(Protocol):
    """Takes a whole step (``whole_step``)."""

    def __call__(
        self, state: TrainingState, options: StepOptions, d_batches: Sequence[Batch], g_batch: Batch, then: Following, /
    ) -> Stats: ...


@dataclass(frozen=True)
class Recording:
    """batches: whose memory the replay reads. told: what the step tells, which it writes."""

    replay: Replay
    batches: Sequence[Batch]
    told: Stats


class Captured:
    """``whole_step`` by recordings."""

    def __init__(
        self, device: torch.device, say: Callable[[str], None], *, beta2_changes: bool, record: Record | None = None
    ) -> None:
        """say: takes the one line that says why nothing is recorded. record: for tests."""
        self.device, self.say, self.beta2_changes = device, say, beta2_changes
        self.record = record or Graphs(device).record
        self.seen: Counter[Hashable] = Counter()
        self.recordings: dict[Hashable, Recording] = {}
        self.refused = False
        self.values: list[float | Tensor] = []
        self.numbers = torch.zeros(OTHER_NUMBERS + len(PENALTIES), device=device)

    def __call__(
        self, state: TrainingState, options: StepOptions, d_batches: Sequence[Batch], g_batch: Batch, then: Following
    ) -> Stats:
        options, then = self.on_device(state, options, then)
        *earlier, last = d_batches
        for batch in earlier:
            self.take([batch], options, partial(update_of_d, state))
        both = [last] if g_batch is last else [last, g_batch]
        return copied(self.take(both, options, partial(update_of_both, state, then=then)))

    def on_device(self, state: TrainingState, options: StepOptions, then: Following) -> tuple[StepOptions, Following]:
        """All that schedules change, as 0-d tensors in memory of its own, which holds this step's values from now on;
        the optimizers' rates, too."""
        optimizers = state.G_opt, state.D_opt
        paid = [penalty for penalty in options.penalties if penalty.weight]
        rates = [number for optimizer in optimizers for number in (optimizer.lr, optimizer.betas[1])]
        values = [then.images, then.new_share, *rates, *(penalty.weight for penalty in paid)]
        if values != self.values:
            self.numbers[: len(values)].copy_(torch.tensor(values), non_blocking=True)
            self.values = values
        images, new_share, g_lr, g_beta2, d_lr, d_beta2, *weights = self.numbers[: len(values)].unbind()
        state.G_opt.lr, state.D_opt.lr = g_lr, d_lr
        if self.beta2_changes:
            state.G_opt.betas, state.D_opt.betas = (state.G_opt.betas[0], g_beta2), (state.D_opt.betas[0], d_beta2)
        penalties = [replace(p, weight=weight) for p, weight in zip(paid, weights, strict=True)]
        return replace(options, penalties=penalties), then._replace(images=images, new_share=new_share)

    def take(self, batches: Sequence[Batch], options: StepOptions, update: partial[Stats]) -> Stats:
        """One update, or the last of D with G's: as it is in the first few steps of its kind, then by its recording."""
        scales = tuple(batch.penalty_scale for batch in batches)
        names = tuple(penalty.record.name for penalty in options.penalties)
        kind = update.func, scales, names
        if kind not in self.recordings and not self.refused and self.seen[kind] >= WARM_UP:
            self.add_recording(kind, batches, partial(update, options))
        if kind not in self.recordings:
            self.seen[kind] += 1
            return update(options, batches)
        recording = self.recordings[kind]
        for kept, given in zip(recording.batches, batches, strict=True):
            torch._foreach_copy_(kept.tensors(), given.tensors())
        recording.replay()
        return recording.told

    def add_recording(
        self, kind: Hashable, batches: Sequence[Batch], update: Callable[[Sequence[Batch]], Stats]
    ) -> None:
        kept = [batch.each(torch.clone) for batch in batches]
        told: Stats = {}
        try:
            replay = self.record(lambda: told.update(update(kept)))
        except RuntimeError as error:
            self.refused = True
            why = str(error).partition("\n")[0]
            self.say(f"Steps are taken one operation at a time, since they cannot be recorded to be replayed: {why}")
            return
        self.recordings[kind] = Recording(replay, kept, told)


def update_of_d(state: TrainingState, options: StepOptions, batches: Sequence[Batch]) -> Stats:
    [batch] = batches
    return update_d(state.G, state.D, state.D_opt, options, batch, state.failed)[0]


def update_of_both(state: TrainingState, options: StepOptions, batches: Sequence[Batch], then: Following) -> Stats:
    return whole_step(state, options, batches[:1], batches[-1], then)


def copied(stats: Stats) -> Stats:
    """What the next replay does not overwrite, by one operation."""
    flat = torch.cat([value.flatten() for value in stats.values()])
    parts = flat.split([value.numel() for value in stats.values()])
    return {name: part.view(value.shape) for (name, value), part in zip(stats.items(), parts, strict=True)}


class Graphs:
    """CUDA graphs that share their memory, since each is done with it when the next begins."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.pool, self.stream = device, torch.cuda.graph_pool_handle(), torch.cuda.Stream(device)

    def record(self, take: Callable[[], None]) -> Replay:
        """Raises RuntimeError where something in it cannot be recorded, such as waiting for the device."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self.device):
            before = torch.cuda.current_stream()
            try:
                with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
                    take()
            finally:
                torch.cuda.set_stream(before)  # a recording that fails leaves its own
        return graph.replay
