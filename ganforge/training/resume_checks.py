"""May a run be gone on with, and will it be the same? What is refused, and what is said, before anything is touched."""

import os
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.wording import pasted
from ganforge.config import MAY_CHANGE, Config, differences
from ganforge.data.catalog import HUB, has_gone
from ganforge.data.shards.pattern import is_remote
from ganforge.run.checkpoint import begin_anew
from ganforge.run.folder import RunFolder
from ganforge.training.feed import end_of, images_in
from ganforge.training.progress import Progress


def refuse_differences(folder: RunFolder, old: Config, new: Config) -> None:
    """Raise UserError, naming them, where settings differ that may not."""
    if has_gone(old.data) or is_remote(old.data):
        old = old.model_copy(update={"data": new.data})  # moved: their fingerprint will show whether they are the same
    if old.accumulate != new.accumulate:
        raise UserError(
            f"{folder.path} began with accumulate = {old.accumulate}, which stays: in other parts sums are other "
            "numbers, and batch norm sees other pictures. Where a step needs more memory than there is, let more "
            "processes share each batch (torchrun), or start a new run from its weights (--init-from)."
        )
    if changed := differences(old, new):
        raise UserError(
            f"{folder.path} cannot go on with other settings ({'; '.join(changed)}); start a new run for them. "
            f"What may change: {', '.join(sorted(MAY_CHANGE))}."
        )


def refuse_finished(folder: RunFolder, config: Config, facts: dict[str, Any]) -> None:
    """Raise UserError where nothing is left to be done. facts: of the newest checkpoint, from which the last step may
    be missing. A run that was killed between that and its end is not finished yet: the loop makes the rest."""
    saved, step, end = facts.get("nimg", 0), facts.get("step", 0), end_of(config)
    status = folder.read_status()
    told = status["nimg"] if status.get("state") == "finished" and type(status.get("nimg")) is int else -1
    if saved > end or (told >= end and end - saved < images_in(config, step)):
        reached = max(saved, told)
        raise UserError(
            f"{folder.path} is finished: it had {reached:,} images, and the total is {end:,}; "
            f"to train longer, `ganforge resume {pasted(folder.path)} --total-nimg {2 * reached}`."
        )


def refuse_missing_data(folder: RunFolder, config: Config) -> None:
    """Raise UserError where the pictures that a run learns from have gone from their place."""
    if has_gone(config.data):
        raise UserError(
            f"{folder.path} learns from {config.data}, and nothing is there; put it back, or, if it has moved, "
            f"`ganforge resume {pasted(folder.path)} --data PLACE`."
        )


def refuse_missing_source(folder: RunFolder, config: Config) -> None:
    """Raise UserError where a run that has no picture yet cannot have the weights that it starts from."""
    if config.init_from and not config.init_from.startswith(HUB) and not os.path.lexists(config.init_from):
        raise UserError(
            f"{folder.path} starts from the weights in {config.init_from}, and nothing is there; put it back, or start "
            "a new run."
        )


def refuse_lost_checkpoints(folder: RunFolder) -> None:
    """Raise UserError where a run without any checkpoint shows that it had one: each has, from before its first
    picture. Nothing is changed."""
    try:
        signs = folder.signs_of_progress()
    except OSError as error:
        raise UserError(f"{folder.path} cannot be read: {reason(error)}; nothing was changed.") from None
    if signs:
        raise UserError(
            f"{folder.path} has no checkpoint to go on from, but {', '.join(signs)}: put its checkpoints back into "
            f"{folder.path / 'checkpoints'}, or {begin_anew(folder)}; nothing was changed. Its snapshots can "
            f"still be used: `ganforge sample {pasted(folder.path)}`."
        )


def warn_of_changes(before: dict[str, Any], now: dict[str, Any], progress: Progress) -> None:
    """Bits repeat only on the same device, in the same way, with the same versions and threads: say when they are not
    the same."""
    before = {"processes": 1} | before  # of a run from before there could be several
    changed = [
        f"{k} {before.get(k)} -> {now.get(k)}"
        for k in ("device_name", "python", "torch", "ganforge", "threads", "capture", "deterministic", "processes")
        if before.get(k) != now.get(k)
    ]
    if changed:
        progress.say(
            f"Note: {', '.join(changed)}; the run goes on, but its numbers will differ slightly from those of one "
            "that was never interrupted."
        )


def warn_of_lost_work(folder: RunFolder, config: Config, nimg: int, progress: Progress) -> None:
    """Where the process before this one ended without saving, say so, and from where its work is done again. For the
    time before the log is cut."""
    status = folder.read_status()
    told = [row["nimg"] for row in folder.rows()] + [n for n in [status.get("nimg")] if type(n) is int]
    reached = max(told, default=0)
    how = {
        "running": "The process that trained here ended without saving",
        "failed": "Training failed here",
        "stopped": "Training was interrupted here before it had saved",
    }.get(str(status.get("state")))
    if how is None or (reached <= nimg and status["state"] != "running"):
        return
    lost = f"its work after {nimg:,} images" + f", up to {reached:,} by the log," * (reached > nimg)
    why = f" (a checkpoint is made every {config.checkpoint_nimg:,} images and {config.checkpoint_sec:g} s)"
    progress.say(f"{how}: {lost} is done again{why}.")


def warn_of_end(config: Config, progress: Progress) -> None:
    """Say where the run ends, if that is not at the total that was asked for."""
    if (end := end_of(config)) != config.total_nimg:
        progress.say(
            f"Note: the run ends at {end:,} images, since {config.total_nimg:,} are no whole number of batches of "
            f"{config.batch_size:,}."
        )


def warn_of_rest(config: Config, nimg: int, progress: Progress) -> None:
    """Where the learning rates have fallen to 0, a longer run is a waste: say so."""
    if config.lr_end == 0 and config.burn_in_nimg is not None and nimg >= config.burn_in_nimg:
        progress.say("Note: the learning rates have fallen to 0, so that training longer changes no weight.")
