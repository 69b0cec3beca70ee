"""The settings of the data: what is learned from, how it is prepared, and what is held out."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ganforge.base.errors import UserError
from ganforge.base.quantities import WHOLE, Text
from ganforge.base.section import Conflicts, Section
from ganforge.base.sizes import parse_size

WINDOW = 1 << 16


class _Source(Section):
    data: Text = "mnist"
    """What to learn from: a data set of `ganforge data`, a folder or file of pictures, hub:OWNER/NAME, or shards."""
    data_dir: Text | None = None
    """A folder to look for the data's files in first."""
    max_images: Annotated[int, Field(ge=2, lt=2**63), WHOLE] | None = None
    """Use only the first so many pictures."""


class PreparationSettings(Section):
    """What decides what a source's pictures are prepared to."""

    size: Text | None = None
    """Bring all pictures to this height x width, such as 64 or 64x96; by default it follows from the pictures."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How, where a picture has another shape: crop (its middle), pad (with the background) or stretch."""
    channels: Annotated[int, Field(ge=1, le=4), WHOLE] | None = None
    """1 (grey), 3 (colour) or 4 (with transparency); by default 1 if all pictures are grey, else 3."""
    background: Literal["white", "black"] = "white"
    """What transparent pictures lie on, and what pads: white or black."""
    max_broken: Annotated[int, Field(ge=0, lt=2**63), WHOLE] | None = None
    """Leave out up to so many unreadable pictures; by default 1 in 100, but at least 10."""
    pages: Literal["first", "all"] | None = None
    """Of files with several pages or frames: first, or all as pictures; by default first, unless that is too little."""
    range: Text | None = None
    """LOW,HIGH: the numbers in the files that become black and white; auto: percentiles."""
    hold_out: Literal["auto", "none"] = "auto"
    """Of own pictures without test pictures: auto learns from all but a tenth, from 200 on; none learns from all."""

    def conflicts(self) -> Conflicts:
        yield self.size is not None and size_fault(self.size), size_fault(self.size or "")
        yield self.channels == 2, "channels cannot be 2: give 1 (grey), 3 (colour) or 4 (with transparency)"


PREPARED_BY = tuple(PreparationSettings.model_fields)


class DataSettings(PreparationSettings, _Source):
    """What the run learns from and is judged by."""

    shuffle_window: Annotated[int, Field(ge=1, lt=2**63), WHOLE] = WINDOW
    """Of shards that are read in place, put the pictures of so many at a time in a random order."""
    mirror: bool = False
    """Learn from each picture's mirror image, too."""
    test_data: Text | None = None
    """Held-out pictures to judge by: a folder or file; by default the data's own test split, where it has one."""

    def preparation(self) -> PreparationSettings:
        """How the run's pictures are prepared: none are set aside where others are named to judge by."""
        settings = {name: getattr(self, name) for name in PREPARED_BY}
        return PreparationSettings(**settings if self.test_data is None else settings | {"hold_out": "none"})

    def data_settings(self) -> dict[str, Any]:
        """The same by name, for ``ganforge.data.load.load``."""
        return self.preparation().model_dump()


def size_fault(text: str) -> str:
    """What is wrong with a size, or nothing."""
    try:
        parse_size(text)
    except UserError as error:
        return str(error)
    return ""
