"""What `ganforge train` would do, as far as the first step: looked at, and no run made."""

import os

from ganforge.config import Config
from ganforge.data.summary import data_notes, one_line
from ganforge.diagnosis.before import Start
from ganforge.diagnosis.findings import Finding
from ganforge.diagnosis.telling import at_once
from ganforge.run.folder import RunFolder
from ganforge.run.place import usual_place
from ganforge.tracking.catalog import require
from ganforge.training.build import source_of, start_from
from ganforge.training.machine_facts import with_absolute_paths
from ganforge.training.opening_look import look_first
from ganforge.training.progress import Progress
from ganforge.training.start import prepare


def check_run(config: Config, out: str | os.PathLike[str] | None, progress: Progress) -> list[Finding]:
    """Say what there is to see before a run's first step, and what is found; returns that.

    Raises UserError for settings, data or a folder that will not do, as training would. Nothing is written, but what
    preparing pictures leaves in the cache.
    """
    require(config.log or ())
    config = with_absolute_paths(config)
    folder = RunFolder(usual_place(config.recipe, config.data) if out is None else out)
    folder.refuse_occupied()
    source = source_of(config)
    config, dataset, feed, state = prepare(config, progress.say)
    for line in data_notes(dataset, mirror=config.mirror, conditional=config.conditional):
        progress.say(line)
    if said := start_from(source, config, state, dataset)[0]:
        progress.say(said)
    start, findings = look_first(config, feed, state, folder.path)
    progress.say(f"Looked at {config.recipe} on {one_line(dataset)}, on {feed.device}:")
    for line in seen_in(start):
        progress.say(f"  {line}")
    settings = config.model_dump(mode="json")
    for finding in findings:
        progress.say(at_once(finding, settings, folder.path))
    progress.say(f"Found: {len(findings)}. Nothing was trained." if findings else "Nothing to find fault with.")
    return findings


def seen_in(start: Start) -> list[str]:
    """What was looked at, a line for each kind of it."""
    items, tried, machine = start.items, start.tried, start.machine
    values = "" if start.is_points else f", values from {items.low} to {items.high} of 255"
    told = "" if items.accuracy is None else f"; the class can be guessed from {items.accuracy:.0%} of the pictures"
    lines = [
        f"data: {items.looked:,} of {items.count:,} items looked at{values}; {items.copies:,} of {items.counted:,} "
        f"equal another one{told}",
        f"settings: beside those of the recipe {start.settings['recipe']}",
    ]
    if tried is None:
        lines.append("a step: it cannot be computed")
    else:
        (real, real_spread), (fake, fake_spread) = tried.real_logits, tried.fake_logits
        lines.append(
            f"a step: D's logits of reals {real:.2f} ± {real_spread:.2f}, of fakes {fake:.2f} ± {fake_spread:.2f}; "
            f"G has {tried.weights['G']:,} weights, D {tried.weights['D']:,}"
        )
    free = "unknown" if machine.disk_free is None else f"{machine.disk_free / 1e9:,.2f} GB"
    lines.append(f"disk: {machine.disk_needed / 1e9:,.2f} GB needed, {free} free")
    if tried is not None:
        free = "unknown" if machine.memory_free is None else f"{machine.memory_free / 1e9:,.1f} GB"
        lines.append(f"memory: about {tried.memory / 1e9:,.1f} GB for a step, {free} free")
    return lines
