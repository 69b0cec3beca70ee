"""Figures while training: each snapshot is judged by a cheap protocol, and what the series means is printed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganforge.base.errors import UserError
from ganforge.base.stopping import poll
from ganforge.config import Config
from ganforge.data.dataset import Dataset
from ganforge.metrics.fakes import Task, asked_classes, fakes_in_chunks, looked_at, shares
from ganforge.metrics.features import Extractor
from ganforge.metrics.judge import NUM_REALS_CHEAP, Judge, Plan, usual_extractors
from ganforge.metrics.trend import best_so_far, is_far_worse, plateau_since, series, short
from ganforge.networks.generate import generate
from ganforge.training.feed import Feed

MAX_PICTURES, MAX_NUMBERS = 2_000, 1 << 26
"""Pictures to learn from, and numbers in them, up to which the figures of copying are measured while training, too."""


def prepare_judge(config: Config, dataset: Dataset, device: torch.device, say: Callable[[str], None]) -> Judge | None:
    """The judge of a run's snapshots; None where the settings ask for none, or the data cannot be judged by."""
    if config.metric_samples == 0:
        return None
    try:
        plan = Plan(
            names=usual_extractors(dataset)[:1], num_fakes=config.metric_samples, num_reals=NUM_REALS_CHEAP,
            kernel_subsets=0,
        )  # fmt: skip
        return Judge(dataset, few_held_out(dataset), device, plan)
    except UserError as error:
        say(f"No figures while training: {error}")
        return None


def few_held_out(dataset: Dataset) -> Dataset | None:
    """What was set aside, where there are so few pictures that they may be learned by heart, and that looking for
    copies costs little; else None, and `ganforge evaluate` looks for them."""
    is_small = dataset.count <= MAX_PICTURES and dataset.items.numel() <= MAX_NUMBERS
    return dataset.held_out if is_small else None


def measure(judge: Judge, G: nn.Module, config: Config, nimg: int, feed: Feed) -> dict[str, Any]:
    """The record of one state of G, always from the same z. Other processes ``help_measure`` meanwhile."""
    subject = {"kind": "training", "name": f"{config.recipe} on {feed.dataset.name}"}
    count = judge.protocol.num_fakes
    asked = asked_classes(feed.dataset, count, **_told(config, feed))
    return judge.judge(fakes(G, config, count, feed), subject, nimg, feed.processes, asked)


def help_measure(task: Task, extractors: Sequence[Extractor], G: nn.Module, config: Config, feed: Feed) -> None:
    """Make and look at this process's share of the items that the first one measures."""
    for _ in looked_at(task, extractors, fakes(G, config, task.count, feed), feed.processes):
        poll()


def fakes(G: nn.Module, config: Config, count: int, feed: Feed) -> Iterator[Tensor]:
    """The items that a state of G is judged by: this process's of so many."""
    dataset = feed.dataset
    return fakes_in_chunks(
        lambda z, labels: generate(G, z, labels, feed.device), dataset, shares(count, feed.processes),
        noise=config.noise, z_dim=config.z_dim, **_told(config, feed),
    )  # fmt: skip


def _told(config: Config, feed: Feed) -> dict[str, Any]:
    """What decides the classes that G is told."""
    num_classes = feed.dataset.num_classes if config.conditional else 0
    return {"num_classes": num_classes, "seed": config.seed, "purpose": "metrics"}


def say_what_it_means(rows: list[dict[str, Any]], removed: Sequence[dict[str, Any]] = ()) -> list[str]:
    """Lines for the person about the newest of the run's records. Why figures are missing is said once, until others
    are. removed: records that are not in the log any more, of snapshots that are still there."""
    rows = [row for row in rows if {"headline", "notes"} <= row.keys()]
    if not rows:
        return []
    row, so_far = rows[-1], best_so_far([*removed, *rows])
    news = missing(row) if len(rows) == 1 or missing(row) - missing(rows[-2]) else set()
    if row["headline"] is None or so_far is None:
        return [f"No figure at {row['nimg']:,} images: {' '.join(row['notes'])}"] if news else []
    lines = [f"Not every figure can be read: {' '.join(row['notes'])}"] if news else []
    now = f"{so_far.name} {row['figures'][so_far.name]['value']:.4g} at {row['nimg']:,} images"
    took = f"measured in {row['seconds']:.2f} s"
    if so_far.count == 1:
        floor = "" if so_far.floor is None else f"floor, of fresh real pictures: {short(so_far.floor)}; "
        lines.append(f"{now}, the first measurement (lower is better; {floor}{took})")
    else:
        lines.append(f"{now} ({took}). {so_far.summary()}")
    values = series(rows)
    earlier = [pair for pair in series([*removed, row])[:-1] if pair[0] < row["nimg"]]
    since = plateau_since(values, so_far.floor, earlier)
    if since is not None and plateau_since(values[:-1], so_far.floor, earlier) is None:
        best = f"the best snapshot so far is that of {so_far.best[0]:,} images, and it is kept."
        lines.append(
            f"A plateau: nothing gained since {since:,} images. Longer training alone will hardly help; "
            f"{best if so_far.gained else 'no snapshot is better than the first that was measured.'}"
        )
    return lines


def worth_going_back(records: list[dict[str, Any]], now: dict[str, Any], say: Callable[[str], None]) -> int | None:
    """nimg of the best of a run's records, where what G makes now is far worse; else None. now: the record of that."""
    value, found = series([now]), best_so_far([*records, now])
    if found is None or not value:
        say(f"What G makes now has no figure, so that nobody can say whether to go back: {' '.join(now['notes'])}")
        return None
    if not is_far_worse(value[0][1], found.best[1], found.floor):
        return None
    say(f"{found.name} is {short(value[0][1])} now; at {found.best[0]:,} images it was {short(found.best[1])}.")
    return found.best[0]


def missing(row: dict[str, Any]) -> set[str]:
    """The figures of a record that cannot be read, by name, and its headline ("") where it has none."""
    figures = row.get("figures")
    names = figures.items() if isinstance(figures, dict) else ()
    unread = {name for name, figure in names if isinstance(figure, dict) and figure.get("value") is None}
    return unread | ({""} if row["headline"] is None else set())
