"""One step that is only tried: what it would do, worked out on a few items, with nothing changed by it."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter

import torch
from torch import Tensor, nn

from ganforge.base.runtime import is_out_of_memory
from ganforge.base.stopping import Stopped
from ganforge.base.terminal import printable
from ganforge.diagnosis.before import Tried
from ganforge.networks.generate import generate
from ganforge.training.accumulate import mean_terms, total_norm
from ganforge.training.adversarial import d_terms, g_terms
from ganforge.training.feed import Feed
from ganforge.training.state import TrainingState

MOST_ITEMS, MOST_NUMBERS = 16, 1 << 15
"""Items that are tried, and numbers in them; 2 at the least. A few tell as much as a batch, far sooner."""
ALONE = 2
"""Pictures that are made alone and among others."""
ENDS = {"Sigmoid": (0.0, 1.0), "Tanh": (-1.0, 1.0), "Softmax": (0.0, 1.0), "Hardtanh": (-1.0, 1.0)}
"""The bounds of functions, by the name of their node in a graph of gradients."""
WEIGHTED = ("Addmm", "Mm", "Bmm", "Linear", "Convolution", "NativeBatchNorm", "CudnnBatchNorm", "EmbeddingBackward")
"""Nodes behind which a network's last layer is passed."""
LONGEST_ERROR = 300
NO_MEMORY = "there is not enough memory; end what else uses it, or take a smaller --batch-size"


def try_step(state: TrainingState, feed: Feed) -> tuple[Tried | None, str]:
    """What the first step would do, and no words; or None, and why it cannot be computed.

    Weights, moments, buffers, modes and random numbers are afterwards as they were.
    """
    with unchanged(state.G, state.D):
        try:
            return _tried(state, feed), ""
        except Stopped:
            raise
        except Exception as error:  # whatever networks and losses of anybody's raise
            if not is_out_of_memory(error) and frozen(state):
                return Tried(_weights(state), unreached=frozen(state)), ""
            return None, NO_MEMORY if is_out_of_memory(error) else shown(error)


def _tried(state: TrainingState, feed: Feed) -> Tried:
    G, D = state.G, state.D
    d_batches, g_batch = feed.batches(state.nimg, state.step)
    options = replace(feed.options(state.nimg, state), accumulate=1)
    few = max(2, min(MOST_ITEMS, MOST_NUMBERS // d_batches[0].reals[0].numel(), len(d_batches[0].reals)))
    d_batch, g_batch = (batch.each(itemgetter(slice(few))) for batch in (d_batches[0], g_batch))
    g_params, d_params = list(G.parameters()), list(D.parameters())
    with counted([*g_params, *d_params]) as kept, answers_of(D) as answers:
        fakes = G(g_batch.z, g_batch.labels)
        g_ends = bounds(fakes)
        g_grads = gradients(mean_terms(g_terms(D, options, g_batch, fakes))[1], g_params)
    up = gradients(answers[-1].mean(), g_params)
    d_ends = bounds(answers.pop())
    answers.clear()
    real_logits, fake_logits, terms = d_terms(D, options, d_batch, fakes.detach())
    loss = mean_terms(terms)[1]
    both = gradients(loss, [*d_params, *g_params])
    d_grads, leaks = both[: len(d_params)], both[len(d_params) :]
    unreached = [*frozen(state), *_none("G", G, g_grads), *_none("D", D, d_grads)]
    silent = [name for name, grads in (("G", g_grads), ("D", d_grads)) if _norm(grads) == 0]
    batch = len(d_batches[0].reals) // feed.options(state.nimg, state).accumulate
    weights = _weights(state)
    return Tried(
        weights,
        list(dict.fromkeys(unreached)),
        silent,
        astray(state, leaks),
        _cosine([None if grad is None else -grad for grad in g_grads], up),
        _spread(real_logits),
        _spread(fake_logits),
        d_ends,
        g_ends,
        apart(state, feed, g_batch.z, g_batch.labels),
        kept[0] * batch // few + 4 * sum(weights.values()),
    )


def shown(error: Exception) -> str:
    """In one line."""
    first = str(error).strip().partition("\n")[0]
    return printable(f"{type(error).__name__}: {first[:LONGEST_ERROR]}")


@contextlib.contextmanager
def unchanged(*networks: nn.Module) -> Iterator[None]:
    """Leave the networks' buffers and modes, and the random numbers to come, as they were. On a CPU, what is computed
    here is so little that threads would wait for each other, and for other programs, longer than they work."""
    buffers = [(buffer, buffer.clone()) for network in networks for buffer in network.buffers()]
    modes = [(layer, layer.training) for network in networks for layer in network.modules()]
    devices = {tensor.device for network in networks for tensor in network.parameters()}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[device for device in devices if device.type == "cuda"]):
            yield
    finally:
        torch.set_num_threads(threads)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for layer, was_training in modes:
            layer.training = was_training


@contextlib.contextmanager
def counted(weights: list[nn.Parameter]) -> Iterator[list[int]]:
    """[bytes] of what the graphs made in the context keep for their gradients, but the weights."""
    kept, seen = [0], {weight.untyped_storage().data_ptr() for weight in weights}

    def keep(tensor: Tensor) -> Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in seen:
            seen.add(place)
            kept[0] += tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield kept


@contextlib.contextmanager
def answers_of(D: nn.Module) -> Iterator[list[Tensor]]:
    """What D answers in the context, with its graph, so that it need not be asked again."""
    answers: list[Tensor] = []
    hook = D.register_forward_hook(lambda network, given, answer: answers.append(answer))
    try:
        yield answers
    finally:
        hook.remove()


def gradients(value: Tensor, params: list[nn.Parameter]) -> list[Tensor | None]:
    """By each parameter; None where the value does not depend on it, or it is frozen. The graph stays."""
    wanted = [param for param in params if param.requires_grad]
    if not wanted or not value.requires_grad:
        return [None] * len(params)
    found = iter(torch.autograd.grad(value, wanted, allow_unused=True, retain_graph=True))
    return [next(found) if param.requires_grad else None for param in params]


def frozen(state: TrainingState) -> list[str]:
    """`layers.0.weight of G`, for each parameter that takes no gradient."""
    named = [(name, one) for name, network in (("G", state.G), ("D", state.D)) for one in network.named_parameters()]
    return [f"{parameter} of {name}" for name, (parameter, weight) in named if not weight.requires_grad]


def astray(state: TrainingState, leaks: list[Tensor | None]) -> list[str]:
    """What a step would move and should not, or should and would not. leaks: D's loss by G's parameters."""
    reached = zip(state.G.named_parameters(), leaks, strict=True)
    found = [f"D's loss reaches {name} of G" for (name, _), leak in reached if leak is not None]
    for name, network, optimizer in (("G", state.G, state.G_opt), ("D", state.D, state.D_opt)):
        moved = {id(param) for param in optimizer.params}
        own = dict(network.named_parameters())
        found += [f"no step moves {one} of {name}" for one, param in own.items() if id(param) not in moved]
        if strange := moved - {id(param) for param in own.values()}:
            found.append(f"{name}'s steps move {len(strange):,} tensors that are not of {name}")
    return found


def bounds(made: Tensor) -> tuple[float, float] | None:
    """Of the last function that made these numbers, if it keeps to any: found in the graph, before the last weights."""
    waiting, seen = [made.grad_fn], 0
    while waiting and seen < 32:
        node = waiting.pop(0)
        seen += 1
        if node is None or node.name().startswith(WEIGHTED):
            continue
        for function, ends in ENDS.items():
            if node.name().startswith(f"{function}Backward"):
                return ends
        if not node.name().startswith(("Sum", "Mul", "Mean")):
            waiting += [one for one, _ in node.next_functions]
    return None


@torch.no_grad()
def apart(state: TrainingState, feed: Feed, z: Tensor, labels: Tensor | None) -> float:
    """The largest difference between pictures of the same z made alone and among others, as a share of 2."""
    z = z[:ALONE]
    together, alone = (
        generate(state.G, part, None if labels is None else labels[: len(part)], feed.device, batch_size=ALONE)
        for part in (z, z[:1])
    )
    difference = (together[:1] - alone).abs().max().item() / 2
    return difference if math.isfinite(difference) else 0.0


def _weights(state: TrainingState) -> dict[str, int]:
    return {name: sum(p.numel() for p in network.parameters()) for name, network in (("G", state.G), ("D", state.D))}


def _none(name: str, network: nn.Module, grads: list[Tensor | None]) -> list[str]:
    named = zip(network.named_parameters(), grads, strict=True)
    return [f"{parameter} of {name}" for (parameter, _), grad in named if grad is None]


def _norm(grads: list[Tensor | None]) -> float:
    there = [grad for grad in grads if grad is not None]
    return total_norm(there).item() if there else 0.0


def _cosine(one: list[Tensor | None], other: list[Tensor | None]) -> float:
    """Between two gradients; 1 where one of them is none, 0 or not finite."""
    pairs = [(a.flatten(), b.flatten()) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    size = _norm([a for a, _ in pairs]) * _norm([b for _, b in pairs])
    product = sum(torch.dot(a, b).item() for a, b in pairs)
    return product / size if size > 0 and math.isfinite(product / size) else 1.0


def _spread(logits: Tensor) -> tuple[float, float]:
    values = logits.detach().float()
    return values.mean().item(), values.std(correction=0).item()
