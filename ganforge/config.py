"""The settings of a run: frozen, typed, validated, and equal in Python, in JSON and on the command line."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ganforge.base.errors import UserError
from ganforge.base.given import plain_settings
from ganforge.base.quantities import WHOLE, Beta, Count, Gamma, Positive, Text, Weight, Width, Widths
from ganforge.base.wording import as_typed, sentences, suggestion
from ganforge.misfits import misfits

DATA_SETTINGS = ("size", "fit", "channels", "background", "max_broken", "pages", "range", "hold_out")
"""What decides what pictures are prepared to."""
MOST_FAULTS = 5
"""So many of the settings that are wrong are told; of more, their number."""


class Config(BaseModel):
    """One run's settings. Lengths and cadences ending in ``_nimg`` count real pictures shown to D."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    recipe: Text = "note"
    """The recipe that these settings started from."""
    data: Text = "mnist"
    """What to learn from: a data set that `ganforge data` lists, a folder or file of pictures, or hub:OWNER/NAME."""
    data_dir: Text | None = None
    """A folder to look for the data's files in first."""
    max_images: Annotated[int, Field(ge=2, lt=2**63), WHOLE] | None = None
    """Use only the first so many pictures."""
    size: Text | None = None
    """Bring all pictures to this height x width, such as 64 or 64x96; by default it follows from the pictures."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How, where a picture has another shape: crop (its middle), pad (with the background) or stretch."""
    channels: Annotated[int, Field(ge=1, le=4), WHOLE] | None = None
    """1 (grey), 3 (colour) or 4 (with transparency); by default 1 if all pictures are grey, else 3."""
    background: Literal["white", "black"] = "white"
    """What transparent pictures lie on, and what pads: white or black."""
    mirror: bool = False
    """Learn from each picture's mirror image, too."""
    max_broken: Annotated[int, Field(ge=0, lt=2**63), WHOLE] | None = None
    """Leave out up to so many unreadable pictures; by default 1 in 100, but at least 10."""
    pages: Literal["first", "all"] | None = None
    """Of files with several pages or frames: first, or all as pictures; by default first, unless that is too little."""
    range: Text | None = None
    """LOW,HIGH: the numbers in the files that become black and white; auto: percentiles."""
    test_data: Text | None = None
    """Held-out pictures to judge by: a folder or file; by default the data's own test split, where it has one."""
    hold_out: Literal["auto", "none"] = "auto"
    """Of own pictures with neither: auto learns from all but a tenth, from 200 pictures on; none learns from all."""

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
    g_lowest_side: Width | None = None
    """A convolutional G starts from a rectangle with no side longer than this; its family's own number by default."""
    d_lowest_side: Width | None = None
    """A convolutional D halves the picture until no side is longer than this; its family's own number by default."""
    blocks: Annotated[int, Field(ge=1, le=64), WHOLE] | None = None
    """Residual blocks at each size of an r3gan network; 1 by default, 2 in the paper."""
    group_size: Width | None = None
    """Channels in a group of an r3gan network's 3 x 3 convolutions; 16 by default, as in the paper."""
    d_norm: Literal["batch", "layer", "spectral", "unnormalised"] | None = None
    """What a dcgan D is normalised by: batch (its own choice), layer, spectral, or unnormalised."""
    conditional: bool = False
    """Tell both networks each picture's class."""
    init_from: Text | None = None
    """Fine-tune: start from the weights of a snapshot, or of a run's newest checkpoint, instead of from chance."""

    objective: Literal["minimax", "non-saturating", "lsgan", "lsgan-ab", "wgan", "hinge", "relativistic"] = (
        "non-saturating"
    )
    """minimax, non-saturating, lsgan, lsgan-ab, wgan, hinge or relativistic."""
    r1_gamma: Gamma = 0.0
    """gamma / 2 times the squared gradient of D at reals is added to its loss; auto: a picture's numbers / 1000."""
    r2_gamma: Gamma = 0.0
    """The same at fakes."""
    penalty_interval: Annotated[int, Field(ge=1, le=1024), WHOLE] = 1
    """Compute r1_gamma's or r2_gamma's penalty only at every so many updates of D, times as strong."""
    gp_weight: Weight = 0.0
    """Weight of WGAN-GP's penalty on D's slope between reals and fakes."""
    dragan_weight: Weight = 0.0
    """Weight of DRAGAN's penalty on D's slope around reals."""
    clip: Positive | None = None
    """Keep D's weights within plus and minus this."""
    d_steps: Annotated[int, Field(ge=1, le=1000), WHOLE] = 1
    """D's updates for each of G's."""
    wgan_schedule: bool = False
    """100 updates of D for each of G's first 25 and every 500th, as the original WGAN has it."""
    shared_noise: bool = True
    """G learns from the same fakes as D did last, instead of from fresh ones, which saves a pass of G."""
    augment: Literal["none", "diffaugment", "ada"] = "none"
    """Change the pictures that D sees: none, diffaugment or ada."""

    batch_size: Annotated[int, Field(ge=2, le=65_536), WHOLE] = 128
    """Real pictures in one of D's updates."""
    accumulate: Annotated[int, Field(ge=1, le=65_536), WHOLE] = 1
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
    """Adam in one pass over the weights, and D in one pass over reals and fakes where it can: equal up to rounding."""
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
    """What the networks compute in; bfloat16 is meant for recent GPUs. Weights and losses stay float32."""
    seed: Annotated[int, Field(ge=0, lt=2**63), WHOLE] = 0
    """Everything random in the run follows from it."""

    total_nimg: Count = 500_000
    """Length of the run."""
    report_nimg: Count = 32_000
    """How often to log a row and draw a grid."""
    grid_size: Annotated[int, Field(ge=1, le=32), WHOLE] = 4
    """The grid of generated pictures has this many rows and columns."""
    snapshot_nimg: Count = 64_000
    """How often to keep G's weights for use, and to measure how good its pictures are."""
    metric_samples: Annotated[int, Field(ge=0, le=50_000), WHOLE] = 2_000
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
    device: Text = "auto"
    """cpu, cuda, cuda:1, mps; auto takes the first accelerator there is, else the CPU."""
    threads: Annotated[int, Field(gt=0, le=1024), WHOLE] | None = None
    """CPU threads to compute with; PyTorch's own choice by default."""

    @model_validator(mode="after")
    def _settings_fit_each_other(self) -> Self:
        for misfit, why in misfits(self):
            if misfit:
                raise ValueError(why)
        return self

    @property
    def g_sizes(self) -> dict[str, Any]:
        """How large G is: what ``networks.build.build_generator`` takes by these names."""
        sizes = {"hidden": self.g_hidden, "width": self.g_width, "lowest_side": self.g_lowest_side}
        return sizes | {"blocks": self.blocks, "group_size": self.group_size}

    @property
    def d_sizes(self) -> dict[str, Any]:
        """How large D is, likewise."""
        sizes = {"hidden": self.d_hidden, "width": self.d_width, "lowest_side": self.d_lowest_side}
        return sizes | {"blocks": self.blocks, "group_size": self.group_size}

    def data_settings(self) -> dict[str, Any]:
        """What ``ganforge.data.load.load`` is told of how pictures are prepared, by the names of its arguments."""
        settings = {name: getattr(self, name) for name in DATA_SETTINGS}
        return settings if self.test_data is None else settings | {"hold_out": "none"}


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


def gamma_for(shape: Sequence[int]) -> float:
    """R1's and R2's weight for data of this shape, where it is auto: the numbers in a picture / 1000; for points 1.

    Our own rule: the squared gradient is a sum over all numbers of a picture. 0.784 for MNIST, 3.072 for 32 x 32 in
    colour, where R3GAN has 1 (stacked MNIST; arXiv:2501.05441, table 9) and 0.05 (CIFAR-10).
    """
    return math.prod(shape) / 1000 if len(shape) == 3 else 1.0


def with_gammas(config: Config, shape: Sequence[int]) -> Config:
    """The settings with the weights of R1 and R2 as numbers, for data of this shape."""
    gammas = {name: gamma_for(shape) for name in ("r1_gamma", "r2_gamma") if getattr(config, name) == "auto"}
    return config.model_copy(update=gammas)


def make_config(values: dict[str, Any], source: object = None) -> Config:
    """Validate settings given by name. Raises UserError with one sentence for all that is wrong.

    source: the file that the values were read from, for the sentence; None if they were given by hand.
    """
    where = "" if source is None else f"{source} holds settings that this ganforge cannot use: "
    if not isinstance(values, dict):
        raise UserError(f"{where}The settings are no names with values.")
    for name in values:
        if name not in Config.model_fields:
            text = f"{where}There is no setting '{as_typed(name)}'{suggestion(name, Config.model_fields)}"
            raise UserError(text if text.endswith("?") else f"{text}.")
    values = plain_settings(values)
    if source is not None:  # runs from before there was hold_out learned from all pictures
        values = {"hold_out": "none"} | values
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        said = sentences(error.errors(), values)
        more = f"; and {len(said) - MOST_FAULTS} more are wrong" if len(said) > MOST_FAULTS else ""
        raise UserError(f"{where}{'; '.join(said[:MOST_FAULTS])}{more}.") from None


def differences(old: Config, new: Config) -> list[str]:
    """The settings that differ and may not, as `z_dim: 96 in the run, 64 asked for`."""
    return [
        f"{name}: {as_typed(getattr(old, name))} in the run, {as_typed(getattr(new, name))} asked for"
        for name in Config.model_fields
        if name not in MAY_CHANGE and getattr(old, name) != getattr(new, name)
    ]
