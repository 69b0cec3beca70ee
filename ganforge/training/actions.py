"""What is done between steps, when it is due: a row and a grid, a snapshot and its measurement, a checkpoint."""

import json
import time
from typing import Any, NamedTuple

import torch

from ganforge.base.errors import UserError
from ganforge.base.images import animation, save_png
from ganforge.base.noise import draw_z
from ganforge.base.runtime import disk_left, peak_memory_mib
from ganforge.base.schedules import is_due
from ganforge.base.seeding import generator
from ganforge.config import Config
from ganforge.data.draw import NUM_POINTS, draw_items
from ganforge.metrics.judge import Judge
from ganforge.metrics.trend import best_so_far
from ganforge.networks.generate import generate
from ganforge.objectives.catalog import OBJECTIVES
from ganforge.objectives.losses import load_losses
from ganforge.run.checkpoint import load_best, save_best, save_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.tracking.trackers import TrackersOfRun
from ganforge.training.build import refuse_other_networks
from ganforge.training.decision_map import decision_map, pulls
from ganforge.training.feed import Feed, end_of
from ganforge.training.health import Health
from ganforge.training.measure import measure, say_what_it_means, worth_going_back
from ganforge.training.processes import refuse_other_states
from ganforge.training.progress import Progress
from ganforge.training.state import TrainingState
from ganforge.training.unreached import ENOUGH_STEPS, without_gradient
from ganforge.training.warm_start import Items
from ganforge.training.watching import Watching


class Due(NamedTuple):
    """What is due at one place of a run. A report or snapshot that is due only because the run ends is provisional: if
    the run is given a longer total and goes on, it is removed, so that the log is the same as in one go."""

    report: bool
    report_is_provisional: bool
    snapshot: bool
    snapshot_is_provisional: bool
    checkpoint: bool


class Actions:
    """Everything that one process writes into the run's folder."""

    def __init__(
        self, config: Config, feed: Feed, state: TrainingState, folder: RunFolder, progress: Progress,
        judge: Judge | None, trackers: TrackersOfRun | None = None,
    ) -> None:  # fmt: skip
        self.config, self.feed, self.state = config, feed, state
        self.folder, self.progress, self.judge = folder, progress, judge
        self.trackers = trackers or TrackersOfRun(folder, progress.say)
        self.health = Health(config, feed, state)
        self.watching = Watching(config, folder, progress.say, self.go_back)
        self.back_to: int | None = None  # where this process has just gone back to, and the others have not yet
        self.measuring_sec = self.reporting_sec = 0.0
        self.checkpoint_time = self.report_time = time.monotonic()
        self.report_step, self.report_nimg = state.step, state.nimg
        self.saved_nimg = state.nimg  # a run begins with a checkpoint, or goes on from one

    def due(self, step_nimg: int, *, is_whole: bool, finished: bool) -> Due:
        """What is due now. step_nimg: pictures that the last step showed to D. is_whole: would a longer run come by
        this state, too?"""
        state, config = self.state, self.config
        started = state.nimg > 0
        row, snapshot, checkpoint = (
            is_due(state.nimg, step_nimg, every)
            for every in (config.report_nimg, config.snapshot_nimg, config.checkpoint_nimg)
        )
        snapshot = snapshot and started
        return Due(
            report=finished or row,
            report_is_provisional=finished and not row,
            # What was measured is done with: the process was killed after that, and before the run's end.
            snapshot=(finished or snapshot) and state.measured_nimg != state.nimg,
            snapshot_is_provisional=finished and not snapshot,
            checkpoint=is_whole and (finished or self.is_late() or (started and checkpoint)),
        )

    def is_late(self) -> bool:
        """Is the last checkpoint old enough for another?"""
        late = time.monotonic() - self.checkpoint_time > self.config.checkpoint_sec
        return self.feed.processes.any(late, self.state.step)

    def run(self, due: Due, *, is_whole: bool) -> None:
        """Row and grid, snapshot, mends, checkpoint: in this order, so that a checkpoint knows all that was done."""
        row = self.report(provisional=due.report_is_provisional) if due.report else None
        if due.snapshot:
            self.save_snapshot()
            self.measure(provisional=due.snapshot_is_provisional)
            if is_whole and not due.snapshot_is_provisional and self.config.on_trouble == "mend":
                self.keep_best()
        if row:  # with the figures that were measured here
            figures = due.snapshot_is_provisional
            self.watching.look(row, provisional=due.report_is_provisional, figures_are_provisional=figures)
        went_back = self.come_together()
        if due.report:
            self.write_status("running")
            self.trackers.look(self.state.nimg)
        if due.checkpoint or (is_whole and (went_back or self.is_late())):  # measuring may have taken long
            self.save_checkpoint()

    def come_together(self) -> bool:
        """Let the other processes know whether to stop, by which settings to learn on, and where to go back to; have
        all gone back?"""
        told, self.back_to = [self.watching.stops, self.watching.settings, self.back_to], None
        self.feed.processes.from_first(lambda: json.dumps(told))
        return told[2] is not None

    def go_back(self, records: list[dict[str, Any]]) -> int | None:
        """As ``Watching`` asks for it. What G makes now is measured, with the others' help, and no record is kept."""
        if self.judge is None or best_so_far(records) is None:
            return None
        start = time.monotonic()
        self.feed.processes.from_first(lambda: json.dumps(None))  # they wait to come together
        now = measure(self.judge, self.state.G_for_sampling, self.config, self.state.nimg, self.feed)
        self.measuring_sec += time.monotonic() - start
        if (best_nimg := worth_going_back(records, now, self.progress.say)) is None:
            return None
        try:
            self.take_best(best_nimg)
        except UserError as error:
            self.progress.say(f"It is not possible to go back to then: {error}")
            return None
        self.back_to = best_nimg
        return best_nimg

    def take_best(self, nimg: int) -> None:
        """Go on with the weights, moments, average and ADA's p of the best checkpoint, which has to be that of ``nimg``
        images. Raises UserError, having changed nothing, where it cannot be read or is another one."""
        dataset = self.feed.dataset
        items = Items(dataset.shape, dataset.num_classes if self.config.conditional else 0)
        check = lambda _, shapes: refuse_other_networks(self.config, items, shapes)  # noqa: E731
        self.state.take_weights(load_best(self.folder, nimg, check))

    def write_status(self, ending: str, reason: str = "") -> None:
        """As ``RunFolder.write_status`` has it, with what is found and lasts."""
        findings = self.watching.status()
        self.folder.write_status(ending, self.state.nimg, end_of(self.config), reason, findings)

    def report(self, *, provisional: bool) -> dict[str, Any] | None:
        """Draw the grid and log a row; returns that, None where no step has been made."""
        state, row, start = self.state, None, time.monotonic()
        save_png(self.draw_fakes(), self.folder.fakes(state.nimg))
        if state.stats.values:
            row = self.row()
            self.folder.append_row(row)
            early = state.reported_nimg == 0 or self.report_step < ENOUGH_STEPS  # at the row before
            if early and (still := without_gradient(state)):  # at the first row of enough steps, and never again
                self.progress.say(
                    f"Warning: all gradients have been 0, so that nothing is learned by {', '.join(still)}."
                )
        if not provisional:
            state.stats.clear()
            state.reported_nimg = state.nimg
        self.report_time, self.report_step, self.report_nimg = time.monotonic(), state.step, state.nimg
        self.reporting_sec, self.feed.seconds = self.report_time - start, 0.0
        self.progress.picture(self.folder.fakes(state.nimg))
        return row

    def row(self) -> dict[str, Any]:
        """One line of stats.jsonl."""
        seconds = time.monotonic() - self.report_time
        timing = {
            "Timing/images_per_sec": (self.state.nimg - self.report_nimg) / seconds,
            "Timing/total_sec": self.state.elapsed_sec + self.progress.seconds(),
            "Timing/feeding_share": self.feed.seconds / seconds,
            "Timing/reporting_share": self.reporting_sec / seconds,
        }
        head = {"nimg": self.state.nimg, "step": self.state.step}
        augmentation = {"Augmentation/p": self.state.ada_p.item()} if self.state.with_ada else {}
        means = self.state.stats.row(OBJECTIVES[self.config.objective].boundary)
        health = self.health.row()
        resources = peak_memory_mib(self.feed.device) | disk_left(self.folder.path)
        return head | means | augmentation | health | timing | resources

    def draw_fakes(self) -> Any:
        """The grid of the run's fixed noise; where G is told the class, a column of each class in turn. Behind points:
        D's decision map of the plane, if it has one for all classes, and on top which way G's loss pulls them."""
        dataset, config = self.feed.dataset, self.config
        count = NUM_POINTS if dataset.mixture else config.grid_size**2
        z = draw_z(config.noise, count, config.z_dim, generator(config.seed, "grid"))
        labels = torch.arange(count) % config.grid_size % dataset.num_classes if config.conditional else None
        items = generate(self.state.G_for_sampling, z, labels, self.feed.device)
        if dataset.mixture is None or config.conditional:
            return draw_items(items, dataset, columns=config.grid_size)
        D, device, losses = self.state.D, self.feed.device, load_losses(config.objective)
        arrows = pulls(D, losses, items, dataset.items, device)
        return draw_items(items, dataset, decision_map(D, device), arrows=arrows)

    def save_snapshot(self) -> None:
        config, dataset = self.config, self.feed.dataset
        save_snapshot(
            self.folder, self.state.nimg, self.state.G_for_sampling, config.model_dump(mode="json"), dataset.shape,
            dataset.num_classes if config.conditional else 0,
            class_names=dataset.class_names if config.conditional else (), mended=self.watching.mended(),
        )  # fmt: skip

    def measure(self, *, provisional: bool) -> None:
        """Judge the snapshot that was just saved, by the cheap protocol."""
        if self.judge is None:
            return
        start = time.monotonic()
        record = measure(self.judge, self.state.G_for_sampling, self.config, self.state.nimg, self.feed)
        self.folder.append_metrics(record)
        if not provisional:
            self.state.measured_nimg = self.state.nimg
        rows = list(self.folder.metrics_rows())
        for line in say_what_it_means(rows, list(self.folder.removed_rows())):
            self.progress.say(line)
        self.measuring_sec += time.monotonic() - start

    def keep_best(self) -> None:
        """Where no snapshot had better figures, save all that it takes to go back to it."""
        best = best_so_far(self.folder.metrics_rows())
        if best is not None and best.best[0] == self.state.nimg:
            save_best(self.folder, self.state.nimg, self.state.tensors(), self.facts())

    def animate(self) -> None:
        """All grids so far as one animation."""
        animation([path for _, path in self.folder.all_fakes()], self.folder.evolution)

    def save_checkpoint(self) -> None:
        """Everything in the state, verified on the disk; of several processes, if all have the same."""
        refuse_other_states(self.feed.processes, self.state)
        self.write_checkpoint()
        self.checkpoint_time, self.saved_nimg = time.monotonic(), self.state.nimg
        self.feed.processes.meet()

    def write_checkpoint(self) -> None:
        save_checkpoint(self.folder, self.state.nimg, self.state.tensors(), self.facts(), self.config.keep_checkpoints)

    def facts(self) -> dict[str, Any]:
        """Of a checkpoint."""
        facts = self.state.facts() | {"elapsed_sec": self.state.elapsed_sec + self.progress.seconds()}
        facts["settings"] = self.config.model_dump(mode="json")
        if mended := self.watching.mended():
            facts["mended"] = mended
        return facts
