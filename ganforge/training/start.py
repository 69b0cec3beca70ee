"""The two ways into training: start a new run, or go on with one."""

import contextlib
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ganforge.base.errors import UserError
from ganforge.base.given import path_given
from ganforge.base.runtime import ask_for_deterministic_products, is_out_of_memory, keep_freed_memory
from ganforge.base.stopping import StopRequest, poll, stop_on_signals
from ganforge.config import Config, gamma_for, make_config, with_gammas
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.data.summary import data_facts, data_notes, one_line
from ganforge.objectives.settings import penalty_weights
from ganforge.recipes.catalog import recipe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.run.place import usual_folder, usual_place
from ganforge.run.stored_facts import counters_in
from ganforge.tracking.catalog import require
from ganforge.training.build import build_state, refuse_other_networks, source_of, start_from
from ganforge.training.execute import has_gone_wrong, recording_failure, run_training
from ganforge.training.feed import Feed, end_of
from ganforge.training.follower import Silent, follow
from ganforge.training.machine_facts import PLACES, environment_of, with_absolute_changes, with_absolute_paths
from ganforge.training.measure import prepare_judge
from ganforge.training.opening_look import begin_with_look, look_at_length
from ganforge.training.parts import with_parts
from ganforge.training.processes import ALONE, Processes, refuse_strangers, refuse_uneven
from ganforge.training.progress import Progress, choose_progress
from ganforge.training.resume_checks import (
    refuse_differences,
    refuse_finished,
    refuse_lost_checkpoints,
    refuse_missing_data,
    refuse_missing_source,
    warn_of_changes,
    warn_of_end,
    warn_of_lost_work,
    warn_of_rest,
)
from ganforge.training.several import joined
from ganforge.training.state import TrainingState
from ganforge.training.suited import suited_recipe
from ganforge.training.warm_start import items_of


def train(
    recipe_name: str | Config | None = None, out: str | os.PathLike[str] | None = None, **changes: Any
) -> RunFolder:
    """Train a recipe, with changed settings, into a new run folder; stops on SIGINT, SIGTERM and SIGHUP after saving.

    recipe_name: a recipe's, or all settings, as ``ganforge.recipe`` gives them; by default the
        one that suits the data (``recipes.catalog.usual_recipe``).
    out: the folder; by default runs/<recipe>-<data>, with a number where that is taken.
    changes: settings by name.

    Raises UserError for settings, data or a folder that will not do (and then makes no folder), and RunError where
    training failed. `RunFolder.read_status()` tells whether the run finished or was stopped.
    """
    if out is not None:
        out = path_given(out, "The run folder")
    progress = choose_progress()
    with stop_on_signals() as stop:
        if isinstance(recipe_name, Config):
            config = make_config(recipe_name.model_dump() | changes)
        else:
            config = recipe(suited_recipe(changes, progress) if recipe_name is None else recipe_name, **changes)
        return start_run(config, out, progress, stop)


def resume(run: str | os.PathLike[str], **changes: Any) -> RunFolder:
    """Go on with a run from its newest checkpoint, exactly as if it had never been interrupted.

    changes: settings that do not shape the result: total_nimg, cadences, device, threads.
    Raises UserError where there is no run, or another setting is changed (naming the differences).
    """
    path = path_given(run, "The run")
    with stop_on_signals() as stop:
        return resume_run(RunFolder(path), changes, choose_progress(), stop)


def start_run(config: Config, out: str | os.PathLike[str] | None, progress: Progress, stop: StopRequest) -> RunFolder:
    """``train`` with everything given."""
    require(config.log or ())
    with joined(config.device) as processes:
        progress = progress if processes.leads else Silent()
        if processes.begun:  # torchrun had to start it again
            folder = RunFolder(processes.begun)
            if has_gone_wrong(folder):  # which is no reason for torchrun to try again, but it does not know
                progress.say(f"Started again by torchrun, but {folder.path} was stopped since something went wrong.")
                return folder
            progress.say(f"Started again by torchrun: going on with {folder.path}")
            return go_on(folder, {}, progress, stop, processes)
        return begin(config, out, progress, stop, processes)


def begin(
    config: Config, out: str | os.PathLike[str] | None, progress: Progress, stop: StopRequest, processes: Processes
) -> RunFolder:
    """``start_run`` of these processes."""
    folder = RunFolder(usual_place(config.recipe, config.data) if out is None else out)
    if processes.leads:
        folder.refuse_occupied()
    config = with_absolute_paths(config)
    source = source_of(config)
    by_rule = "auto" in penalty_weights(config).values()
    config, dataset, feed, state = prepare(config, progress.say, processes)
    for line in data_notes(dataset, mirror=config.mirror, conditional=config.conditional):
        progress.say(line)
    started_from, source_facts = start_from(source, config, state, dataset)
    refuse_strangers(processes, config.model_dump(mode="json", exclude=PLACES), dataset.fingerprint(), state)
    if not processes.leads:
        return follow(config, feed, state, RunFolder(processes.note_begun(folder.path)), stop)
    judge = prepare_judge(config, dataset, feed.device, progress.say)
    facts = {
        "settings": config.model_dump(mode="json"),
        "data": data_facts(dataset),
        "environment": [environment_of(config, feed)],
    }
    place = usual_folder(config.recipe, config.data) if out is None else contextlib.nullcontext(folder)
    with place as folder, folder.create(facts | source_facts):
        processes.note_begun(folder.path)
        progress.say(
            f"{config.recipe} on {one_line(dataset)}; G {size(state.G)}, D {size(state.D)}; "
            f"on {feed.device}, into {folder.path}"
        )
        warn_of_end(config, progress)
        if by_rule:
            progress.say(f"gamma, by our rule for these data: {gamma_for(dataset.shape):g}")
        if started_from:
            progress.say(started_from)
        begin_with_look(config, feed.whole(), state, folder, progress.say)
        return run_training(config, feed, state, folder, progress, stop, judge)


def resume_run(folder: RunFolder, changes: dict[str, Any], progress: Progress, stop: StopRequest) -> RunFolder:
    """``resume`` with everything given."""
    stored = folder.read_config()  # what is no run is not locked
    config = make_config(make_config(stored["settings"], source=folder.config).model_dump() | changes)
    with joined(config.device) as processes:
        return go_on(folder, changes, progress if processes.leads else Silent(), stop, processes)


def go_on(
    folder: RunFolder, changes: dict[str, Any], progress: Progress, stop: StopRequest, processes: Processes
) -> RunFolder:
    """``resume_run`` of these processes."""
    with folder.lock() if processes.leads else contextlib.nullcontext():
        stored = folder.read_config()
        old = make_config(stored["settings"], source=folder.config)
        config = make_config(old.model_dump() | with_absolute_changes(changes))
        refuse_differences(folder, old, config)
        require(config.log or ())
        refuse_missing_data(folder, config)
        items = items_of(stored, folder)
        tensors, facts, damaged = load_newest_checkpoint(
            folder, lambda _, shapes: refuse_other_networks(config, items, shapes)
        )
        if facts:
            counters_in(facts)
            refuse_differences(folder, make_config(facts["settings"], source=folder.path), config)
        else:
            refuse_lost_checkpoints(folder)
            refuse_missing_source(folder, config)
        for complaint in damaged.values():
            progress.say(f"{complaint} Going on from the one before it.")
        refuse_finished(folder, config, facts)
        config, dataset, feed, state = prepare(config, progress.say, processes)
        if stored["data"].get("fingerprint") != dataset.fingerprint():
            raise UserError(
                f"The data set {config.data} is not the one that {folder.path} began with; start a new run."
            )
        if facts:
            state.load(tensors, facts)
        else:
            start_from(source_of(config), config, state, dataset)
        refuse_strangers(processes, config.model_dump(mode="json", exclude=PLACES), dataset.fingerprint(), state)
        processes.note_begun(folder.path)
        if not processes.leads:
            return follow(config, feed, state, folder, stop)
        judge = prepare_judge(config, dataset, feed.device, progress.say)
        now = environment_of(config, feed)
        warn_of_changes(stored["environment"][-1], now, progress)
        warn_of_rest(config, state.nimg, progress)
        warn_of_end(config, progress)
        warn_of_lost_work(folder, config, state.nimg, progress)
        with recording_failure(folder, state, config):
            folder.make_subfolders()
            folder.remove_leftovers()
            for path in damaged:
                progress.say(f"{path} was set aside as {folder.set_aside(path).name}.")
            folder.cut_after(state.reported_nimg, state.measured_nimg)
            folder.write_config(
                stored | {"settings": config.model_dump(mode="json"), "environment": [*stored["environment"], now]}
            )
        if not facts:  # killed before its first checkpoint, and maybe within the look
            begin_with_look(config, feed.whole(), state, folder, progress.say)
        elif config.total_nimg != old.total_nimg:
            look_at_length(config, feed, state, folder, progress.say)
        progress.say(f"Going on with {folder.path} at {state.nimg:,} of {end_of(config):,} images, on {feed.device}")
        return run_training(config, feed, state, folder, progress, stop, judge)


def prepare(
    config: Config, say: Callable[[str], None], processes: Processes = ALONE
) -> tuple[Config, Dataset, Feed, TrainingState]:
    """The settings with numbers for all that is "auto" in them, the data, and fresh networks to fit.

    Raises UserError where the data or the device is not to be had.
    """
    refuse_uneven(config.batch_size, 1 if config.accumulate == "auto" else config.accumulate, processes)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    keep_freed_memory()
    if config.deterministic:
        ask_for_deterministic_products()
    device = processes.device(config.device)
    if config.precision == "bfloat16" and device.type == "cpu":
        say("Note: bfloat16 is meant for GPUs; most CPUs compute in it many times more slowly than in float32.")
    data_dir = Path(config.data_dir) if config.data_dir is not None else None
    dataset = load(config.data, data_dir=data_dir, max_images=config.max_images, say=say, **config.data_settings())
    poll()
    config = with_parts(with_gammas(config, dataset.shape), dataset, device, processes, say)
    try:
        return config, dataset, Feed(config, dataset, device, processes), build_state(config, dataset, device)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"The data and networks do not fit into the memory of {device}; make them smaller.") from None


def size(network: torch.nn.Module) -> str:
    """1.95 M weights"""
    count = sum(math.prod(p.shape) for p in network.parameters())
    return f"{count / 1e6:.2f} M weights"
