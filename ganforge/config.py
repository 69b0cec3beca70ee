"""The settings of a run: frozen, typed, validated, and equal in Python, in JSON and on the command line."""

import difflib
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ganforge.base.errors import UserError
from ganforge.base.sizes import parse_size

Count = Annotated[int, Field(gt=0, lt=2**63)]
"""A number of things, at least one."""
Width = Annotated[int, Field(gt=0, le=65_536)]
"""Numbers in a layer; the limit turns a slip of the finger into a message instead of an exhausted machine."""
Widths = tuple[Width, ...]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Config(BaseModel):
    """One run's settings. Lengths and cadences ending in ``_nimg`` count real pictures shown to D."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    recipe: str = "note"
    """The recipe that these settings started from."""
    data: str = "mnist"
    """What to learn from: a data set that `ganforge data` lists, a folder or file of pictures, or hub:OWNER/NAME."""
    data_dir: str | None = None
    """A folder to look for the data's files in first."""
    max_images: Count | None = None
    """Use only the first so many pictures."""
    size: str | None = None
    """Bring all pictures to this height x width, such as 64 or 64x96; by default it follows from the pictures."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How, where a picture has another shape: crop (its middle), pad (with the background) or stretch."""
    channels: Annotated[int, Field(ge=1, le=4)] | None = None
    """1 (grey), 3 (colour) or 4 (with transparency); by default 1 if all pictures are grey, else 3."""
    background: Literal["white", "black"] = "white"
    """What transparent pictures lie on, and what pads: white or black."""
    mirror: bool = False
    """Learn from each picture's mirror image, too."""
    max_broken: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """Leave out up to so many unreadable pictures; by default 1 in 100, but at least 10."""
    test_data: str | None = None
    """Held-out pictures to judge by: a folder or file; by default the data's own test split, where it has one."""

    z_dim: Width = 96
    """Length of the noise vector z."""
    noise: Literal["uniform", "normal"] = "uniform"
    """Where z comes from: uniform(-1, 1), or the standard normal distribution."""
    generator: Literal["mlp", "dcgan", "upsample", "resnet", "r3gan"] = "mlp"
    """G's family: mlp, dcgan, upsample, resnet or r3gan."""
    discriminator: Literal["mlp", "logistic", "recurrent", "dcgan", "resnet", "r3gan"] = "mlp"
    """D's family: mlp, logistic, recurrent, dcgan, resnet or r3gan."""
    g_hidden: Widths = (1024, 1024)
    """Widths of an mlp G's hidden layers, for example 1024,1024."""
    d_hidden: Widths = (256, 256)
    """Widths of an mlp D's hidden layers, for example 256,256."""
    g_width: Width | None = None
    """Channels of a convolutional G at full resolution; its family's own number by default."""
    d_width: Width | None = None
    """Channels of a convolutional D at full resolution, or a recurrent one's state; its family's own by default."""
    d_norm: Literal["batch", "layer", "spectral", "unnormalised"] | None = None
    """What a dcgan D is normalised by: batch (its own choice), layer, spectral, or unnormalised."""
    conditional: bool = False
    """Tell both networks each picture's class."""

    objective: Literal["minimax", "non-saturating", "lsgan", "lsgan-ab", "wgan", "hinge", "relativistic"] = (
        "non-saturating"
    )
    """minimax, non-saturating, lsgan, lsgan-ab, wgan, hinge or relativistic."""
    r1_gamma: Weight = 0.0
    """gamma / 2 times the squared gradient of D at reals is added to its loss."""
    r2_gamma: Weight = 0.0
    """The same at fakes."""
    gp_weight: Weight = 0.0
    """Weight of WGAN-GP's penalty on D's slope between reals and fakes."""
    dragan_weight: Weight = 0.0
    """Weight of DRAGAN's penalty on D's slope around reals."""
    clip: Positive | None = None
    """Keep D's weights within plus and minus this."""
    d_steps: Annotated[int, Field(ge=1, le=1000)] = 1
    """D's updates for each of G's."""
    wgan_schedule: bool = False
    """100 updates of D for each of G's first 25 and every 500th, as the original WGAN has it."""
    shared_noise: bool = True
    """G learns from the same fakes as D did last, instead of from fresh ones: about a third faster."""
    augment: Literal["none", "diffaugment", "ada"] = "none"
    """Change the pictures that D sees: none, diffaugment or ada."""

    batch_size: Annotated[int, Field(ge=2, le=65_536)] = 128
    """Real pictures in one of D's updates."""
    accumulate: Annotated[int, Field(ge=1, le=65_536)] = 1
    """Split each batch into so many parts, for less memory; gradients are the same sum."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """adam or rmsprop."""
    lr: Positive = 3e-4
    """Learning rate, for both networks."""
    d_lr: Positive | None = None
    """D's learning rate, where it is another than G's."""
    beta1: Beta = 0.5
    """Adam's decay of the mean gradient."""
    beta2: Beta = 0.999
    """Adam's decay of the mean squared gradient."""
    fused_adam: bool = True
    """One pass over the weights instead of several: faster, equal to plain Adam up to rounding."""
    burn_in_nimg: Count | None = None
    """Over so many pictures the settings that have an end value go from their first value to that."""
    burn_in_curve: Literal["cosine", "linear"] = "cosine"
    """The way they go: cosine or linear."""
    lr_end: Weight | None = None
    """Learning rates end at this share of their first value."""
    beta2_end: Beta | None = None
    """beta2 ends here."""
    gamma_end: Weight | None = None
    """r1_gamma and r2_gamma end at this share of their first value."""
    ema_halflife_nimg: Count | None = None
    """Half-life of the moving average of G's weights; without it, G itself makes the pictures."""
    ema_rampup: bool = False
    """Shorten that half-life to a twentieth of the pictures seen so far, while that is less."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What the networks compute in; bfloat16 is faster on recent GPUs. Weights and losses stay float32."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Everything random in the run follows from it."""

    total_nimg: Count = 500_000
    """Length of the run."""
    report_nimg: Count = 32_000
    """How often to log a row and draw a grid."""
    grid_size: Annotated[int, Field(ge=1, le=32)] = 4
    """The grid of generated pictures has this many rows and columns."""
    snapshot_nimg: Count = 64_000
    """How often to keep G's weights for use, and to measure how good its pictures are."""
    metric_samples: Annotated[int, Field(ge=0, le=50_000)] = 2_000
    """Judge each snapshot by so many pictures; 0: do not."""
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
    def _settings_fit_each_other(self) -> Self:
        for fault, sentence in self._faults():
            if fault:
                raise ValueError(sentence)
        return self

    def _faults(self) -> Iterator[tuple[object, str]]:
        """What would do nothing, or not what it says."""
        yield self.size is not None and size_fault(self.size), size_fault(self.size or "")
        yield self.channels == 2, "channels cannot be 2: give 1 (grey), 3 (colour) or 4 (with transparency)"
        for network, family, width in (("g", self.generator, self.g_width), ("d", self.discriminator, self.d_width)):
            plain = width is not None and family in ("mlp", "logistic")
            yield plain, f"{network}_width is for the other families; {family} has no channels"
        yield (
            self.d_norm and self.discriminator != "dcgan",
            f"d_norm is for a dcgan D, not for {self.discriminator}",
        )
        parts = self.batch_size // self.accumulate
        yield self.batch_size % self.accumulate, f"accumulate = {self.accumulate} does not divide {self.batch_size}"
        yield parts < 2, f"accumulate = {self.accumulate} leaves parts of {parts} picture; leave 2 or more in each"
        yield self.accumulate > 1 and self.dragan_weight, "dragan_weight looks at the whole batch; set accumulate to 1"
        gammas, weights = self.r1_gamma or self.r2_gamma, self.gp_weight or self.dragan_weight
        mixed = self.discriminator == "dcgan" and self.d_norm in (None, "batch")
        yield (
            (gammas or weights) and mixed,
            "a penalty on D's gradient needs d_norm layer, spectral or unnormalised, since batch mixes the pictures",
        )
        ends = {self.lr_end, self.beta2_end, self.gamma_end} != {None}
        yield (
            ends and not self.burn_in_nimg,
            "lr_end, beta2_end and gamma_end need burn_in_nimg, over how many pictures",
        )
        yield self.burn_in_nimg and not ends, "burn_in_nimg needs lr_end, beta2_end or gamma_end, where to go"
        yield self.gamma_end is not None and not gammas, "gamma_end needs r1_gamma or r2_gamma"
        yield (
            self.beta2_end is not None and self.optimizer == "rmsprop",
            "beta2_end is Adam's, and optimizer is rmsprop",
        )
        yield self.ema_rampup and not self.ema_halflife_nimg, "ema_rampup needs ema_halflife_nimg"
        yield (
            self.shared_noise and self.objective == "relativistic",
            "the relativistic objective pairs fresh fakes with fresh reals; set shared_noise to false",
        )

    def data_settings(self) -> dict[str, Any]:
        """What ``ganforge.data.load.load`` is told of the pictures' shape, by the names of its arguments."""
        return {name: getattr(self, name) for name in ("size", "fit", "channels", "background", "max_broken")}

    @model_validator(mode="after")
    def _some_snapshots_are_milestones(self) -> Self:
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
        "metric_samples",
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


def size_fault(text: str) -> str:
    """What is wrong with a size, or nothing."""
    try:
        parse_size(text)
    except UserError as error:
        return str(error)
    return ""


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
