"""The loop: while there are images to go, do what is due, then update."""

from ganforge.base.errors import RunError
from ganforge.base.runtime import deterministic_operations
from ganforge.base.stopping import StopRequest
from ganforge.config import Config
from ganforge.networks.precision import tf32
from ganforge.training.accumulate import Stats
from ganforge.training.actions import Actions
from ganforge.training.build import step_taker
from ganforge.training.feed import Feed, end_of, following, images_at, images_in, schedule_optimizers
from ganforge.training.nonfinite import explain
from ganforge.training.processes import FoundByAllError
from ganforge.training.state import TrainingState
from ganforge.training.step_inputs import Following
from ganforge.training.unreached import out_of_reach


class Loop:
    """One process's work on a run."""

    def __init__(self, config: Config, feed: Feed, state: TrainingState, actions: Actions, stop: StopRequest) -> None:
        self.config, self.feed, self.state, self.actions, self.stop = config, feed, state, actions, stop
        self.progress = actions.progress
        self.step_nimg = images_in(config, max(state.step - 1, 0))  # pictures that the last step showed to D
        self.is_whole = True  # would a longer run come by this state, too?
        self.unverified: list[tuple[int, int]] = []  # (nimg, step) of the steps since ``failed`` was last looked at
        self.take = step_taker(config, feed.device, self.progress.say, feed.processes)

    def run(self) -> bool:
        """Train until the end or until somebody asks to stop; True at the end. Always leaves a checkpoint: at the end
        if a longer run would come by it, else from before the last step, so that a longer one makes that step whole.
        Raises RunError where a step is not finite, and OSError where the run cannot be saved."""
        state, config = self.state, self.config
        stats: Stats = {}
        done_before = state.nimg if state.reported_nimg >= 0 else -1  # a resumed run did what was due here already
        while True:
            finished = state.nimg >= end_of(config)
            due = self.actions.due(self.step_nimg, is_whole=self.is_whole, finished=finished)
            if any(due) and (state.nimg != done_before or finished):
                self.check_finite()
                self.actions.run(due, is_whole=self.is_whole)
            if finished or self.feed.processes.stops(self.stop, state.step) or self.actions.watching.stops:
                break
            if self.actions.watching.config is not self.config:
                self.go_on_with(self.actions.watching.config)
            if images_at(config, state.nimg, state.step) < images_in(config, state.step):
                self.announce_short_step()
            stats = self.step()
            if due.report:
                self.progress.note_line(state.step - 1, stats["Loss/D"], stats["Loss/G"])
            if self.progress.wants_update():
                self.show_progress(stats)
        self.show_progress(stats)
        if not finished:
            self.save_if_new()
        self.actions.animate()
        return finished

    def go_on_with(self, config: Config) -> None:
        """Learn by these settings, of a run that was mended."""
        device, processes = self.feed.device, self.feed.processes
        self.config, self.feed = config, Feed(config, self.feed.dataset, device, processes)
        self.actions.feed, self.take = self.feed, step_taker(config, device, self.progress.say, processes)

    def step(self) -> Stats:
        """One update of everything, on the batches that nimg addresses."""
        state, config = self.state, self.config
        self.unverified.append((state.nimg, state.step))
        images = self.step_nimg = images_at(config, state.nimg, state.step)
        stats = self.update(following(config, state.nimg, images))
        self.is_whole = images == images_in(config, state.step)
        state.nimg += images
        state.step += 1
        state.stats.add(stats)
        # Looking at `failed` waits for the device: free on a CPU, elsewhere done now and then. Nothing is lost by
        # looking late, since the failing half of a step and all after it changed no weight.
        if self.feed.device.type == "cpu" or state.step % 64 == 0:
            self.check_finite()
        return stats

    def update(self, then: Following) -> Stats:
        state, feed = self.state, self.feed
        schedule_optimizers(self.config, state, state.nimg)
        try:
            with tf32(self.config.precision == "tf32"), deterministic_operations(self.config.deterministic):
                return self.take(state, feed.options(state.nimg, state), *feed.batches(state.nimg, state.step), then)
        except RunError:  # of another process
            raise
        except RuntimeError as error:
            if why := out_of_reach(state, feed.whole(), state.nimg, state.step):
                raise RunError(f"No step can be made, since {'; '.join(why)}; mend the network.") from error
            raise

    def check_finite(self) -> None:
        """Raise RunError, with the reason, if a step since the last look was not finite."""
        if bool(self.state.failed):
            self.state.nimg, self.state.step = self.unverified[0]
            whole, folder = self.feed.whole(), self.actions.folder
            why = lambda: explain(self.state, whole, self.unverified, folder, self.config)  # noqa: E731
            raise FoundByAllError(self.feed.processes.from_first(why))
        self.unverified.clear()

    def save_if_new(self) -> None:
        if self.state.nimg != self.actions.saved_nimg:
            self.check_finite()
            self.actions.save_checkpoint()

    def announce_short_step(self) -> None:
        """Save what a longer run goes on from, and say why the last step is shorter than the others."""
        self.save_if_new()
        size, end, whole = self.config.batch_size, end_of(self.config), images_in(self.config, self.state.step)
        self.progress.say(
            f"The last step has {(end - self.state.nimg) // size} of {whole // size} updates of D, so that it ends at "
            f"{end:,} images; a longer run makes it whole."
        )

    def show_progress(self, stats: Stats) -> None:
        if stats:  # after a step
            self.progress.update(self.state.nimg, self.state.step, stats["Loss/D"].item(), stats["Loss/G"].item())
