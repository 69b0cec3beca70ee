"""The two ways into training: start a new run, or go on with one."""

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from ganforge.base.errors import RunError, UserError
from ganforge.base.files import reason
from ganforge.base.given import path_given
from ganforge.base.images import save_png
from ganforge.base.processes import refuse_several_processes
from ganforge.base.runtime import choose_device, environment, is_out_of_memory, keep_freed_memory
from ganforge.base.stopping import StopRequest, stop_on_signals
from ganforge.base.tensorfile import DamagedFileError
from ganforge.base.wording import pasted
from ganforge.config import Config, gamma_for, make_config, with_gammas
from ganforge.data.announce import about_data, describe
from ganforge.data.catalog import locate
from ganforge.data.dataset import Dataset
from ganforge.data.draw import draw_reals
from ganforge.data.load import load, refuse_same
from ganforge.metrics.evaluate import Judge
from ganforge.objectives.settings import penalty_weights
from ganforge.recipes import recipe, usual_recipe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.facts import counters_in
from ganforge.run.folder import RunFolder, usual_place
from ganforge.run.place import usual_folder
from ganforge.training.build import build_state, refuse_misfit, source_of, start_from
from ganforge.training.feed import Feed, end_of
from ganforge.training.loop import Loop
from ganforge.training.measure import prepare_judge
from ganforge.training.progress import Progress, choose_progress
from ganforge.training.resume_checks import (
    refuse_differences,
    refuse_finished,
    refuse_lost_checkpoints,
    refuse_missing_data,
    warn_of_changes,
    warn_of_end,
    warn_of_lost_work,
    warn_of_rest,
)
from ganforge.training.state import TrainingState
from ganforge.training.warm_start import items_of


def train(
    recipe_name: str | Config | None = None, out: str | os.PathLike[str] | None = None, **changes: Any
) -> RunFolder:
    """Train a recipe, with changed settings, into a new run folder; stops on SIGINT, SIGTERM and SIGHUP after saving.

    recipe_name: a recipe's, or all settings, as ``ganforge.recipe`` gives them; by default what
    ``recipes.usual_recipe`` says. out: the folder; by default runs/<recipe>-<data>, with a number where that is taken.
    Raises UserError for settings, data or a folder that will not do (and then makes no folder), and RunError where
    training failed. `RunFolder.read_status()` tells whether the run finished or was stopped.
    """
    if isinstance(recipe_name, Config):
        config = make_config(recipe_name.model_dump() | changes)
    else:
        usual, why = usual_recipe(str(changes.get("data", "mnist")))
        config = recipe(usual if recipe_name is None else recipe_name, **changes)
    if out is not None:
        out = path_given(out, "The run folder")
    progress = choose_progress()
    if recipe_name is None:
        progress.say(why)
    with stop_on_signals() as stop:
        return start(config, out, progress, stop)


def resume(run: str | os.PathLike[str], **changes: Any) -> RunFolder:
    """Go on with a run from its newest checkpoint, exactly as if it had never been interrupted.

    changes: settings that do not shape the result: total_nimg, cadences, device, threads.
    Raises UserError where there is no run, or another setting is changed (naming the differences).
    """
    path = path_given(run, "The run")
    with stop_on_signals() as stop:
        return go_on(RunFolder(path), changes, choose_progress(), stop)


def start(config: Config, out: str | os.PathLike[str] | None, progress: Progress, stop: StopRequest) -> RunFolder:
    """``train`` with everything given."""
    refuse_several_processes()
    config = with_places(config)
    folder = RunFolder(usual_place(config.recipe, config.data) if out is None else out)
    folder.refuse_occupied()
    source = source_of(config)
    dataset, game, state = prepare(config, stop.poll, progress.say)
    for line in about_data(dataset, mirror=config.mirror, conditional=config.conditional):
        progress.say(line)
    by_rule, config = "auto" in penalty_weights(config).values(), with_gammas(config, dataset.shape)
    started_from, source_facts = start_from(source, config, state, dataset)
    judge = prepare_judge(config, dataset, game.device, stop.poll, progress.say)
    facts = {
        "settings": config.model_dump(mode="json"),
        "data": data_facts(dataset),
        "environment": [environment(game.device)],
    }
    place = usual_folder(config.recipe, config.data) if out is None else contextlib.nullcontext(folder)
    with place as folder, folder.create(facts | source_facts):
        progress.say(
            f"{config.recipe} on {describe(dataset)}; G {size(state.G)}, D {size(state.D)}; "
            f"on {game.device}, into {folder.path}"
        )
        warn_of_end(config, progress)
        if by_rule:
            progress.say(f"gamma, by our rule for these data: {gamma_for(dataset.shape):g}")
        if started_from:
            progress.say(started_from)
        return work(config, game, state, folder, progress, stop, judge)


def go_on(folder: RunFolder, changes: dict[str, Any], progress: Progress, stop: StopRequest) -> RunFolder:
    """``resume`` with everything given."""
    refuse_several_processes()
    folder.read_config()  # what is no run is not locked
    with folder.lock():
        stored = folder.read_config()
        old = make_config(stored["settings"], source=folder.config)
        config = make_config(old.model_dump() | placed(changes))
        refuse_differences(folder, old, config)
        refuse_missing_data(folder, config)
        items = items_of(stored, folder)
        tensors, facts, damaged = load_newest_checkpoint(folder, lambda _, shapes: refuse_misfit(config, items, shapes))
        if facts:
            counters_in(facts)
            refuse_differences(folder, make_config(facts["settings"], source=folder.path), config)
        else:
            refuse_lost_checkpoints(folder)
        for complaint in damaged.values():
            progress.say(f"{complaint} Going on from the one before it.")
        refuse_finished(folder, config, facts)
        dataset, game, state = prepare(config, stop.poll, progress.say)
        if stored["data"].get("fingerprint") != dataset.fingerprint():
            raise UserError(
                f"The data set {config.data} is not the one that {folder.path} began with; start a new run."
            )
        judge = prepare_judge(config, dataset, game.device, stop.poll, progress.say)
        now = environment(game.device)
        if facts:
            state.load(tensors, facts)
        else:
            start_from(source_of(config), config, state, dataset)
        warn_of_changes(stored["environment"][-1], now, progress)
        warn_of_rest(config, state.nimg, progress)
        warn_of_end(config, progress)
        warn_of_lost_work(folder, config, state.nimg, progress)
        with noting_failure(folder, state, config):
            folder.make_subfolders()
            folder.remove_leftovers()
            for path in damaged:
                progress.say(f"{path} was set aside as {folder.set_aside(path).name}.")
            folder.cut_after(state.reported_nimg, state.measured_nimg)
            folder.write_config(
                stored | {"settings": config.model_dump(mode="json"), "environment": [*stored["environment"], now]}
            )
        progress.say(f"Going on with {folder.path} at {state.nimg:,} of {end_of(config):,} images, on {game.device}")
        return work(config, game, state, folder, progress, stop, judge)


def with_places(config: Config) -> Config:
    """The settings with the data's paths made absolute, so that they mean the same from any folder. Raises UserError
    where there is nothing of that name, or the held-out pictures are those to learn from."""
    places = {"data": locate(config.data)}
    if config.test_data is not None:
        refuse_same(config.data, config.test_data)
        places["test_data"] = locate(config.test_data)
    return config.model_copy(update=places)


def placed(changes: dict[str, Any]) -> dict[str, Any]:
    """The same for settings asked of a run that has its data; a name of nothing stays, and is refused as a change."""
    places = {}
    for name in {"data", "test_data"} & changes.keys():
        with contextlib.suppress(UserError):
            places[name] = locate(str(changes[name]))
    return changes | places


def prepare(
    config: Config, poll: Callable[[], None], say: Callable[[str], None]
) -> tuple[Dataset, Feed, TrainingState]:
    """Data, and fresh networks to fit. Raises UserError where the data or the device is not to be had."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    keep_freed_memory()
    device = choose_device(config.device)
    if config.precision == "bfloat16" and device.type == "cpu":
        say("Note: bfloat16 is meant for GPUs; most CPUs compute in it many times more slowly than in float32.")
    data_dir = Path(config.data_dir) if config.data_dir is not None else None
    dataset = load(
        config.data, data_dir=data_dir, max_images=config.max_images, poll=poll, say=say, **config.data_settings()
    )
    poll()
    try:
        return dataset, Feed(with_gammas(config, dataset.shape), dataset, device), build_state(config, dataset, device)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"The data and networks do not fit into the memory of {device}; make them smaller.") from None


def work(
    config: Config, game: Feed, state: TrainingState, folder: RunFolder, progress: Progress, stop: StopRequest,
    judge: Judge | None,
) -> RunFolder:  # fmt: skip
    """Run the loop, and leave word in status.json of how it ended."""
    with noting_failure(folder, state, config):
        folder.write_status("running", state.nimg, end_of(config))
        if not folder.reals.exists():  # a new run, or one that was killed before it had drawn them
            save_png(draw_reals(game.dataset, config.grid_size, config.seed), folder.reals)
        progress.start(state.nimg, end_of(config))
        loop = Loop(config, game, state, folder, progress, stop, judge)
        try:
            if not folder.all_checkpoints():
                loop.save_checkpoint()  # from before the first picture: whoever has pictures has had a checkpoint
            finished = loop.run()
        finally:
            progress.close()
        ending = ("finished", "") if finished else ("stopped", "somebody asked it to")
        folder.write_status(ending[0], state.nimg, end_of(config), ending[1])
    if loop.measuring_sec:
        share = 100 * loop.measuring_sec / max(progress.seconds(), loop.measuring_sec)
        progress.say(f"Measuring took {loop.measuring_sec:.1f} s, {share:.1f} % of the time (--metric-samples 0: none)")
    if finished:
        progress.say(f"Finished. Pictures: {folder.fakes(state.nimg)}, and as an animation {folder.evolution}")
    else:
        progress.say(f"Saved at {state.nimg:,} images; go on with `ganforge resume {pasted(folder.path)}`")
    return folder


@contextlib.contextmanager
def noting_failure(folder: RunFolder, state: TrainingState, config: Config) -> Iterator[None]:
    """Leave word in status.json of whatever is raised in the context; what cannot be saved becomes a RunError."""
    try:
        yield
    except (OSError, DamagedFileError) as error:
        text = reason(error) if isinstance(error, OSError) else str(error)
        raise RunError(fail(folder, state, config, f"The run could not be saved: {text}")) from error
    except Exception as error:
        if is_out_of_memory(error):
            text = "There was not enough memory; end what else uses it, or start a new run with a smaller --batch-size"
            raise RunError(fail(folder, state, config, text)) from error
        fail(folder, state, config, str(error) if isinstance(error, RunError) else repr(error))
        raise
    except KeyboardInterrupt:
        saved = folder.all_checkpoints()
        with contextlib.suppress(OSError):
            folder.write_status("stopped", saved[-1][0] if saved else 0, end_of(config), "interrupted before saving")
        raise


def fail(folder: RunFolder, state: TrainingState, config: Config, why: str) -> str:
    """Note the failure in the run, if the disk still takes it, and complete the message."""
    try:
        folder.write_status("failed", state.nimg, end_of(config), why)
    except OSError as error:
        why += f" (nor could status.json: {error.strerror})"
    why = why.removesuffix(".")
    return f"{why}. What was saved before is whole; when the cause is mended, `ganforge resume {pasted(folder.path)}`."


def data_facts(dataset: Dataset) -> dict[str, Any]:
    """What config.json keeps of the data."""
    facts = {
        "name": dataset.name,
        "source": dataset.source,
        "count": len(dataset),
        "shape": list(dataset.shape),
    }
    if dataset.class_names:
        facts["class_names"] = list(dataset.class_names)
    if dataset.range is not None:
        facts["range"] = list(dataset.range)
    return facts | {"num_classes": dataset.num_classes, "fingerprint": dataset.fingerprint()}


def size(network: torch.nn.Module) -> str:
    """1.95 M weights"""
    count = sum(math.prod(p.shape) for p in network.parameters())
    return f"{count / 1e6:.2f} M weights"
