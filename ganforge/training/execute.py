"""A training from the first step of this process to its last, and what is left behind however it ends."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict

from ganforge.base.errors import RunError
from ganforge.base.files import reason
from ganforge.base.images import save_png
from ganforge.base.runtime import is_out_of_memory
from ganforge.base.stopping import StopRequest, polled_by
from ganforge.base.tensorfile import DamagedFileError
from ganforge.base.wording import pasted
from ganforge.config import Config
from ganforge.data.draw import draw_reals
from ganforge.metrics.judge import Judge
from ganforge.run.folder import RunFolder
from ganforge.tracking.trackers import TrackersOfRun, tracked
from ganforge.training.actions import Actions
from ganforge.training.feed import Feed, end_of
from ganforge.training.loop import Loop
from ganforge.training.progress import Progress
from ganforge.training.state import TrainingState

WRONG = "something went wrong"


def has_gone_wrong(folder: RunFolder) -> bool:
    """Has --on-trouble stop ended the run?"""
    status = folder.read_status()
    return status.get("state") == "stopped" and str(status.get("reason")).startswith(WRONG)


def run_training(
    config: Config, feed: Feed, state: TrainingState, folder: RunFolder, progress: Progress, stop: StopRequest,
    judge: Judge | None,
) -> RunFolder:  # fmt: skip
    """Run the loop, and leave word in status.json of how it ended. Trackers are told beside it."""
    with tracked(folder, config.log or (), progress.say, stop, state.nimg) as trackers:
        return run_loop(config, feed, state, folder, progress, stop, judge, trackers)


def run_loop(
    config: Config, feed: Feed, state: TrainingState, folder: RunFolder, progress: Progress, stop: StopRequest,
    judge: Judge | None, trackers: TrackersOfRun,
) -> RunFolder:  # fmt: skip
    """``run_training``, with trackers that follow it."""
    # Between the steps the loop itself asks for the request, and saves; nothing within them stops.
    with recording_failure(folder, state, config), polled_by(lambda: None):
        folder.write_status("running", state.nimg, end_of(config))
        if not folder.reals.exists():  # a new run, or one that was killed before it had drawn them
            save_png(draw_reals(feed.dataset, config.grid_size, config.seed), folder.reals)
        progress.start(state.nimg, end_of(config))
        actions = Actions(config, feed, state, folder, progress, judge, trackers)
        try:
            feed.processes.from_first(lambda: json.dumps(asdict(judge.task)) if judge else "")
            actions.come_together()  # what the log holds that has just been cut, the others may have read before
            if not folder.all_checkpoints():
                actions.write_checkpoint()  # from before the first picture: whoever has pictures has had a checkpoint
            finished = Loop(config, feed, state, actions, stop).run()
        finally:
            progress.close()
        stops = actions.watching.stops
        why = f"{WRONG}: {stops}" if stops else "somebody asked it to"
        actions.write_status(*(("finished", "") if finished else ("stopped", why)))
    if actions.measuring_sec:
        share = 100 * actions.measuring_sec / max(progress.seconds(), actions.measuring_sec)
        progress.say(
            f"Measuring took {actions.measuring_sec:.1f} s, {share:.1f} % of the time (--metric-samples 0: none)"
        )
    if finished:
        pictures = f"Pictures: {folder.fakes(state.nimg)}, and as an animation {folder.evolution}"
        progress.say(f"Finished{actions.watching.verdict()}. {pictures}")
    else:
        if stops:
            progress.say(
                f"Stopped, since {stops} (--on-trouble stop); what to do: `ganforge diagnose {pasted(folder.path)}`"
            )
        progress.say(f"Saved at {state.nimg:,} images; go on with `ganforge resume {pasted(folder.path)}`")
    return folder


@contextlib.contextmanager
def recording_failure(folder: RunFolder, state: TrainingState, config: Config) -> Iterator[None]:
    """Leave word in status.json of whatever is raised in the context; what cannot be saved becomes a RunError."""
    try:
        yield
    except (OSError, DamagedFileError) as error:
        text = reason(error) if isinstance(error, OSError) else str(error)
        raise RunError(record_failure(folder, state, config, f"The run could not be saved: {text}")) from error
    except Exception as error:
        if is_out_of_memory(error):
            do = "end what else uses it, or start a new run with --accumulate auto or a smaller --batch-size"
            text = f"There was not enough memory; {do}"
            raise RunError(record_failure(folder, state, config, text)) from error
        record_failure(folder, state, config, str(error) if isinstance(error, RunError) else repr(error))
        raise
    except KeyboardInterrupt:
        saved = folder.all_checkpoints()
        with contextlib.suppress(OSError):
            folder.write_status("stopped", saved[-1][0] if saved else 0, end_of(config), "interrupted before saving")
        raise


def record_failure(folder: RunFolder, state: TrainingState, config: Config, why: str) -> str:
    """Note the failure in the run, if the disk still takes it, and complete the message."""
    try:
        folder.write_status("failed", state.nimg, end_of(config), why)
    except OSError as error:
        why += f" (nor could status.json: {error.strerror})"
    why = why.removesuffix(".")
    return f"{why}. What was saved before is whole; when the cause is mended, `ganforge resume {pasted(folder.path)}`."
