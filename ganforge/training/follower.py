"""What a process does that trains with others, and is not the first: all but writing."""

import contextlib
import json
from collections.abc import Iterator, Sequence

from ganforge.base.errors import RunError
from ganforge.base.runtime import is_out_of_memory
from ganforge.base.stopping import StopRequest, polled_by
from ganforge.config import Config, make_config
from ganforge.metrics.fakes import Task, helpers
from ganforge.metrics.features import Extractor
from ganforge.run.folder import RunFolder
from ganforge.training.actions import Actions
from ganforge.training.feed import Feed
from ganforge.training.loop import Loop
from ganforge.training.measure import help_measure
from ganforge.training.progress import Progress
from ganforge.training.state import TrainingState


class Silent(Progress):
    """No progress is shown: the first process does."""

    def say(self, text: str) -> None:
        """Not said."""

    def wants_update(self) -> bool:
        """Never."""
        return False


class Follower(Actions):
    """The same between the same steps, with nothing written: what the first notes of it, this one notes, too."""

    task: Task | None = None
    """What there is to look at where the first process measures a snapshot; None where it does not."""
    extractors: Sequence[Extractor] = ()

    def report(self, *, provisional: bool) -> None:
        """Begin the next row."""
        if not provisional:
            self.state.stats.clear()
            self.state.reported_nimg = self.state.nimg

    def come_together(self) -> bool:
        """Do as the first does, and help it to measure where it needs that."""
        while (told := json.loads(self.feed.processes.from_first(str))) is None:
            self.measure(provisional=True)
        self.watching.stops, settings, back_to = told
        if settings != self.watching.settings:
            self.watching.config = make_config(settings)
        if back_to is not None:
            self.take_best(back_to)
        return back_to is not None

    def write_status(self, ending: str, reason: str = "") -> None:
        """Not here."""

    def save_snapshot(self) -> None:
        """Not here."""

    def measure(self, *, provisional: bool) -> None:
        """Look at this process's share."""
        if self.task is None:
            return
        help_measure(self.task, self.extractors, self.state.G_for_sampling, self.config, self.feed)
        if not provisional:
            self.state.measured_nimg = self.state.nimg

    def keep_best(self) -> None:
        """Not here."""

    def animate(self) -> None:
        """Not here."""

    def write_checkpoint(self) -> None:
        """Not here."""


@contextlib.contextmanager
def memory_errors_told() -> Iterator[None]:
    """Of the process's own memory, as ``recording_failure`` has it for the first."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        do = "end what else uses it, or start a new run with --accumulate auto or a smaller --batch-size"
        raise RunError(f"there was not enough memory; {do}") from error


def follow(config: Config, feed: Feed, state: TrainingState, folder: RunFolder, stop: StopRequest) -> RunFolder:
    """``run_training`` beside a first process that does the same and writes."""
    with polled_by(lambda: None), memory_errors_told():
        actions = Follower(config, feed, state, folder, Silent(), None)
        if task := feed.processes.from_first(str):
            actions.task = Task(**json.loads(task))
            actions.extractors = helpers(actions.task, feed.dataset, feed.device)
        actions.come_together()
        Loop(config, feed, state, actions, stop).run()
    return folder
