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
from ganforge.data.catalog import DATA_SETS, POINTS
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


def recipe(name: str, *, paper: str | None = None, **changes: Any) -> Config:
    """The named recipe's settings, with changes. paper: the data whose settings of its paper to take instead, for
    example "cifar10". Raises UserError for an unknown recipe or paper, or a setting that is wrong."""
    if not isinstance(name, str):
        raise UserError(f"A recipe is given by its name, such as 'note', and {shown(name)} is none.")
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise UserError(f"There is no recipe '{as_typed(name)}'{suggestion(name, RECIPES)} (the recipes: {known}).")
    own, changes = _own(name, paper), plain_settings(changes)
    try:
        total_nimg = make_config(_length(own, changes)).total_nimg
    except UserError:  # it is told below, with all else that is wrong
        total_nimg = Config.model_fields["total_nimg"].default
    return make_config(_with_changes(own, changes, total_nimg))


def changes_of(config: Config) -> dict[str, Any]:
    """The fewest changes of its recipe that give these settings, with ``paper`` among them where that makes them fewer:
    ``recipe(config.recipe, **changes)`` is equal to them. Raises KeyError where there is no such recipe."""
    told = _changes(config, _own(config.recipe, None))
    for paper in RECIPES[config.recipe].papers:
        told = min(told, {"paper": paper} | _changes(config, _own(config.recipe, paper)), key=len)
    return told


def usual_for(config: Config) -> Config:
    """What the recipe of these settings, or its paper where they are closer to that, has for the same data and length.
    Raises UserError where there is no such recipe."""
    paper = changes_of(config).get("paper") if config.recipe in RECIPES else None
    return recipe(config.recipe, paper=paper, data=config.data, total_nimg=config.total_nimg)


def _changes(config: Config, own: Mapping[str, Any]) -> dict[str, Any]:
    """The fewest changes of a recipe's own settings that give these."""
    wanted = {name: value for name, value in config if name != "recipe"}
    usual = {name: field.default for name, field in Config.model_fields.items()}
    changes: dict[str, Any] = {}
    for names in (LEADING, wanted):
        while True:
            given = usual | _with_changes(own, changes, config.total_nimg)
            if not (more := {name: wanted[name] for name in names if given[name] != wanted[name]}):
                break
            changes |= more
    return {name: changes[name] for name in wanted if name in changes}


LEADING = ("data", "generator", "discriminator", "optimizer", "total_nimg")
"""What other settings of a recipe follow from."""
NETWORKS = {"g": "generator", "d": "discriminator"}


def _own(name: str, paper: str | None) -> dict[str, Any]:
    """A recipe's own settings, or those of its paper. Raises UserError where it has no such paper."""
    papers = RECIPES[name].papers
    if paper is not None and paper not in papers:
        told = f"of its paper for {shown(paper)}{suggestion(paper, papers) if isinstance(paper, str) else ''}"
        having = ", ".join(f"{each.name} {' and '.join(each.papers)}" for each in RECIPES.values() if each.papers)
        raise UserError(f"The recipe '{name}' has no settings {told} (those that there are: {having}).")
    return {"recipe": name, **RECIPES[name].settings, **({} if paper is None else papers[paper])}


def _length(own: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The run's length, where a recipe or a change gives one."""
    settings = {**own, **changes}
    return {"total_nimg": settings["total_nimg"]} if "total_nimg" in settings else {}


def _with_changes(own: Mapping[str, Any], changes: Mapping[str, Any], total_nimg: int) -> dict[str, Any]:
    """A recipe's settings with changes, in a run of this length; what they leave out has its default."""
    share = own.get("burn_in_share")  # the table's alone: it is no setting
    wanted = {key: value for key, value in own.items() if key != "burn_in_share"} | dict(changes)
    wanted = {key: value for key, value in wanted.items() if key in changes or _has_meaning(key, wanted, own)}
    if share is not None:
        wanted.setdefault("burn_in_nimg", max(1, int(total_nimg * share)))
    return wanted


def _has_meaning(setting: str, wanted: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Is a recipe's own setting of any use beside the changes? It is not where what it belongs to was changed: betas
    to another optimizer, sizes and norms to another family, a number of pictures to other data, and what changes
    pictures to points."""
    if setting in ("mirror", "augment"):
        return wanted.get("data") not in POINTS
    if setting in ("beta1", "beta2", "beta2_end"):
        return wanted.get("optimizer", "adam") == "adam"
    if setting in ("g_norm", "d_norm"):
        family = FAMILIES.get(str(wanted.get(NETWORKS[setting[0]])))
        return family is not None and "norm" in family.sizes(setting[0])
    if setting in ("blocks", "group_size"):
        chosen = {network: FAMILIES.get(str(wanted.get(name))) for network, name in NETWORKS.items()}
        return any(family is not None and setting in family.sizes(network) for network, family in chosen.items())
    if setting in ("g_width", "d_width"):
        network = NETWORKS[setting[0]]
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
