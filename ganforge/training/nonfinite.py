"""When a step was not finite: replay it, without changing a weight, and say where the numbers were lost."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from ganforge.objectives.losses import Terms
from ganforge.run.folder import RunFolder
from ganforge.training.adversarial import d_terms, g_terms, mean_terms, total_norm
from ganforge.training.setup import Game
from ganforge.training.state import TrainingState


def explain(state: TrainingState, game: Game, candidates: Iterable[tuple[int, int]], folder: RunFolder) -> str:
    """A message that names the term, the layer and the last good checkpoint.

    candidates: (nimg, step) at which the failed step may have begun.
    """
    where = "no cause was found when the step was replayed"
    failed_nimg = state.nimg
    for nimg, step in candidates:
        if found := next(faults(state, game, nimg, step), None):
            where, failed_nimg = found, nimg
            break
    checkpoints = folder.all_checkpoints()
    saved = f"the last good checkpoint is {checkpoints[-1][1]}" if checkpoints else "there was no checkpoint yet"
    return (
        f"Training stopped in the step after {failed_nimg:,} images, because {where}; the network concerned was not "
        f"updated, and {saved}. "
        "Going on would end the same way: start a new run with a lower --lr."
    )


def faults(state: TrainingState, game: Game, nimg: int, step: int) -> Iterator[str]:
    """What is not finite in one step with the present weights, in the order in which it is computed; part by part
    where gradients are accumulated, since the whole may not fit into memory."""
    d_batches, g_batch = game.batches(nimg, step)
    rules = game.rules(nimg, state)
    for name, network in (("G", state.G), ("D", state.D)):
        for parameter, weight in network.named_parameters():
            if not torch.isfinite(weight).all():
                yield f"the weight {parameter} of {name} is not finite"
    for batch in (part for whole in d_batches for part in whole.split(rules.accumulate)):
        if not torch.isfinite(batch.reals).all():
            yield "the data hold a number that is not finite"
        yield from layer_faults("G", state.G, batch.z, batch.labels, "its noise")
        with torch.no_grad():
            fakes = state.G(batch.z, batch.labels)
        yield from layer_faults("D", state.D, batch.reals, batch.labels, "real items")
        yield from layer_faults("D", state.D, fakes, batch.labels, "generated items")
        _, _, terms = d_terms(state.D, rules, batch, fakes)
        yield from loss_faults("D", state.D, terms)
    for batch in g_batch.split(rules.accumulate):
        fakes = state.G(batch.z, batch.labels)
        yield from loss_faults("G", state.G, g_terms(state.D, rules, batch, fakes))


def loss_faults(name: str, network: nn.Module, terms: Terms) -> Iterator[str]:
    """What is not finite in a loss and its gradient."""
    means, loss = mean_terms(terms)
    for term, value in means.items():
        if not torch.isfinite(value):
            yield f"the term {term!r} of {name}'s loss is {value.item()}"
    grads = torch.autograd.grad(loss, list(network.parameters()))
    for (parameter, _), grad in zip(network.named_parameters(), grads, strict=True):
        if not torch.isfinite(grad).all():
            yield f"the gradient of {name}'s loss (terms: {', '.join(means)}) is not finite in {name}'s {parameter}"
    if not torch.isfinite(total_norm(grads)):
        yield f"the gradient of {name}'s loss (terms: {', '.join(means)}) is too large to be squared"


@torch.no_grad()
def layer_faults(name: str, network: nn.Module, inputs: Tensor, labels: Tensor | None, what: str) -> Iterator[str]:
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
    yield from found
