"""Whether the gradients of what is being computed will themselves be differentiated, as a penalty on D's slope does.

Layers that can be made quicker for that (``networks.double_backward``) ask; without it they are PyTorch's own, whose
gradients are quicker as long as nobody differentiates them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TWICE = ContextVar("twice", default=False)


@contextmanager
def differentiated_twice(wanted: bool = True) -> Iterator[None]:
    """In the context, what networks compute is for gradients that will be differentiated, if ``wanted``. The numbers
    are the same outside of it, up to rounding, and take longer."""
    token = _TWICE.set(wanted)
    try:
        yield
    finally:
        _TWICE.reset(token)


def are_differentiated_twice() -> bool:
    return _TWICE.get()
