"""When a step was not finite: replay it, without changing a weight, and say where the numbers were lost."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ganforge.base.runtime import widened
from ganforge.base.wording import pasted
from ganforge.config import Config
from ganforge.objectives.catalog import PENALTIES
from ganforge.objectives.losses import Terms
from ganforge.run.folder import RunFolder
from ganforge.training.accumulate import mean_terms, total_norm
from ganforge.training.adversarial import d_terms, g_terms
from ganforge.training.feed import Feed
from ganforge.training.state import TrainingState


class Fault(NamedTuple):
    """where: what is not finite, in words. network: G or D, whose settings are to blame; none where it is the data.
    term: of its loss, where one is known."""

    where: str
    network: str = ""
    term: str = ""


def explain(
    state: TrainingState, feed: Feed, candidates: Iterable[tuple[int, int]], folder: RunFolder, config: Config
) -> str:
    """A message that names the term, the layer, the last good checkpoint, and the setting to change.

    candidates: (nimg, step) at which the failed step may have begun.
    """
    fault, failed_nimg = None, state.nimg
    for nimg, step in candidates:
        if fault := next(faults(state, feed, nimg, step), None):
            failed_nimg = nimg
            break
    where = fault.where if fault else "no cause was found when the step was replayed"
    checkpoints = folder.all_checkpoints()
    saved = f"the last good checkpoint is {checkpoints[-1][1]}" if checkpoints else "there was no checkpoint yet"
    return (
        f"Training stopped in the step after {failed_nimg:,} images, because {where}; the network concerned was not "
        f"updated, and {saved}. {remedy(fault, config, folder)}"
    )


def remedy(fault: Fault | None, config: Config, folder: RunFolder) -> str:
    """A sentence on what to do, without its full stop."""
    if fault is None:
        again = (
            f"`ganforge resume {pasted(folder.path)}` repeats it; should it end so again, start a new run with a lower"
        )
        return f"{again} --lr (it is {config.lr:g})"
    if not fault.network:
        return "Going on would end the same way: mend the data, then start a new run"
    settings = ["d_lr" if fault.network == "D" and config.d_lr is not None else "lr"]
    end, end_share = "lr_end", config.lr_end
    if penalty := PENALTIES.get(fault.term):
        settings = [penalty.setting]
        end, end_share = "gamma_end", config.gamma_end if penalty.follows_gamma_end else None
    if (end_share or 0) > 1:
        settings.append(end)
    if penalty and penalty.may_be_lazy and config.penalty_interval > 1:
        settings.append("penalty_interval")
    lower = " or ".join(f"--{name.replace('_', '-')} (it is {value(config, name)})" for name in settings)
    return f"Going on would end the same way: start a new run with a lower {lower}"


def value(config: Config, name: str) -> str:
    number = getattr(config, name)
    return number if isinstance(number, str) else f"{number:g}"


def faults(state: TrainingState, feed: Feed, nimg: int, step: int) -> Iterator[Fault]:
    """What is not finite in one step with the present weights, in the order in which it is computed; part by part
    where gradients are accumulated, since the whole may not fit into memory."""
    d_batches, g_batch = feed.batches(nimg, step)
    options = feed.options(nimg, state)
    for name, network in (("G", state.G), ("D", state.D)):
        for parameter, weight in network.named_parameters():
            if not torch.isfinite(weight).all():
                yield Fault(f"the weight {parameter} of {name} is not finite", name)
    for batch in (part for whole in d_batches for part in whole.split(options.accumulate)):
        if not torch.isfinite(batch.reals).all():
            yield Fault("the data hold a number that is not finite")
        yield from layer_faults("G", state.G, batch.z, batch.labels, "its noise")
        with torch.no_grad():
            fakes = state.G(batch.z, batch.labels)
        yield from layer_faults("D", state.D, batch.reals, batch.labels, "real items")
        yield from layer_faults("D", state.D, fakes, batch.labels, "generated items")
        _, _, terms = d_terms(state.D, options, batch, fakes)
        yield from loss_faults("D", state.D, terms)
    for batch in g_batch.split(options.accumulate):
        fakes = state.G(batch.z, batch.labels)
        yield from loss_faults("G", state.G, g_terms(state.D, options, batch, fakes))


def loss_faults(name: str, network: nn.Module, terms: Terms) -> Iterator[Fault]:
    """What is not finite in a loss and its gradient."""
    means, loss = mean_terms(terms)
    for term, mean in means.items():
        if not torch.isfinite(mean):
            yield Fault(f"the term {term!r} of {name}'s loss is {mean.item()}", name, term)
    norms = {}
    for term, mean in means.items():
        grads = gradients(mean, network)
        for parameter, grad in grads.items():
            if not torch.isfinite(grad).all():
                where = f"the gradient of the term {term!r} of {name}'s loss is not finite in {name}'s {parameter}"
                yield Fault(where, name, term)
        norms[term] = total_norm([widened(grad) for grad in grads.values()]).item()
    largest = max(norms, key=lambda term: norms[term])
    whole = f"the gradient of {name}'s loss, to which its term {largest!r} gives most,"
    grads = gradients(loss, network)
    for parameter, grad in grads.items():
        if not torch.isfinite(grad).all():
            yield Fault(f"{whole} is not finite in {name}'s {parameter}", name, largest)
    if not torch.isfinite(loss + total_norm(list(grads.values()))):
        yield Fault(f"{whole} is too large to be squared", name, largest)


def gradients(of: Tensor, network: nn.Module) -> dict[str, Tensor]:
    """By the network's parameters; zeros for those that it does not depend on. The graph is kept."""
    named = dict(network.named_parameters())
    found = torch.autograd.grad(of, list(named.values()), retain_graph=True, allow_unused=True, materialize_grads=True)
    return dict(zip(named, found, strict=True))


@torch.no_grad()
def layer_faults(name: str, network: nn.Module, inputs: Tensor, labels: Tensor | None, what: str) -> Iterator[Fault]:
    """The first layer of a network, in the order of computing, whose output is not finite."""
    found: list[str] = []

    def look(label: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def hook(module: nn.Module, args: object, output: Tensor) -> None:
            if not found and not torch.isfinite(output).all():
                found.append(f"the layer {label} ({type(module).__name__}) of {name} is not finite for {what}")

        return layer.register_forward_hook(hook)

    handles = [look(label, layer) for label, layer in network.named_modules() if not list(layer.children())]
    try:
        network(inputs, labels)
    finally:
        for handle in handles:
            handle.remove()
    yield from (Fault(text, name) for text in found)
