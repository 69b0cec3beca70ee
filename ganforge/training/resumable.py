"""May a run be gone on with, and will it be the same? What is refused, and what is said, before anything is touched."""

from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.files import reason
from ganforge.base.wording import pasted
from ganforge.config import MAY_CHANGE, Config, differences
from ganforge.run.checkpoint import begin_anew
from ganforge.run.folder import RunFolder
from ganforge.training.progress import Progress


def refuse_differences(folder: RunFolder, old: Config, new: Config) -> None:
    """Raise UserError, naming them, where settings differ that may not."""
    if Path(old.data).is_absolute() and not Path(old.data).exists():
        old = old.model_copy(update={"data": new.data})  # moved: their fingerprint will show whether they are the same
    if changed := differences(old, new):
        raise UserError(
            f"{folder.path} cannot go on with other settings ({'; '.join(changed)}); start a new run for them. "
            f"What may change: {', '.join(sorted(MAY_CHANGE))}."
        )


def refuse_missing_data(folder: RunFolder, config: Config) -> None:
    """Raise UserError where the pictures that a run learns from have gone from their place."""
    if Path(config.data).is_absolute() and not Path(config.data).exists():
        raise UserError(
            f"{folder.path} learns from {config.data}, and nothing is there; put it back, or, if it has moved, "
            f"`ganforge resume {pasted(folder.path)} --data PLACE`."
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
    """Bits repeat only on the same device, versions and threads: say when they are not the same."""
    changed = [
        f"{k} {before.get(k)} -> {now[k]}"
        for k in ("device_name", "python", "torch", "ganforge", "threads")
        if before.get(k) != now[k]
    ]
    if changed:
        progress.say(
            f"Note: {', '.join(changed)}; the run goes on, but its numbers will differ slightly from those of one "
            "that was never interrupted."
        )


def warn_of_rest(config: Config, nimg: int, progress: Progress) -> None:
    """Where the learning rates have fallen to 0, a longer run is a waste: say so."""
    if config.lr_end == 0 and config.burn_in_nimg is not None and nimg >= config.burn_in_nimg:
        progress.say("Note: the learning rates have fallen to 0, so that training longer changes no weight.")
