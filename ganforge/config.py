"""The settings of a run: all rooms' sections together, equal in Python, in JSON and on the command line.

Each section checks itself; what crosses sections is checked here.
"""

import math
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from ganforge.base.errors import UserError
from ganforge.base.given import plain_settings
from ganforge.base.quantities import Text
from ganforge.base.section import Conflicts, Section
from ganforge.base.wording import as_typed, sentences, suggestion
from ganforge.data.catalog import POINTS
from ganforge.data.settings import DataSettings
from ganforge.networks.settings import NetworkSettings
from ganforge.objectives.catalog import OBJECTIVES, PENALTIES
from ganforge.objectives.settings import SCALED, ObjectiveSettings, chosen_penalties, penalty_weights, settings_of
from ganforge.training.settings import OptimizerSettings, RunSettings, UpdateSettings

MOST_FAULTS = 5
"""So many of the settings that are wrong are told; of more, their number."""


class _Origin(Section):
    recipe: Text = "note"
    """The recipe that these settings started from."""


class Config(RunSettings, OptimizerSettings, UpdateSettings, ObjectiveSettings, NetworkSettings, DataSettings, _Origin):
    """One run's settings. Lengths and cadences ending in ``_nimg`` count real pictures shown to D."""

    def conflicts(self) -> Conflicts:
        of_points = f"{self.data} consists of them"
        yield (
            self.data in POINTS and self.augment != "none",
            f"Points are not augmented, and {of_points}; leave augment out",
        )
        yield self.data in POINTS and self.mirror, f"Points have no mirror image, and {of_points}; leave mirror out"
        chosen, objective = chosen_penalties(self), OBJECTIVES[self.objective]
        alone = [penalty for penalty in PENALTIES.values() if penalty.needs_items_judged_alone]
        yield (
            self.norm_of_d.mixes_items and {*chosen} & {*alone},
            f"{settings_of(alone, 'and')} need d_norm layer, spectral or unnormalised, since batch mixes the pictures",
        )
        bounded = self.clip or self.norm_of_d.bounds_slope
        yield (
            objective.needs_bounded_slope and not (chosen or bounded),
            f"the {objective.name} objective needs a D of bounded slope: {objective.needs_bounded_slope}",
        )
        yield (
            self.gamma_end is not None and not {*chosen} & {*SCALED},
            f"gamma_end needs {settings_of(SCALED, 'or')}",
        )
        for penalty in chosen:
            yield (
                self.accumulate != 1 and penalty.needs_whole_batch,
                f"{penalty.setting} looks at the whole batch; set accumulate to 1",
            )
        yield (
            self.shared_noise and objective.needs_fresh_noise,
            f"the {objective.name} objective pairs fresh fakes with fresh reals; set shared_noise to false",
        )


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
    | {
        "checkpoint_nimg",
        "checkpoint_sec",
        "keep_checkpoints",
        "device",
        "deterministic",
        "capture",
        "threads",
        "log",
        "on_trouble",
    }
)
"""The settings that a resumed run may change: length, cadences, and where it computes. All others shape the result."""


def gamma_for(shape: Sequence[int]) -> float:
    """R1's and R2's weight for data of this shape, where it is auto: the numbers in a picture / 1000; for points 1.

    Our own rule: the squared gradient is a sum over all numbers of a picture. 0.784 for MNIST, 3.072 for 32 x 32 in
    colour, where R3GAN has 1 (stacked MNIST; arXiv:2501.05441, table 9) and 0.05 (CIFAR-10).
    """
    return math.prod(shape) / 1000 if len(shape) == 3 else 1.0


def with_gammas(config: Config, shape: Sequence[int]) -> Config:
    """The settings with the penalties' weights as numbers, for data of this shape."""
    by_rule = {PENALTIES[name].setting for name, weight in penalty_weights(config).items() if weight == "auto"}
    return config.model_copy(update=dict.fromkeys(by_rule, gamma_for(shape)))


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
            text = text if text.endswith("?") else f"{text}."
            raise UserError(
                text if source is None else f"{text} A run of another version goes on with that version only."
            )
    values = plain_settings(values)
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
