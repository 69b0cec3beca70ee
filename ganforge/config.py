"""The settings of a run: frozen, typed, validated, and equal in Python, in JSON and on the command line."""

import difflib
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ganforge.base.errors import UserError

Count = Annotated[int, Field(gt=0, lt=2**63)]
"""A number of things, at least one."""
Width = Annotated[int, Field(gt=0, le=65_536)]
"""Numbers in a layer; the limit turns a slip of the finger into a message instead of an exhausted machine."""
Widths = tuple[Width, ...]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Beta = Annotated[float, Field(ge=0, lt=1)]


class Config(BaseModel):
    """One run's settings. Lengths and cadences ending in ``_nimg`` count real pictures shown to D."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    recipe: str = "note"
    """The recipe that these settings started from."""
    data: str = "mnist"
    """The data set to learn from; `ganforge data` lists them."""
    data_dir: str | None = None
    """A folder to look for the data's files in first."""
    max_images: Count | None = None
    """Use only the first so many pictures."""

    z_dim: Width = 96
    """Length of the noise vector z."""
    noise: Literal["uniform", "normal"] = "uniform"
    """Where z comes from: uniform(-1, 1), or the standard normal distribution."""
    g_hidden: Widths = (1024, 1024)
    """Widths of G's hidden layers, for example 1024,1024."""
    d_hidden: Widths = (256, 256)
    """Widths of D's hidden layers, for example 256,256."""

    batch_size: Annotated[int, Field(ge=2, le=65_536)] = 128
    """Real pictures in a step."""
    lr: Positive = 3e-4
    """Adam's learning rate, for both networks."""
    beta1: Beta = 0.5
    """Adam's decay of the mean gradient."""
    beta2: Beta = 0.999
    """Adam's decay of the mean squared gradient."""
    fused_adam: bool = True
    """One pass over the weights instead of several: faster, equal to plain Adam up to rounding."""
    ema_halflife_nimg: Count | None = None
    """Half-life of the moving average of G's weights; without it, G itself makes the pictures."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Everything random in the run follows from it."""

    total_nimg: Count = 500_000
    """Length of the run."""
    report_nimg: Count = 32_000
    """How often to log a row and draw a grid."""
    grid_size: Annotated[int, Field(ge=1, le=32)] = 4
    """The grid of generated pictures has this many rows and columns."""
    snapshot_nimg: Count = 128_000
    """How often to keep G's weights for use."""
    keep_snapshots: Count = 3
    """How many of the newest snapshots to keep."""
    milestone_nimg: Count | None = None
    """Keep every snapshot at a multiple of this for ever."""
    checkpoint_nimg: Count = 256_000
    """How often to save all that is needed to go on."""
    checkpoint_sec: Positive = 300.0
    """Save a checkpoint, too, when the last one is this many seconds old."""
    keep_checkpoints: Count = 2
    """How many of the newest checkpoints to keep."""
    device: str = "auto"
    """cpu, cuda, cuda:1, mps; auto takes the first accelerator there is, else the CPU."""
    threads: Annotated[int, Field(gt=0, le=1024)] | None = None
    """CPU threads to compute with; PyTorch's own choice by default."""

    @model_validator(mode="after")
    def _report_at_least_once_a_step(self) -> Self:
        if self.milestone_nimg is not None and self.milestone_nimg % self.snapshot_nimg:
            raise ValueError(
                f"milestone_nimg = {self.milestone_nimg} is not a multiple of snapshot_nimg = {self.snapshot_nimg}, "
                "so that no snapshot would be one"
            )
        return self


MAY_CHANGE = frozenset(
    {
        "data_dir",
        "total_nimg",
        "report_nimg",
        "grid_size",
        "snapshot_nimg",
        "keep_snapshots",
        "milestone_nimg",
    }
    | {"checkpoint_nimg", "checkpoint_sec", "keep_checkpoints", "device", "threads"}
)
"""The settings that a resumed run may change: length, cadences, and where it computes. All others shape the result."""


def make_config(values: dict[str, Any], source: object = None) -> Config:
    """Validate settings given by name. Raises UserError with one sentence for all that is wrong.

    source: the file that the values were read from, for the sentence; None if they were given by hand.
    """
    where = "" if source is None else f"{source} holds settings that this ganforge cannot use: "
    for name in values:
        if name not in Config.model_fields:
            text = f"{where}There is no setting {name!r}{suggestion(name, Config.model_fields)}"
            raise UserError(text if text.endswith("?") else f"{text}.")
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(dict.fromkeys(_sentence(fault, values) for fault in error.errors()))
        raise UserError(f"{where}{faults}.") from None


def suggestion(name: str, known: Any) -> str:
    """`; did you mean 'mnist'?` where something known is spelled much like ``name``, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?".removesuffix("?") + "?" if close else ""


def differences(old: Config, new: Config) -> list[str]:
    """The settings that differ and may not, as `z_dim: 96 in the run, 64 asked for`."""
    return [
        f"{name}: {as_typed(getattr(old, name))} in the run, {as_typed(getattr(new, name))} asked for"
        for name in Config.model_fields
        if name not in MAY_CHANGE and getattr(old, name) != getattr(new, name)
    ]


def as_typed(value: Any) -> str:
    """A setting's value as one types it on the command line, cut short where somebody typed too much."""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


WRONG_TYPES = {"int_parsing": "a whole number", "int_type": "a whole number", "int_from_float": "a whole number"} | {
    "int_parsing_size": "a smaller number",
    "float_parsing": "a number",
    "float_type": "a number",
}


def _sentence(fault: Any, values: dict[str, Any]) -> str:
    if not fault["loc"]:
        return str(fault["ctx"]["error"])
    name = str(fault["loc"][0])
    message = (fault["msg"][0].lower() + fault["msg"][1:]).replace("input should", "it should")
    if wanted := WRONG_TYPES.get(fault["type"]):
        message = f"it should be {wanted}"
        if len(fault["loc"]) > 1:
            message += ", or several with commas between them"
    return f"{name} cannot be {as_typed(values.get(name))!r}: {message}"
