"""Fine-tuning: a new run whose networks start from the weights of another one, not from chance.

This does not resume a run: the new one has its own folder, counts from 0, and its optimizers are fresh. Pictures may
have other channels or another size than those that the weights were made for; classes may be others, too. What then
fits is taken, the layers that touch the pictures are adapted to other channels, and the rest starts fresh.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.run.checkpoint import load_newest_checkpoint, part_of
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import load_snapshot
from ganforge.run.stored_facts import DataFacts, counters_in, is_shape
from ganforge.training.state import TrainingState

Weights = dict[str, Tensor]
"""A network's parameters and buffers by name: its state_dict."""
LAYER = re.compile(r"^layers\.([0-9]{1,9})\.")


@dataclass(frozen=True)
class Items:
    """What networks make or judge. shape: (C, H, W), or (2,) for points. num_classes: 0 for unconditional networks."""

    shape: tuple[int, ...]
    num_classes: int


@dataclass(frozen=True)
class Source:
    """Where weights come from.

    path: the file.
    settings: of the run that made it, as JSON gives them.
    nimg: real pictures that D had seen.
    G_for_sampling: what makes the pictures: the moving average of G, or G where the run has none.
    G, D: as they were in training; None where the source is a snapshot.
    complaints: a sentence for each newer checkpoint that is damaged.
    """

    path: Path
    settings: dict[str, Any]
    items: Items
    nimg: int
    G_for_sampling: Weights
    G: Weights | None = None
    D: Weights | None = None
    complaints: Sequence[str] = ()


@dataclass
class Fitting:
    """One network's weights, fitted to another shape, and the names of those that were taken as they are, were adapted
    to the number of channels or classes, and stay fresh."""

    weights: Weights = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    adapted: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)


def read_source(path: Path) -> Source:
    """A snapshot file; or a run folder's newest checkpoint, or its newest snapshot where it has no checkpoint.

    Runs no code from the file. Raises UserError where there is neither, or it is damaged.
    """
    if path.is_dir():
        folder = RunFolder(path)
        stored = folder.read_config()
        tensors, facts, complaints = load_newest_checkpoint(folder)
        if tensors:
            nimg = counters_in(facts).nimg
            G, D, G_ema = (part_of(tensors, name) for name in ("G", "D", "G_ema"))
            path, items = folder.checkpoint(nimg), items_of(stored, folder)
            return Source(path, stored["settings"], items, nimg, G_ema or G, G, D, list(complaints.values()))
    snapshot = load_snapshot(path)
    items = Items(snapshot.shape, snapshot.num_classes)
    return Source(snapshot.path, snapshot.settings, items, snapshot.nimg, snapshot.weights)


def items_of(stored: dict[str, Any], folder: RunFolder) -> Items:
    """What config.json says of the data. Raises UserError where it does not."""
    try:
        told = DataFacts.model_validate(stored["data"])
        if not is_shape(told.shape):
            raise ValueError(told.shape)
        return Items(told.shape, told.num_classes if stored["settings"].get("conditional") is True else 0)
    except (KeyError, ValueError):
        raise UserError(f"{folder.config} does not tell the data's shape and classes; put back a copy of it.") from None


def warm_start(state: TrainingState, source: Source, items: Items) -> str:
    """Fill the networks of a fresh state; returns what there is to say about it.

    G starts from the source's G, and the moving average from what made the source's pictures. Without a moving average
    G starts from the latter, so that in either case the new run's first pictures are the source's. D starts from the
    source's, or fresh where the source is a snapshot, which has none. items: of the new run.

    Raises UserError where nothing of G can be taken over; the state is then as it was.
    """
    was = source.items
    if len(items.shape) != len(was.shape):
        kinds = ["points" if len(each.shape) == 1 else "pictures" for each in (was, items)]
        raise UserError(f"{source.path} makes {kinds[0]}, and the data are {kinds[1]}; start from another, or fresh.")
    first = source.G if state.G_ema is not None and source.G is not None else source.G_for_sampling
    fitted = {state.G: fit(first, state.G.state_dict(), was, items, outputs=True)}
    said = [f"G {describe(fitted[state.G], was, items)}"]
    if not fitted[state.G].taken and not fitted[state.G].adapted:
        raise UserError(f"No layer of the G in {source.path} fits the new one; start from another, or fresh.")
    if state.G_ema is not None:
        fitted[state.G_ema] = fit(source.G_for_sampling, state.G_ema.state_dict(), was, items, outputs=True)
    if source.D is not None:
        fitted[state.D] = fit(source.D, state.D.state_dict(), was, items, outputs=False)
        said.append(f"D {describe(fitted[state.D], was, items)}")
    else:
        said.append("D is fresh, since a snapshot has none")
    for network, fitting in fitted.items():
        network.load_state_dict(fitting.weights)
    passed_over = "".join(f"{complaint} Starting from the one before it. " for complaint in source.complaints)
    return f"{passed_over}From {source.path} ({source.nimg:,} images): {'; '.join(said)}"


def describe(fitting: Fitting, was: Items, items: Items) -> str:
    """14 tensors taken, 2 adapted (1 -> 3 channels), 3 fresh: start.weight, ..."""
    text = f"{len(fitting.taken)} tensors taken"
    if fitting.adapted:
        counts = (("channels", was.shape[0], items.shape[0]), ("classes", was.num_classes, items.num_classes))
        changes = ", ".join(f"{before} -> {now} {what}" for what, before, now in counts if before != now)
        text += f", {len(fitting.adapted)} adapted ({changes})"
    if fitting.fresh:
        more = ", ..." if len(fitting.fresh) > 3 else ""
        text += f", {len(fitting.fresh)} fresh: {', '.join(fitting.fresh[:3])}{more}"
    return text


def fit(old: Weights, fresh: Weights, was: Items, items: Items, *, outputs: bool) -> Fitting:
    """``old`` weights, of a network for what ``was``, in one for ``items`` whose fresh weights are ``fresh``.

    outputs: True for a G, whose last layer makes the pictures, False for a D, whose first layer reads them. A tensor is
    taken where name, type and shape are the same, after a G's layers have been counted from the picture, since another
    size has more or fewer of them before. Numbers that are not finite are not taken.
    """
    done = Fitting()
    old = counted_from_the_end(old, fresh) if outputs else old
    for name, new in fresh.items():
        given = old.get(name)
        fitting, kind = new, done.fresh
        if given is not None and given.dtype == new.dtype and bool(given.isfinite().all()):
            given = given.to(new.device)
            if given.shape == new.shape:
                fitting, kind = given, done.taken
            elif (adapted := other_channels(given, new, was, items, outputs=outputs)) is not None or (
                outputs and (adapted := other_classes(given, new, was, items)) is not None
            ):
                fitting, kind = adapted, done.adapted
        done.weights[name] = fitting
        kind.append(name)
    return done


def counted_from_the_end(old: Weights, fresh: Weights) -> Weights:
    """`layers.6.weight` -> `layers.3.weight`, where the new network has three layers fewer."""
    shift = last_layer(fresh) - last_layer(old)
    return {LAYER.sub(lambda found: f"layers.{int(found[1]) + shift}.", name): tensor for name, tensor in old.items()}


def last_layer(weights: Weights) -> int:
    """The highest number among the names `layers.<number>. ...`; 0 where there is none."""
    return max((int(found[1]) for name in weights if (found := LAYER.match(name))), default=0)


def other_classes(old: Tensor, new: Tensor, was: Items, items: Items) -> Tensor | None:
    """The weights of a G's first layer, [features, z_dim + what it is told of the class], for another number of
    classes: those for z are taken, those for the classes start fresh. None where it is not such a layer."""
    if was.num_classes == items.num_classes or old.dim() != 2 or new.dim() != 2 or len(old) != len(new):
        return None
    z_dim = min(old.shape[1], new.shape[1])  # where one of them is told no class
    if was.num_classes and items.num_classes:
        z_dim = old.shape[1] - was.num_classes
        if z_dim < 1 or new.shape[1] != z_dim + items.num_classes:
            return None
    return torch.cat([old[:, :z_dim], new[:, z_dim:]], dim=1)


def other_channels(old: Tensor, new: Tensor, was: Items, items: Items, *, outputs: bool) -> Tensor | None:
    """The weights of a layer that touches pictures, for another number of channels; None where it is not such a layer.

    It is one where a single dimension differs, and counts channels, or all numbers of a picture or of its rows, which
    lie channel by channel. From one channel to several: a G's weights are repeated, so that it goes on drawing grey
    pictures; a D's are repeated and divided by the number of channels, so that a grey picture gets the score it had
    (up to a factor in a spectrally normalised D). From several to one: a G's mean, a D's sum, for the same reasons.
    Between several and several, those that both have are taken, and others, such as transparency, start fresh.
    """
    (before, *old_sides), (now, *sides) = was.shape, items.shape
    differing = [dim for dim in range(min(old.dim(), new.dim())) if old.shape[dim] != new.shape[dim]]
    if before == now or old.dim() != new.dim() or len(differing) != 1:
        return None
    [dim] = differing
    lengths = (old.shape[dim], new.shape[dim])
    blocks = {1, sides[-1], math.prod(sides)} if sides and sides == old_sides else {1}
    block = next((block for block in blocks if lengths == (before * block, now * block)), 0)
    if not block or lengths == (was.num_classes, items.num_classes):
        return None
    per_channel = old.unflatten(dim, (before, block)).movedim(dim, 0)  # [channels, ..., block, ...]
    wanted = new.unflatten(dim, (now, block)).movedim(dim, 0).clone()
    if before == 1:
        wanted[:] = per_channel if outputs else per_channel / now
    elif now == 1:
        wanted[0] = per_channel.mean(0) if outputs else per_channel.sum(0)
    else:
        both = min(before, now)
        wanted[:both] = per_channel[:both]
    return wanted.movedim(0, dim).flatten(dim, dim + 1)
