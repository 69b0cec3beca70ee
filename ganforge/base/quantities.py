"""The types of settings: numbers within limits, also as people type them, and names."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ganforge.base.sizes import parse_count


def _whole(value: Any) -> Any:
    """A whole number as people type it; True is none."""
    if isinstance(value, str) and (count := parse_count(value)) is not None:
        return count
    return _number(value)


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("bool", "it should be a number")
    return value


WHOLE, REAL = BeforeValidator(_whole), BeforeValidator(_number)
"""To stand last in ``Annotated``, so that the limits are the number's own: they are told exactly then."""
Count = Annotated[int, Field(gt=0, lt=2**63), WHOLE]
"""A number of things, at least one."""
Width = Annotated[int, Field(gt=0, le=65_536), WHOLE]
"""Numbers in a layer; the limit turns a slip of the finger into a message instead of an exhausted machine."""
Widths = Annotated[tuple[Width, ...], Field(max_length=64)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), REAL]
Beta = Annotated[float, Field(ge=0, lt=1), REAL]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False), REAL]
Gamma = Weight | Literal["auto"]
"""A weight, or the one that suits the data."""


def _checked(text: str) -> str:
    if len(text) > 4096 or "\0" in text:
        raise PydanticCustomError("text", "it should hold at most 4,096 characters, and none of them NUL")
    return text


Text = Annotated[str, AfterValidator(_checked)]
"""A name or a path: no system has longer ones."""
