"""What the files of a run tell of it beside tensors and settings, checked: it may have come from anywhere."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from ganforge.base.errors import UserError
from ganforge.base.sizes import LARGEST_SIDE, is_point

MAX_CHANNELS = 4

Whole = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
OrNone = Annotated[int, Field(strict=True, ge=-1, lt=2**63)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class DataFacts(BaseModel):
    """Of the data in config.json, what networks depend on."""

    shape: tuple[Whole, ...]
    num_classes: Whole = 0


class SnapshotFacts(BaseModel):
    """What the file of a snapshot tells beside its format."""

    nimg: Whole
    shape: tuple[Whole, ...]
    num_classes: Whole = 0
    class_names: tuple[str, ...] = ()
    settings: dict[str, Any]
    mended: tuple[dict[str, Any], ...] = ()

    def fits(self) -> bool:
        """Are the shape and the classes ones that there are?"""
        return is_shape(self.shape) and len(self.class_names) in (0, self.num_classes)


class Counters(BaseModel):
    """As ``training.state.TrainingState`` has them."""

    step: Whole
    nimg: Whole
    reported_nimg: OrNone
    measured_nimg: OrNone
    elapsed_sec: Seconds


def is_shape(shape: tuple[int, ...]) -> bool:
    """Is it that of pictures, (C, H, W), or of points, (2,)?"""
    channels, *sides = shape or (0,)
    is_picture = 0 < channels <= MAX_CHANNELS and len(sides) == 2 and all(0 < side <= LARGEST_SIDE for side in sides)
    return is_picture or is_point(shape)


def counters_in(facts: dict[str, Any]) -> Counters:
    """What a checkpoint's facts say of how far training had come. Raises UserError where they do not."""
    try:
        return Counters.model_validate(facts)
    except ValidationError:
        raise UserError(
            f"The checkpoint does not tell {', '.join(Counters.model_fields)} as ganforge writes them; remove it to "
            "go on from the one before it."
        ) from None
