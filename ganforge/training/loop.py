"""The loop: while there are images to go, do what is due, then update."""

import time
from typing import Any

import torch

from ganforge.base.errors import RunError
from ganforge.base.images import animation, save_png
from ganforge.base.noise import draw_z
from ganforge.base.runtime import peak_memory_mib
from ganforge.base.schedules import ramped_halflife
from ganforge.base.seeding import generator
from ganforge.base.stopping import StopRequest
from ganforge.config import Config
from ganforge.data.augment import next_p
from ganforge.data.draw import NUM_POINTS, draw_items
from ganforge.metrics.evaluate import Judge
from ganforge.networks.generate import generate
from ganforge.objectives.catalog import OBJECTIVES
from ganforge.run.checkpoint import save_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.training.adversarial import train_step
from ganforge.training.decision_map import decision_map
from ganforge.training.ema import ema_beta, update_ema
from ganforge.training.feed import Feed, end_of, images_at, images_in, schedule_optimizers
from ganforge.training.measure import measure, say_what_it_means
from ganforge.training.nonfinite import explain
from ganforge.training.progress import Progress
from ganforge.training.state import TrainingState
from ganforge.training.unreached import ENOUGH_STEPS, out_of_reach, without_gradient


def is_due(nimg: int, batch_size: int, every_nimg: int) -> bool:
    """Did the batch that ended at ``nimg`` reach a multiple of ``every_nimg``? (At 0, before any batch: yes.)"""
    return nimg // every_nimg > (nimg - batch_size) // every_nimg


def sign_mean(stats: dict[str, torch.Tensor], boundary: float | None) -> torch.Tensor:
    """How sure D is of the reals, -1 to 1, 0 if it cannot tell: what adaptive augmentation goes by. boundary: the
    objective's."""
    return (stats["real_logits"] - (stats["fake_logits"] if boundary is None else boundary)).sign().mean()


class Loop:
    """One process's work on a run."""

    def __init__(
        self,
        config: Config,
        game: Feed,
        state: TrainingState,
        folder: RunFolder,
        progress: Progress,
        stop: StopRequest,
        judge: Judge | None,
    ) -> None:
        self.config, self.game, self.state = config, game, state
        self.folder, self.progress, self.stop, self.judge = folder, progress, stop, judge
        self.measuring_sec = 0.0
        self.checkpoint_time = self.report_time = time.monotonic()
        self.report_steps, self.report_nimg = 0, state.nimg
        self.saved_nimg = state.nimg  # a run begins with a checkpoint, or goes on from one
        self.step_images = images_in(config, max(state.step - 1, 0))  # of the last step
        self.is_whole = True  # would a longer run come by this state, too?
        self.begun: list[tuple[int, int]] = []  # (nimg, step) of the steps since somebody last looked at ``failed``

    def due(self, every_nimg: int) -> bool:
        """Did the last step reach a multiple of ``every_nimg``?"""
        return is_due(self.state.nimg, self.step_images, every_nimg)

    def run(self) -> bool:
        """Train until the end or until somebody asks to stop; True at the end. Always leaves a checkpoint: at the end
        if a longer run would come by it, else from before the last step, so that a longer one makes that step whole.

        Raises RunError where a step is not finite, and OSError where the run cannot be saved.
        """
        state, config = self.state, self.config
        losses: dict[str, torch.Tensor] = {}
        done_before = state.nimg if state.reported_nimg >= 0 else -1  # a resumed run did what was due here already
        while True:
            finished = state.nimg >= end_of(config)
            report = finished or self.due(config.report_nimg)
            if state.nimg != done_before or finished:
                self.do_what_is_due(report, finished)
            if finished or self.stop:
                break
            if images_at(config, state.nimg, state.step) < images_in(config, state.step):
                self.prepare_short_step()
            losses = self.step()
            if report:
                self.progress.note_line(state.step - 1, losses["Loss/D"], losses["Loss/G"])
            if self.progress.wants_update():
                self.show_progress(losses)
        if losses:
            self.show_progress(losses)
        if not finished and state.nimg != self.saved_nimg:
            self.save_checkpoint()
        animation([path for _, path in self.folder.all_fakes()], self.folder.evolution)
        return finished

    def prepare_short_step(self) -> None:
        """Save what a longer run goes on from, and say why the last step is shorter than the others."""
        if self.state.nimg != self.saved_nimg:
            self.save_checkpoint()
        size, end = self.config.batch_size, end_of(self.config)
        rest, whole = (end - self.state.nimg) // size, images_in(self.config, self.state.step) // size
        self.progress.say(
            f"The last step has {rest} of {whole} updates of D, so that it ends at {end:,} images; a longer run "
            "makes it whole."
        )

    def show_progress(self, losses: dict[str, torch.Tensor]) -> None:
        self.progress.update(self.state.nimg, self.state.step, losses["Loss/D"].item(), losses["Loss/G"].item())

    def step(self) -> dict[str, torch.Tensor]:
        """One update of everything, on the batches that nimg addresses."""
        state, game, config = self.state, self.game, self.config
        self.begun.append((state.nimg, state.step))
        schedule_optimizers(config, state, state.nimg)
        d_batches, g_batch = game.batches(state.nimg, state.step)
        options = game.options(state.nimg, state)
        try:
            stats = train_step(state.G, state.D, state.G_opt, state.D_opt, options, d_batches, g_batch, state.failed)
        except RuntimeError as error:
            if why := out_of_reach(state, game, state.nimg, state.step):
                raise RunError(f"No step can be made, since {'; '.join(why)}; mend the network.") from error
            raise
        images = self.step_images = images_at(config, state.nimg, state.step)
        self.is_whole = images == images_in(config, state.step)
        if state.with_ada:
            p = next_p(state.ada_p, sign_mean(stats, OBJECTIVES[config.objective].boundary), images)
            state.ada_p.copy_(torch.where(state.failed > 0, state.ada_p, p))
        state.nimg += images
        state.step += 1
        if state.G_ema is not None and config.ema_halflife_nimg is not None:
            update_ema(state.G_ema, state.G, ema_beta(images, self.halflife(config.ema_halflife_nimg)))
        state.stats.add(stats)
        self.report_steps += 1
        # Looking at `failed` waits for the device: free on a CPU, elsewhere done now and then. Nothing is lost by
        # looking late, since the failing half of a step and all after it changed no weight.
        if game.device.type == "cpu" or self.report_steps % 64 == 0:
            self.check_finite()
        return stats

    def halflife(self, usual_nimg: int) -> float:
        return ramped_halflife(self.state.nimg, usual_nimg) if self.config.ema_rampup else usual_nimg

    def check_finite(self) -> None:
        """Raise RunError, with the reason, if a step since the last look was not finite."""
        if bool(self.state.failed):
            self.state.nimg, self.state.step = self.begun[0]
            raise RunError(explain(self.state, self.game, self.begun, self.folder, self.config))
        self.begun.clear()

    def do_what_is_due(self, report: bool, finished: bool) -> None:
        """Row and grid, snapshot, checkpoint: in this order, so that a checkpoint knows all that was done."""
        state, config = self.state, self.config
        if report:
            self.check_finite()
            self.report(stands=self.due(config.report_nimg))
        started = state.nimg > 0
        snapshot_due = started and self.due(config.snapshot_nimg)
        # What was measured is done with: the process was killed after that, and before the run's end.
        if (finished or snapshot_due) and state.measured_nimg != state.nimg:
            self.check_finite()
            dataset = self.game.dataset
            save_snapshot(
                self.folder, state.nimg, state.G_best, config.model_dump(mode="json"), dataset.shape,
                dataset.num_classes if config.conditional else 0, config.keep_snapshots, config.milestone_nimg,
                class_names=dataset.class_names if config.conditional else (),
            )  # fmt: skip
            self.measure(stands=snapshot_due)
        late = time.monotonic() - self.checkpoint_time > config.checkpoint_sec
        if self.is_whole and (finished or late or (started and self.due(config.checkpoint_nimg))):
            self.save_checkpoint()

    def report(self, *, stands: bool) -> None:
        """Draw the grid, log a row, say how far. A report that was due only because the run ends does not stand: if the
        run is given a longer total and goes on, it is taken back, so that the log is the same as in one go."""
        state, config = self.state, self.config
        save_png(self.draw_fakes(), self.folder.fakes(state.nimg))
        if state.stats.values:
            self.folder.append_row(self.row())
            early = state.reported_nimg == 0 or state.step - self.report_steps < ENOUGH_STEPS  # at the row before
            if early and (still := without_gradient(state)):  # at the first row of enough steps, and never again
                self.progress.say(
                    f"Warning: all gradients have been 0, so that nothing is learned by {', '.join(still)}."
                )
        if stands:
            state.stats.clear()
            state.reported_nimg = state.nimg
        self.report_time, self.report_steps, self.report_nimg = time.monotonic(), 0, state.nimg
        self.folder.write_status("running", state.nimg, end_of(config))
        self.progress.picture(self.folder.fakes(state.nimg))

    def measure(self, *, stands: bool) -> None:
        """Judge the snapshot that was just saved, by the cheap protocol; whether it stands is as in ``report``."""
        if self.judge is None:
            return
        start = time.monotonic()
        record = measure(self.judge, self.state.G_best, self.config, self.state.nimg, self.game.device)
        self.folder.append_metrics(record)
        if stands:
            self.state.measured_nimg = self.state.nimg
        rows = list(self.folder.metrics_rows())
        for line in say_what_it_means(rows, list(self.folder.taken_back_rows())):
            self.progress.say(line)
        self.measuring_sec += time.monotonic() - start

    def row(self) -> dict[str, Any]:
        """One line of stats.jsonl."""
        seconds = time.monotonic() - self.report_time
        timing = {
            "Timing/images_per_sec": (self.state.nimg - self.report_nimg) / seconds,
            "Timing/total_sec": self.state.elapsed_sec + self.progress.seconds(),
        }
        head = {"nimg": self.state.nimg, "step": self.state.step}
        augmentation = {"Augmentation/p": self.state.ada_p.item()} if self.state.with_ada else {}
        means = self.state.stats.row(OBJECTIVES[self.config.objective].boundary)
        return head | means | augmentation | timing | peak_memory_mib(self.game.device)

    def draw_fakes(self) -> Any:
        """The grid of the run's fixed noise; where G is told the class, a column of each class in turn. Behind points:
        D's decision map, if it is one for all classes."""
        dataset, config = self.game.dataset, self.config
        count = NUM_POINTS if dataset.mixture else config.grid_size**2
        z = draw_z(config.noise, count, config.z_dim, generator(config.seed, "grid"))
        labels = torch.arange(count) % config.grid_size % dataset.num_classes if config.conditional else None
        items = generate(self.state.G_best, z, labels, self.game.device)
        opinion = dataset.mixture is not None and not config.conditional
        heat = decision_map(self.state.D, self.game.device) if opinion else None
        return draw_items(items, dataset, heat, columns=config.grid_size)

    def save_checkpoint(self) -> None:
        """Everything in the state, verified on the disk."""
        self.check_finite()
        facts = self.state.facts() | {"elapsed_sec": self.state.elapsed_sec + self.progress.seconds()}
        facts["settings"] = self.config.model_dump(mode="json")
        save_checkpoint(self.folder, self.state.nimg, self.state.tensors(), facts, self.config.keep_checkpoints)
        self.checkpoint_time, self.saved_nimg = time.monotonic(), self.state.nimg
