"""Figures while training: each snapshot is judged by a cheap protocol, and what the series says is said aloud."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.images import to_uint8
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.config import Config
from ganforge.data.dataset import Dataset
from ganforge.metrics.evaluate import NUM_REALS_CHEAP, Judge, usual_extractors
from ganforge.metrics.trend import best_of, plateau_since, series
from ganforge.networks.generate import generate

CHUNK = 512


def prepare_judge(
    config: Config, dataset: Dataset, device: torch.device, poll: Callable[[], None], say: Callable[[str], None]
) -> Judge | None:
    """The judge of a run's snapshots; None where the settings ask for none, or the data cannot be judged by."""
    if config.metric_samples == 0:
        return None
    try:
        return Judge(
            dataset, None, device, names=usual_extractors(dataset)[:1], num_fakes=config.metric_samples,
            num_reals=NUM_REALS_CHEAP, kernel_subsets=0, poll=poll,
        )  # fmt: skip
    except UserError as error:
        say(f"No figures while training: {error}")
        return None


def measure(judge: Judge, G: nn.Module, config: Config, nimg: int, device: torch.device) -> dict[str, Any]:
    """The record of one state of G, always from the same z."""

    def batches() -> Iterator[Tensor]:
        count = judge.protocol.num_fakes
        for index, first in enumerate(range(0, count, CHUNK)):
            size = min(CHUNK, count - first)
            z = draw_z(config.noise, size, config.z_dim, generator(config.seed, "metrics/z", index))
            labels = None
            if config.conditional:
                draws = generator(config.seed, "metrics/labels", index)
                labels = judge.dataset.draw_labels(size, judge.dataset.num_classes, draws)
            items = generate(G, z, labels, device)
            yield items if judge.dataset.mixture else to_uint8(items)

    return judge.judge(batches(), {"kind": "training", "name": f"{config.recipe} on {judge.dataset.name}"}, nimg)


def say_what_it_means(rows: list[dict[str, Any]], taken_back: Sequence[dict[str, Any]] = ()) -> list[str]:
    """Lines for the person about the newest of the run's records, none where none can be read; why there is no figure
    is said once. taken_back: records that are not in the log any more, of snapshots that are still there."""
    rows = [row for row in rows if {"headline", "notes"} <= row.keys()]
    if not rows:
        return []
    values, row = series(rows), rows[-1]
    if row["headline"] is None or not values:
        if any(before["headline"] is None and before["notes"] == row["notes"] for before in rows[:-1]):
            return []
        return [f"No figure at {row['nimg']:,} images: {' '.join(row['notes'])}"]
    others = series([*taken_back, row])[:-1]
    figure, best = row["figures"][row["headline"]], best_of([*others, *values])
    assert best is not None
    so_far = "best so far" if best[0] == row["nimg"] else f"best {best[1]:.4g} at {best[0]:,}"
    lines = [
        f"{row['headline']} {figure['value']:.4g} at {row['nimg']:,} images, {so_far} "
        f"(lower is better; fresh real pictures: {figure['floor']:.3g}; measured in {row['seconds']:.2f} s)"
    ]
    earlier = [pair for pair in others if pair[0] < row["nimg"]]
    since = plateau_since(values, earlier)
    if since is not None and plateau_since(values[:-1], earlier) is None:
        lines.append(
            f"A plateau: nothing gained since {since:,} images. Longer training alone will hardly help; "
            f"the best snapshot so far is that of {best[0]:,} images, and it is kept."
        )
    return lines
