"""A run's settings beside those of its recipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.wording import option_text
from ganforge.config import Config
from ganforge.recipes.catalog import recipe
from ganforge.viewer.read.untrusted import cut

MOST_SETTINGS = 200


@dataclass(frozen=True)
class Setting:
    """value and default: as one types them. default: the recipe's own; None where it is the same, or not known.
    meaning: a sentence."""

    name: str
    value: str
    default: str | None
    meaning: str


def beside_recipe(settings: Mapping[str, Any]) -> tuple[list[Setting], str]:
    """The settings of config.json, ``MOST_SETTINGS`` at most; and why they cannot all be shown, or compared with their
    recipe's, else ""."""
    try:
        usual = recipe(str(settings.get("recipe"))).model_dump(mode="json")
        why = ""
    except UserError as error:
        usual, why = dict(settings), f"The recipe's own settings are not known here: {cut(str(error))}"
    if len(settings) > MOST_SETTINGS:
        why = f"{why} {len(settings) - MOST_SETTINGS:,} settings more than {MOST_SETTINGS} are left out.".strip()
    known = Config.model_fields
    return [
        Setting(
            cut(name, 100), cut(option_text(value), 300),
            option_text(usual[name]) if name in usual and usual[name] != value else None,
            known[name].description or "" if name in known else "This ganforge does not know it.",
        )
        for name, value in islice(settings.items(), MOST_SETTINGS)
    ], why  # fmt: skip
