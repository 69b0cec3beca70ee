"""What to type: a run's settings, or a remedy's, as a command."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganforge.base.errors import UserError
from ganforge.base.wording import option_text, pasted
from ganforge.config import Config, make_config
from ganforge.diagnosis.catalog import Remedy, Trouble
from ganforge.recipes.catalog import changes_of, recipe, usual_for

MOST_PROCESSES = 1_000_000
ANEW = "begin anew with the settings as they were mended"


def command(settings: Mapping[str, Any], processes: int = 1) -> str:
    """The shortest `ganforge train ...` that gives these settings, in so many processes of one machine.

    What follows from another setting by the recipe's own rule is left out. Raises UserError where this version of
    ganforge has no such recipe or setting.
    """
    wanted = make_config(dict(settings))
    recipe(wanted.recipe)  # raises where there is no such recipe
    options = [_option(key, value) for key, value in changes_of(wanted).items()]
    begin = f"torchrun --nproc-per-node {processes} -m ganforge train" if processes > 1 else "ganforge train"
    return " ".join([begin, shlex.quote(wanted.recipe), *options])


def processes_in(stored: Mapping[str, Any]) -> int:
    """How many trained a run together last, by what config.json holds, whatever that is."""
    past = stored.get("environment")
    last = past[-1] if isinstance(past, list) and past else None
    count = last.get("processes") if isinstance(last, dict) else None
    return count if type(count) is int and 0 < count < MOST_PROCESSES else 1


def what_to_do(
    trouble: Trouble, settings: Mapping[str, Any], run: str | Path = "RUN", processes: int = 1, *, mended: bool = False
) -> list[tuple[str, str]]:
    """(what it does, what to type) of each remedy that is one for a run of these settings, the best first. What to type
    is empty for a remedy that is words alone. run, processes: the run's path, and how many train it. mended: has the
    run learned by other settings before? Then its weights may be past mending, and no others are advised yet."""
    remedies, found = list(remedies_for(trouble, settings)), list[tuple[str, str]]()
    if mended and any(remedy.change for remedy in trouble.remedies):
        remedies = [(remedy, changed) for remedy, changed in remedies if changed is None]
        with suppress(UserError, TypeError):  # settings of a file that may hold anything
            found.append((ANEW, command(settings, processes)))
    found += [
        (remedy.does, remedy.command.replace("RUN", pasted(run)) if changed is None else command(changed, processes))
        for remedy, changed in remedies
    ]
    return list({typed or does: (does, typed) for does, typed in reversed(found)}.values())[::-1]


def remedies_for(trouble: Trouble, settings: Mapping[str, Any]) -> Iterator[tuple[Remedy, dict[str, Any] | None]]:
    """(remedy, the settings that it leads to, or None where it is none of settings), the best first. Where one undoes
    what was changed of the recipe, other changes are left out."""
    undone = False
    for remedy in trouble.remedies:
        setting, values = remedy.only
        if setting and settings.get(setting) not in values:
            continue
        if remedy.command or not remedy.change:
            yield remedy, None
        elif not undone and (changed := remedied(remedy, settings)) is not None:
            undone = remedy.undoes
            yield remedy, changed


def remedied(remedy: Remedy, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings with the remedy's change; None where they are the same, or do not go together."""
    try:
        old = make_config(dict(settings))
        usual = usual_for(old)
        changes = {name: _value(name, remedy.change, old, usual) for name in remedy.change}
        if "total_nimg" in changes and old.burn_in_nimg == usual.burn_in_nimg:  # by the recipe's rule: it follows
            changes["burn_in_nimg"] = usual_for(old.model_copy(update=changes)).burn_in_nimg
        changed = make_config(old.model_dump() | changes)
    except (UserError, TypeError):
        return None
    names = changed.shaping(with_d=True) if old.init_from is not None else []  # weights are there for these alone
    if changed == old or any(getattr(changed, name) != getattr(old, name) for name in names):
        return None
    return changed.model_dump(mode="json")


def _value(name: str, change: Mapping[str, Any], old: Config, usual: Config) -> Any:
    """A change's value; raises TypeError where a factor is given to what is no number. D's rate is G's where it has
    none of its own, and goes on being so where that is changed, too."""
    value = change[name]
    if value == "recipe":
        return getattr(usual, name)
    if isinstance(value, str) and value[:1] == "x" and value[1:2].isdigit():
        now = getattr(old, name)
        if name == "d_lr" and now is None:
            if "lr" in change:
                return None
            now = old.lr
        product = float(value[1:]) * now
        return max(1, round(product)) if isinstance(now, int) else float(f"{product:.3g}")
    return value


def _option(name: str, value: Any) -> str:
    option = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return option if value else f"--no-{option.removeprefix('--')}"
    text = option_text(value)
    return f"{option}{'=' if text.startswith('-') else ' '}{shlex.quote(text)}"
