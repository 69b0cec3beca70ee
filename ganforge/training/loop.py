"""The loop: while there are images to go, do what is due, then update."""

import time
from typing import Any

import torch

from ganforge.base.errors import RunError
from ganforge.base.images import animation, save_png
from ganforge.base.noise import draw_z
from ganforge.base.runtime import peak_memory_mib
from ganforge.base.seeding import generator
from ganforge.base.stopping import StopRequest
from ganforge.config import Config
from ganforge.data.draw import NUM_POINTS, draw_items
from ganforge.run.checkpoint import save_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import save_snapshot
from ganforge.training.adversarial import train_step
from ganforge.training.ema import ema_beta, update_ema
from ganforge.training.nonfinite import explain
from ganforge.training.progress import Progress
from ganforge.training.setup import Game
from ganforge.training.state import TrainingState


def is_due(nimg: int, batch_size: int, every_nimg: int) -> bool:
    """Did the batch that ended at ``nimg`` reach a multiple of ``every_nimg``? (At 0, before any batch: yes.)"""
    return nimg // every_nimg > (nimg - batch_size) // every_nimg


class Loop:
    """One process's work on a run."""

    def __init__(
        self,
        config: Config,
        game: Game,
        state: TrainingState,
        folder: RunFolder,
        progress: Progress,
        stop: StopRequest,
    ) -> None:
        self.config, self.game, self.state = config, game, state
        self.folder, self.progress, self.stop = folder, progress, stop
        self.checkpoint_time = self.report_time = time.monotonic()
        self.report_steps = 0
        self.checked_nimg = state.nimg

    def run(self) -> bool:
        """Train until the end or until somebody asks to stop; True at the end. Always leaves a checkpoint.

        Raises RunError where a step is not finite, and OSError where the run cannot be saved.
        """
        state, config = self.state, self.config
        losses: dict[str, torch.Tensor] = {}
        done_before = state.nimg if state.reported_nimg >= 0 else -1  # a resumed run did what was due here already
        while True:
            finished = state.nimg >= config.total_nimg
            report = finished or is_due(state.nimg, config.batch_size, config.report_nimg)
            if state.nimg != done_before or finished:
                self.do_what_is_due(report, finished)
            if finished or self.stop:
                break
            losses = self.step()
            if report:
                self.progress.note_line((state.nimg - 1) // config.batch_size, losses["Loss/D"], losses["Loss/G"])
            if self.progress.wants_update():
                self.progress.update(state.nimg, losses["Loss/D"].item(), losses["Loss/G"].item())
        if losses:
            self.progress.update(state.nimg, losses["Loss/D"].item(), losses["Loss/G"].item())
        if self.stop:
            self.save_checkpoint()
        animation([path for _, path in self.folder.all_fakes()], self.folder.evolution)
        return finished

    def step(self) -> dict[str, torch.Tensor]:
        """One update of everything, on the batch that nimg addresses."""
        state, game, config = self.state, self.game, self.config
        reals, z = game.reals(state.nimg), game.z(state.nimg)
        losses = train_step(state.G, state.D, state.G_opt, state.D_opt, game.objective, reals, z, state.failed)
        if state.G_ema is not None and config.ema_halflife_nimg is not None:
            update_ema(state.G_ema, state.G, ema_beta(config.batch_size, config.ema_halflife_nimg))
        state.stats.add(losses)
        state.nimg += config.batch_size
        self.report_steps += 1
        # Looking at `failed` waits for the device: free on a CPU, elsewhere done now and then. Nothing is lost by
        # looking late, since the failing half of a step and all after it changed no weight.
        if game.device.type == "cpu" or self.report_steps % 64 == 0:
            self.check_finite()
        return losses

    def check_finite(self) -> None:
        """Raise RunError, with the reason, if a step since the last look was not finite."""
        if bool(self.state.failed):
            candidates = range(self.checked_nimg, self.state.nimg, self.config.batch_size)
            self.state.nimg = self.checked_nimg
            raise RunError(explain(self.state, self.game, candidates, self.folder))
        self.checked_nimg = self.state.nimg

    def do_what_is_due(self, report: bool, finished: bool) -> None:
        """Row and grid, snapshot, checkpoint: in this order, so that a checkpoint knows all that was done."""
        state, config = self.state, self.config
        if report:
            self.check_finite()
            self.report(stands=is_due(state.nimg, config.batch_size, config.report_nimg))
        started = state.nimg > 0
        if finished or (started and is_due(state.nimg, config.batch_size, config.snapshot_nimg)):
            self.check_finite()
            save_snapshot(
                self.folder, state.nimg, state.G_best, config.model_dump(mode="json"), self.game.dataset.shape,
                config.keep_snapshots, config.milestone_nimg,
            )  # fmt: skip
        late = time.monotonic() - self.checkpoint_time > config.checkpoint_sec
        if finished or late or (started and is_due(state.nimg, config.batch_size, config.checkpoint_nimg)):
            self.save_checkpoint()

    def report(self, *, stands: bool) -> None:
        """Draw the grid, log a row, say how far. A report that was due only because the run ends does not stand: if the
        run is given a longer total and goes on, it is taken back, so that the log is the same as in one go."""
        state, config = self.state, self.config
        save_png(self.draw_fakes(), self.folder.fakes(state.nimg))
        if state.stats.values:
            self.folder.append_row(self.row())
        if stands:
            state.stats.clear()
            state.reported_nimg = state.nimg
        self.report_time, self.report_steps = time.monotonic(), 0
        self.folder.write_status("running", state.nimg, config.total_nimg)
        self.progress.picture(self.folder.fakes(state.nimg))

    def row(self) -> dict[str, Any]:
        """One line of stats.jsonl."""
        seconds = time.monotonic() - self.report_time
        timing = {
            "Timing/images_per_sec": self.report_steps * self.config.batch_size / seconds,
            "Timing/total_sec": self.state.elapsed_sec + self.progress.seconds(),
        }
        head = {"nimg": self.state.nimg, "step": self.state.nimg // self.config.batch_size}
        return head | self.state.stats.row() | timing | peak_memory_mib(self.game.device)

    @torch.no_grad()
    def draw_fakes(self) -> Any:
        """The grid of the run's fixed noise."""
        dataset = self.game.dataset
        count = NUM_POINTS if dataset.mixture else self.config.grid_size**2
        z = draw_z(self.config.noise, count, self.config.z_dim, generator(self.config.seed, "grid"))
        return draw_items(self.state.G_best(z.to(self.game.device)).cpu(), dataset)

    def save_checkpoint(self) -> None:
        """Everything in the state, verified on the disk."""
        self.check_finite()
        facts = self.state.facts() | {"elapsed_sec": self.state.elapsed_sec + self.progress.seconds()}
        facts["settings"] = self.config.model_dump(mode="json")
        save_checkpoint(self.folder, self.state.nimg, self.state.tensors(), facts, self.config.keep_checkpoints)
        self.checkpoint_time = time.monotonic()
