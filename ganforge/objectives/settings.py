"""The settings of what D and G are trained for: one choice, and a weight for each penalty, by the records."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model

from ganforge.base.quantities import WHOLE, Gamma, Positive, Weight
from ganforge.base.section import Conflicts, Section
from ganforge.base.wording import listed
from ganforge.objectives.catalog import OBJECTIVES, PENALTIES, Penalty

LAZY = [penalty for penalty in PENALTIES.values() if penalty.may_be_lazy]
ALWAYS = [penalty for penalty in PENALTIES.values() if not penalty.may_be_lazy]
SCALED = [penalty for penalty in PENALTIES.values() if penalty.follows_gamma_end]


def settings_of(penalties: Iterable[Penalty], word: str) -> str:
    """The names of the penalties' weights, listed."""
    return listed([penalty.setting for penalty in penalties], word)


def _weights(penalties: list[Penalty]) -> dict[str, Any]:
    """A field for each penalty."""
    return {
        penalty.setting: (Gamma if penalty.may_be_auto else Weight, Field(default=0.0, description=penalty.help))
        for penalty in penalties
    }


_OF_LAZY = listed([f"{penalty.setting}'s" for penalty in LAZY], "or")

if TYPE_CHECKING:

    class _Fields(Section):
        objective: str = "non-saturating"
        penalty_interval: int = 1
        clip: float | None = None

else:
    _Fields = create_model(
        "_Fields",
        __base__=Section,
        objective=(
            Literal[tuple(OBJECTIVES)],
            Field(default="non-saturating", description=f"{listed(OBJECTIVES, 'or')}."),
        ),
        **_weights(LAZY),
        penalty_interval=(
            Annotated[int, Field(ge=1, le=1024), WHOLE],
            Field(
                default=1,
                description=f"Compute {_OF_LAZY} penalty only at every so many updates of D, times as strong.",
            ),
        ),
        **_weights(ALWAYS),
        clip=(Positive | None, Field(default=None, description="Keep D's weights within plus and minus this.")),
    )


class ObjectiveSettings(_Fields):
    """The objective, and what D pays for being steep: a weight for each penalty, under its record's ``setting``."""

    def conflicts(self) -> Conflicts:
        lazy = self.penalty_interval > 1
        chosen = [penalty for penalty in chosen_penalties(self) if penalty.may_be_lazy]
        yield (
            lazy and len(chosen) < len(chosen_penalties(self)),
            f"{settings_of(ALWAYS, 'and')} are for every update of D; set penalty_interval to 1",
        )
        yield (
            lazy and not chosen,
            f"penalty_interval needs {settings_of(LAZY, 'or')}; where "
            f"{'both' if len(LAZY) == 2 else 'all'} are 0, set it to 1",
        )
        yield (
            lazy and len(chosen) > 1,
            f"{settings_of(chosen, 'and')} together do not converge unless they are computed at every update of D; set "
            "penalty_interval to 1, or leave one of them out",
        )


def penalty_weights(settings: ObjectiveSettings) -> dict[str, float | Literal["auto"]]:
    """What each penalty weighs, by its name; 0: D does not pay it."""
    return {name: getattr(settings, penalty.setting) for name, penalty in PENALTIES.items()}


def chosen_penalties(settings: ObjectiveSettings) -> list[Penalty]:
    """Those that weigh anything."""
    return [PENALTIES[name] for name, weight in penalty_weights(settings).items() if weight]
