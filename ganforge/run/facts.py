"""The numbers in a checkpoint that are no tensors."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from ganforge.base.errors import UserError

Whole = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
OrNone = Annotated[int, Field(strict=True, ge=-1, lt=2**63)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class Counters(BaseModel):
    """As ``training.state.TrainingState`` has them."""

    step: Whole
    nimg: Whole
    reported_nimg: OrNone
    measured_nimg: OrNone
    elapsed_sec: Seconds


def counters_in(facts: dict[str, Any]) -> Counters:
    """What a checkpoint's facts say of how far training had come. Raises UserError where they do not."""
    try:
        return Counters.model_validate(facts)
    except ValidationError:
        raise UserError(
            f"The checkpoint does not tell {', '.join(Counters.model_fields)} as ganforge writes them; take it away to "
            "go on from the one before it."
        ) from None
