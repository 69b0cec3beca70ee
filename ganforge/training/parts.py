"""`--accumulate auto`: the fewest parts of a batch with which a step fits into memory, found by trying."""

import gc
from collections.abc import Callable

import torch
from torch import nn

from ganforge.base.errors import UserError
from ganforge.base.runtime import is_out_of_memory
from ganforge.base.stopping import poll
from ganforge.config import Config
from ganforge.data.dataset import Dataset
from ganforge.training.build import build_networks, build_state
from ganforge.training.feed import Feed, following
from ganforge.training.processes import Processes
from ganforge.training.warm_start import Items
from ganforge.training.whole_step import whole_step

KEPT_FREE = 10
"""On CUDA, one in so many of the bytes that are free is taken while a step is tried: it is for what else a run makes
there, such as figures, and for other programs."""


def with_parts(
    config: Config, dataset: Dataset, device: torch.device, processes: Processes, say: Callable[[str], None]
) -> Config:
    """The settings with a number for accumulate; for "auto" the least that fits on the device of every process.

    Raises UserError where the smallest parts do not fit.
    """
    if config.accumulate != "auto":
        return config
    share = config.batch_size // processes.count
    for parts in range(1, share + 1):
        if share % parts or config.batch_size // parts < 2:
            continue
        poll()
        split = config.model_copy(update={"accumulate": parts})
        if not processes.any(not fits(split, dataset, device, processes), 0):
            say(told(split, dataset, device))
            return split
    raise UserError(f"Not even 2 pictures at a time fit into the memory of {device}; make the networks smaller.")


def fits(config: Config, dataset: Dataset, device: torch.device, processes: Processes) -> bool:
    """Is there memory for a step of these settings? One is taken, and thrown away."""
    try:
        try_out(config, dataset, device, processes)
    except (RuntimeError, MemoryError, ValueError) as error:
        return not is_out_of_memory(error)  # what else is wrong, training says
    finally:
        gc.collect()
        if torch.accelerator.is_available():
            torch.accelerator.empty_cache()
    return True


def try_out(config: Config, dataset: Dataset, device: torch.device, processes: Processes) -> None:
    """One update of D, with every penalty, and one of G, from fresh weights."""
    kept_free = torch.cuda.mem_get_info(device)[0] // KEPT_FREE if device.type == "cuda" else 0
    held = torch.empty(kept_free, dtype=torch.uint8, device=device)
    feed, state = Feed(config, dataset, device, processes), build_state(config, dataset, device)
    d_batches, g_batch = feed.batches(0, 0)
    whole_step(state, feed.options(0, state), d_batches[-1:], g_batch, following(config, 0, config.batch_size))
    del held


def told(config: Config, dataset: Dataset, device: torch.device) -> str:
    """What was found, in words."""
    size, parts = config.batch_size, int(config.accumulate)
    if parts == 1:
        return f"Whole batches fit into the memory of {device}: --accumulate 1."
    networks = build_networks(config, Items(dataset.shape, dataset.num_classes if config.conditional else 0), meta=True)
    part = f"Each batch of {size} is split into {parts} parts of {size // parts}, the largest that fit into the memory"
    normed = any(isinstance(layer, nn.BatchNorm2d) for network in networks for layer in network.modules())
    more = f" Batch norm sees one part at a time, as in batches of {size // parts}." if normed else ""
    return f"{part} of {device}: --accumulate {parts}.{more}"
