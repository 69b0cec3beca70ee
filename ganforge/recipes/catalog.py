"""How a recipe is taken from the table: its settings, with changes."""

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import ganforge.recipes
from ganforge.base.errors import UserError
from ganforge.base.given import plain_settings, shown
from ganforge.base.wording import as_typed, suggestion
from ganforge.config import Config, make_config
from ganforge.data.catalog import DATA_SETS
from ganforge.networks.catalog import FAMILIES
from ganforge.recipes.record import Recipe


def _all_recipes() -> Iterator[Recipe]:
    """Those of the table, then those of any other file here that holds ``RECIPES``, by the file's name."""
    names = sorted(
        (one.name for one in pkgutil.iter_modules(ganforge.recipes.__path__)), key=lambda n: (n != "table", n)
    )
    for name in names:
        if name not in ("catalog", "record"):
            yield from import_module(f"ganforge.recipes.{name}").RECIPES


RECIPES = {recipe.name: recipe for recipe in _all_recipes()}
"""name -> recipe, in the order in which they are listed."""


def recipe(name: str, **changes: Any) -> Config:
    """The named recipe's settings, with changes. Raises UserError for an unknown recipe or a setting that is wrong."""
    if not isinstance(name, str):
        raise UserError(f"A recipe is given by its name, such as 'note', and {shown(name)} is none.")
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise UserError(f"There is no recipe '{as_typed(name)}'{suggestion(name, RECIPES)} (the recipes: {known}).")
    changes = plain_settings(changes)
    try:
        total_nimg = make_config(_length(name, changes)).total_nimg
    except UserError:  # it is told below, with all else that is wrong
        total_nimg = Config.model_fields["total_nimg"].default
    return make_config(_with_changes(name, changes, total_nimg))


def changes_of(config: Config) -> dict[str, Any]:
    """The fewest changes of its recipe that give these settings: ``recipe(config.recipe, **changes)`` is equal to them.
    Raises KeyError where there is no such recipe."""
    wanted = {name: value for name, value in config if name != "recipe"}
    usual = {name: field.default for name, field in Config.model_fields.items()}
    changes: dict[str, Any] = {}
    for names in (LEADING, wanted):
        while True:
            given = usual | _with_changes(config.recipe, changes, config.total_nimg)
            if not (more := {name: wanted[name] for name in names if given[name] != wanted[name]}):
                break
            changes |= more
    return {name: changes[name] for name in wanted if name in changes}


LEADING = ("data", "generator", "discriminator", "optimizer", "total_nimg")
"""What other settings of a recipe follow from."""


def _length(name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The run's length, where a recipe or a change gives one."""
    settings = {**RECIPES[name].settings, **changes}
    return {"total_nimg": settings["total_nimg"]} if "total_nimg" in settings else {}


def _with_changes(name: str, changes: Mapping[str, Any], total_nimg: int) -> dict[str, Any]:
    """A recipe's settings with changes, in a run of this length; what they leave out has its default."""
    own = dict(RECIPES[name].settings)
    share = own.pop("burn_in_share", None)  # the table's alone: it is no setting
    wanted = {"recipe": name, **own, **changes}
    wanted = {key: value for key, value in wanted.items() if key in changes or _has_meaning(key, wanted, own)}
    if share is not None:
        wanted.setdefault("burn_in_nimg", max(1, int(total_nimg * share)))
    return wanted


def _has_meaning(setting: str, wanted: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Is a recipe's own setting of any use beside the changes? It is not where what it belongs to was changed: betas
    to another optimizer, sizes and norms to another family, a number of pictures to other data."""
    if setting in ("beta1", "beta2", "beta2_end"):
        return wanted.get("optimizer", "adam") == "adam"
    if setting == "d_norm":
        family = FAMILIES.get(str(wanted.get("discriminator")))
        return family is not None and "norm" in family.sizes("d")
    if setting in ("g_width", "d_width"):
        network = {"g": "generator", "d": "discriminator"}[setting[0]]
        return wanted.get(network) == own.get(network)
    return setting != "max_images" or wanted["data"] == own["data"]


PHOTO_SIDE = 32
"""Colour pictures whose longer side has so many pixels or more are taken for photographs."""


def usual_recipe(data: str, shape: Sequence[int] | None = None) -> tuple[str, str]:
    """The recipe where none is named, and a line that says which and why.

    data: as the setting has it. shape: of its items, where it is known already. The note's for a data set by name; for
    anybody's colour pictures, if they are large enough, photo; for their other pictures fast.
    """
    if data in DATA_SETS:
        name, why = "note", "for a data set by name"
    elif shape is not None and shape[0] >= 3 and max(shape[1:]) >= PHOTO_SIDE:
        name, why = "photo", "which suits colour pictures of your own"
    else:
        name, why = "fast", "which suits small or grey pictures of your own"
    return name, f"No recipe is named: {name}, {why} (all of them: `ganforge recipes`)"
