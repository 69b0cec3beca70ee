"""The settings of training: the update's batches, the optimizers and their schedules, and the run itself."""

from typing import Annotated, Literal

from pydantic import Field

from ganforge.base.quantities import WHOLE, Beta, Count, Positive, Text, Weight
from ganforge.base.section import Conflicts, Section
from ganforge.objectives.settings import SCALED, settings_of
from ganforge.tracking.catalog import TRACKERS, Trackers


class UpdateSettings(Section):
    """What one step consists of."""

    d_steps: Annotated[int, Field(ge=1, le=1000), WHOLE] = 1
    """D's updates for each of G's."""
    wgan_schedule: bool = False
    """100 updates of D for each of G's first 25 and every 500th, as the original WGAN has it."""
    shared_noise: bool = True
    """G learns from the same fakes as D did last, instead of from fresh ones, which saves a pass of G."""
    augment: Literal["none", "translation", "diffaugment", "ada"] = "none"
    """Change what D sees: none; translation, the shifts of diffaugment alone; diffaugment; ada."""

    batch_size: Annotated[int, Field(ge=2, le=65_536), WHOLE] = 128
    """Real pictures in one of D's updates."""
    g_batch_factor: Annotated[int, Field(ge=1, le=64), WHOLE] = 1
    """G's batch has so many times as many pictures."""
    accumulate: Annotated[int, Field(ge=1, le=65_536), WHOLE] | Literal["auto"] = 1
    """Split each batch into so many parts, for less memory; gradients are the same sum. auto: as few as fit."""

    def conflicts(self) -> Conflicts:
        accumulate = 1 if self.accumulate == "auto" else self.accumulate
        parts = self.batch_size // accumulate
        yield self.batch_size % accumulate, f"accumulate = {accumulate} does not divide batch_size = {self.batch_size}"
        yield parts < 2, f"accumulate = {accumulate} leaves parts of {parts} picture; leave 2 or more in each"
        yield (
            self.g_batch_factor > 1 and self.shared_noise,
            "g_batch_factor is for a G with batches of its own; set shared_noise to false",
        )


class OptimizerSettings(Section):
    """How weights move, and how that changes over the run."""

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
    gamma_end: Weight | None = Field(
        default=None, description=f"{settings_of(SCALED, 'and')} end at this share of their first value."
    )
    ema_halflife_nimg: Count | None = None
    """Half-life of the moving average of G's weights; without it, G itself makes the pictures."""
    ema_rampup: bool = False
    """Shorten that half-life to a twentieth of the pictures seen so far, while that is less."""
    ema_burn_in: bool = False
    """Let that half-life grow from 0 over burn_in_nimg."""

    def conflicts(self) -> Conflicts:
        defaults = type(self).model_fields
        for name in ("beta1", "beta2", "beta2_end"):
            yield (
                self.optimizer == "rmsprop" and getattr(self, name) != defaults[name].default,
                f"{name} is Adam's, and optimizer is rmsprop",
            )
        ends = self.ema_burn_in or {self.lr_end, self.beta2_end, self.gamma_end} != {None}
        yield (
            ends and not self.burn_in_nimg,
            "lr_end, beta2_end, gamma_end and ema_burn_in need burn_in_nimg, over how many pictures",
        )
        yield (
            self.burn_in_curve == "linear" and not self.burn_in_nimg,
            "burn_in_curve needs burn_in_nimg and an end value",
        )
        yield (
            self.burn_in_nimg and not ends,
            "burn_in_nimg needs lr_end, beta2_end, gamma_end or ema_burn_in, where to go",
        )
        for name in ("ema_rampup", "ema_burn_in"):
            yield getattr(self, name) and not self.ema_halflife_nimg, f"{name} needs ema_halflife_nimg"
        yield self.ema_rampup and self.ema_burn_in, "ema_rampup and ema_burn_in are two ways to begin; choose one"


class RunSettings(Section):
    """How long, what is kept of it and how often, and where it is computed."""

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """What the networks compute in; tf32 and bfloat16 are faster, on recent GPUs. Weights and losses stay float32."""
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
    deterministic: bool = False
    """On a GPU, use only operations that give the same bits each time; a CPU's always do."""
    capture: bool = True
    """On CUDA, record a step once and replay it (a CUDA graph), which spares the CPU asking for each operation."""
    on_trouble: Literal["say", "stop", "mend"] = "say"
    """Where something goes wrong: say it; save and stop; or mend it by a rule, up to three times."""
    threads: Annotated[int, Field(gt=0, le=1024), WHOLE] | None = None
    """CPU threads to compute with; PyTorch's own choice by default."""

    log: Trackers | None = Field(
        default=None, description=f"Send rows, figures and grids to trackers, too, as a,b: {', '.join(TRACKERS)}."
    )

    def conflicts(self) -> Conflicts:
        milestone_nimg, snapshot_nimg = self.milestone_nimg, self.snapshot_nimg
        yield (
            milestone_nimg is not None and milestone_nimg % snapshot_nimg,
            f"milestone_nimg = {milestone_nimg} is not a multiple of snapshot_nimg = {snapshot_nimg}, so that no "
            "snapshot would be one",
        )
