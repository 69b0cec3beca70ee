"""A stand-in for an Apple GPU: tensors that say that they are on it, of which the CPU computes the numbers."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

CROSSES = ("_to_copy", "copy_", "index")
"""What may be given tensors of two devices: copies, and rows that are chosen by numbers of the CPU's."""


class There(Tensor):
    """A tensor on the stand-in. held: its numbers, on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "There":
        if held.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64")
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.shape, strides=held.stride(), dtype=held.dtype, device="mps"
        )

    def __init__(self, held: Tensor) -> None:
        self.held = held

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class AppleGpu(TorchDispatchMode):
    """In the context there is a device "mps". As on a real one, float64 raises TypeError, and an operation between its
    tensors and the CPU's RuntimeError. It knows no other limit of the real one's."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


def computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What an operation gives, where it would give it."""
    flat, spec = tree_flatten((args, kwargs))
    there = [one for one in flat if isinstance(one, There)]
    here = [one for one in flat if isinstance(one, Tensor) and not isinstance(one, There)]
    crosses = func.name().removeprefix("aten::").partition(".")[0] in CROSSES
    if there and not crosses and (away := [one for one in here if one.dim()]):
        raise RuntimeError(f"{func.name()}: expected all tensors to be on the same device, mps, not {away[0].device}")
    if there and crosses and kwargs.get("dtype") == torch.float64:
        There(torch.empty(0, dtype=torch.float64))  # the type is changed there, and the result copied
    args, kwargs = tree_unflatten([one.held if isinstance(one, There) else one for one in flat], spec)
    asked = kwargs.get("device")
    is_there = bool(there) if asked is None else torch.device(asked).type == "mps"
    made = func(*args, **(kwargs if asked is None else kwargs | {"device": torch.device("cpu")}))
    same = {id(one.held): one for one in there} | {id(one): one for one in here}

    def placed(tensor: Tensor) -> Tensor:
        return same[id(tensor)] if id(tensor) in same else There(tensor) if is_there else tensor

    return tree_map_only(Tensor, placed, made)
