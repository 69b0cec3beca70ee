"""A first look at a run that is not made, for the tests of checks."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

from ganforge.diagnosis.before import Start
from ganforge.diagnosis.findings import Finding
from ganforge.recipes.catalog import recipe
from ganforge.training.opening_look import look_first
from ganforge.training.start import prepare
from ganforge.training.state import TrainingState

Plant = Callable[[TrainingState], Any]


def looked(name: str, plant: Plant = lambda state: nullcontext(), **settings: Any) -> tuple[Start, list[Finding]]:
    """plant: spoils the networks."""
    config, _, feed, state = prepare(recipe(name, **{"data": "digits", "device": "cpu"} | settings), lambda line: None)
    plant(state)
    return look_first(config, feed, state, ".")


def names(name: str, plant: Plant = lambda state: nullcontext(), **settings: Any) -> list[str]:
    return [finding.name for finding in looked(name, plant, **settings)[1]]


def tensors(state: TrainingState) -> Iterator[tuple[str, Any]]:
    yield from ((name, tensor.clone()) for name, tensor in state.tensors().items())
