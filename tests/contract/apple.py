"""A stand-in for an Apple GPU: tensors that say that they are on it, of which the CPU computes the numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

CPU, MPS, INSIDE = torch.device("cpu"), torch.device("mps:0"), torch.device("meta:1")
"""INSIDE: where PyTorch's own code takes the tensors to be, as it may not be built for MPS; what is on the meta device
without a number is on that."""
CROSSES = ("_to_copy", "copy_", "index")
"""What may be given tensors of two devices: copies, and rows that are chosen by numbers of the CPU's."""


class There(Tensor):
    """A tensor on the stand-in. held: its numbers, on the CPU. Raises TypeError for float64, as the real one does."""

    held: Tensor
    device = property(lambda _: MPS)  # type: ignore[assignment]
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, held: Tensor) -> "There":
        if held.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64")
        return Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.shape, strides=held.stride(), dtype=held.dtype, device=INSIDE
        )

    def __init__(self, held: Tensor) -> None:
        self.held = held

    # Of numbers that Python holds PyTorch's own code would make tensors on INSIDE.
    def __getitem__(self, at: Any) -> Tensor:
        return super().__getitem__(torch.tensor(at) if isinstance(at, list) else at)

    def new_tensor(self, numbers: Any) -> Tensor:  # type: ignore[override]
        return torch.tensor(numbers, dtype=self.dtype).to(MPS)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{func.name()}: the stand-in is gone")


class Computes(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What an operation gives, on the device where it would."""
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:
                return func.decompose(*args, **(kwargs or {}))
        kwargs = kwargs or {}
        flat, spec = tree_flatten((args, kwargs))
        there = [one for one in flat if isinstance(one, There)]
        here = [one for one in flat if isinstance(one, Tensor) and not isinstance(one, There)]
        crosses = func.name().removeprefix("aten::").partition(".")[0] in CROSSES
        if there and not crosses and (away := [one for one in here if one.dim()]):
            raise RuntimeError(f"{func.name()}: tensors should be on one device, not on mps and {away[0].device}")
        assert not (there and any(one.is_meta for one in here)), f"{func.name()}: a tensor of INSIDE, without numbers"
        if there and crosses and kwargs.get("dtype") == torch.float64:
            There(torch.empty(0, dtype=torch.float64))  # the real one changes the type before it copies
        outside = args
        args, kwargs = tree_unflatten([one.held if isinstance(one, There) else one for one in flat], spec)
        asked = kwargs.get("device")
        is_there = bool(there) if asked is None else torch.device(asked) in (MPS, INSIDE)
        made = func(*args, **(kwargs | {"device": CPU} if asked is not None and is_there else kwargs))
        if any(one.shape != one.held.shape for one in there):  # by squeeze_, say
            with torch._C._DisableTorchDispatch():
                func(*outside)
        given = {id(one.held): one for one in there} | {id(one): one for one in here}
        return tree_map_only(Tensor, lambda one: given.get(id(one), There(one) if is_there else one), made)


@contextmanager
def apple_gpu() -> Iterator[None]:
    """In the context there is a device "mps:0". An operation between its tensors and the CPU's raises RuntimeError.
    It knows none of the real one's other limits, and no autocast."""
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # as between any devices that share no memory
    try:
        with pytest.MonkeyPatch.context() as patch, Computes():
            patch.setattr(torch, "inference_mode", torch.no_grad)  # whose tensors cannot be parts of others here
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)
