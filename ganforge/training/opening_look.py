"""Before the first step: what the data, the settings, the machine and a tried step show, and what is wrong with it."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ganforge.config import Config, gamma_for
from ganforge.diagnosis.before import Items, Machine, Start, look_at
from ganforge.diagnosis.catalog import CHECKS, Check
from ganforge.diagnosis.command import processes_in
from ganforge.diagnosis.findings import Finding
from ganforge.diagnosis.telling import as_event, at_once
from ganforge.recipes.catalog import RECIPES, usual_for
from ganforge.run.folder import RunFolder
from ganforge.training.execute import recording_failure
from ganforge.training.feed import Feed
from ganforge.training.probe import try_step
from ganforge.training.state import TrainingState


def look_first(config: Config, feed: Feed, state: TrainingState, place: str | Path) -> tuple[Start, list[Finding]]:
    """What there was to see, and what is found in it. place: of the run, whose disk is looked at. Changes nothing."""
    usual: dict[str, Any] = {}
    if config.recipe in RECIPES:
        usual = usual_for(config).model_dump(mode="json")
    tried, failure = try_step(state, feed)
    start = Start(
        config.model_dump(mode="json"),
        usual,
        look_at(feed.dataset, config.seed, conditional=config.conditional),
        tried,
        machine_of(config, feed, state, place),
        gamma_for(feed.dataset.shape),
        failure,
    )
    return start, found_in(start)


def found_in(start: Start, checks: Mapping[str, Check] | None = None) -> list[Finding]:
    """What each of the checks sees, by default of all, the grave ones first."""
    seen = [(check, check.load().look(start)) for check in (CHECKS if checks is None else checks).values()]
    findings = [Finding(check, one) for check, one in seen if one is not None]
    return sorted(findings, key=lambda finding: not finding.trouble.grave)


def begin_with_look(
    config: Config, feed: Feed, state: TrainingState, folder: RunFolder, say: Callable[[str], None]
) -> None:
    """Look, say what is found, and make it the first lines of findings.jsonl. Raises RunError where that cannot be
    written."""
    with recording_failure(folder, state, config):
        tell_first(look_first(config, feed, state, folder.path)[1], CHECKS, config, folder, say)


def look_at_length(
    config: Config, feed: Feed, state: TrainingState, folder: RunFolder, say: Callable[[str], None]
) -> None:
    """Of a run that goes on to another length: look again for what depends on that, and do as ``begin_with_look``."""
    with recording_failure(folder, state, config):
        machine = machine_of(config, feed, state, folder.path)
        there = sum(path.stat().st_size for _, path in [*folder.all_checkpoints(), *folder.all_snapshots()])
        start = Start(
            config.model_dump(mode="json"),
            {},
            Items(len(feed.dataset), feed.dataset.shape),
            machine=replace(machine, disk_needed=machine.disk_needed - there),
        )
        checks = {name: check for name, check in CHECKS.items() if check.of_length}
        tell_first(found_in(start, checks), checks, config, folder, say)


def tell_first(
    findings: Sequence[Finding], checks: Mapping[str, Check], config: Config, folder: RunFolder,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Say what these checks have found, and put it in the place of what findings.jsonl holds of theirs."""
    settings, processes = config.model_dump(mode="json"), processes_in(folder.read_config())
    for finding in findings:
        say(at_once(finding, settings, folder.path, processes))
    known = list(folder.finding_rows())
    first = [event for event in known if event["nimg"] == 0 and event.get("finding") not in checks]
    first += [as_event(finding, 0) for finding in findings]
    places = {name: (not check.grave, place) for place, (name, check) in enumerate(CHECKS.items())}
    first.sort(key=lambda event: places.get(str(event.get("finding")), (True, len(places))))
    if events := [*first, *(event for event in known if event["nimg"] > 0)] or known:
        folder.write_findings(events)


def machine_of(config: Config, feed: Feed, state: TrainingState, place: str | Path) -> Machine:
    """Its disk, memory and accelerator, as this run meets them."""
    device = feed.device.type
    free = None
    if device == "cuda":
        free = torch.cuda.mem_get_info(feed.device)[0]
    elif device == "cpu":
        free = memory_free()
    return Machine(free_at(Path(place)), kept_bytes(config, state), free, device, idle(device))


def kept_bytes(config: Config, state: TrainingState) -> int:
    """What checkpoints and snapshots take at the most: one more of each is there while it is written, and the best
    snapshot is kept beside the newest; the best checkpoint, too, where a run may go back to it."""
    checkpoint = sum(tensor.nbytes for tensor in state.tensors().values())
    snapshot = sum(tensor.nbytes for tensor in state.G.state_dict().values())
    milestones = 0 if config.milestone_nimg is None else config.total_nimg // config.milestone_nimg
    due = config.total_nimg // config.snapshot_nimg + 1
    checkpoints = config.keep_checkpoints + 1 + (config.on_trouble == "mend")
    return checkpoint * checkpoints + snapshot * min(due, config.keep_snapshots + milestones + 2)


def free_at(place: Path) -> int | None:
    """Bytes free on the disk of a place that need not be there yet; None where nobody can say."""
    place = place.absolute()
    there = next((one for one in (place, *place.parents) if one.is_dir()), None)
    try:
        return None if there is None else shutil.disk_usage(there).free
    except OSError:
        return None


def memory_free() -> int | None:
    """Bytes of the computer's memory that may be had, on Linux; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None


def idle(device: str) -> str:
    """The accelerator that is there beside the CPU in use; empty without one."""
    if device != "cpu":
        return ""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is not None:
        return accelerator.type
    gpus = Path("/proc/driver/nvidia/gpus")
    return "an NVIDIA GPU that this PyTorch cannot use" if gpus.is_dir() and any(gpus.iterdir()) else ""
