"""What the verbs share: the parser, one option for each setting, and what is refused."""

import argparse
import re
from pathlib import Path
from typing import Any, NoReturn, get_args

from ganforge.base.errors import UserError
from ganforge.base.sizes import parse_count
from ganforge.base.terminal import tell
from ganforge.base.wording import as_typed
from ganforge.config import MAY_CHANGE, Config

SOURCE = "a run folder, a snapshot file, or one on the hub: hub:OWNER/NAME[@REVISION]"


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are one sentence, and which never guesses at abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.color = False  # of Python 3.14
        self._negative_number_matcher = re.compile(r"-[\d.]")  # --range -1,1 is a value, too

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[0].upper()}{message[1:]} (see `{self.prog} --help`).")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Help and version; argparse itself would say nothing of a full disk."""
        tell(message.removesuffix("\n"), file)


def whole(text: str) -> int:
    """The type of options that are whole numbers."""
    if (count := parse_count(text)) is None:
        raise argparse.ArgumentTypeError(f"'{as_typed(text)}' is no whole number, such as 5000, 1e5, 100k or 1.5M")
    if abs(count) >= 2**63:
        raise argparse.ArgumentTypeError(f"'{as_typed(text)}' is too large")
    return count


def add_settings(parser: Parser, defaults: Config | None) -> None:
    """One option for each setting; what is not given stays as the recipe or the run has it."""
    group = parser.add_argument_group(
        "settings (as in the run's config.json)", "whole numbers also as 1e5, 100k or 1.5M"
    )
    for name, field in Config.model_fields.items():
        if name == "recipe":
            continue
        text = setting_help(name)
        if defaults is not None and getattr(defaults, name) is not None:
            text += f" (default: {as_typed(getattr(defaults, name))})"
        refused = defaults is None and name not in MAY_CHANGE  # understood, so that the refusal can say why
        if defaults is None and name == "data":
            refused, text = False, "Where the pictures that the run learns from are now, if they have moved"
        options: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS}
        options["help"] = argparse.SUPPRESS if refused else text.replace("%", "%%")
        if field.annotation is bool:
            group.add_argument(f"--{name.replace('_', '-')}", action=argparse.BooleanOptionalAction, **options)
        else:
            group.add_argument(f"--{name.replace('_', '-')}", metavar=name.rpartition("_")[2].upper(), **options)


def setting_help(name: str) -> str:
    text = Config.model_fields[name].description or ""
    return text.removesuffix(".")


def choices_of(name: str) -> list[str]:
    """The words that a setting may be, in their order; none for a setting that is a number, a text or a switch."""

    def words(annotation: Any) -> list[str]:
        inner = [word for one in get_args(annotation) for word in ([one] if isinstance(one, str) else words(one))]
        return [*inner, "none"] if type(None) in get_args(annotation) else inner

    found = words(Config.model_fields[name].annotation)
    return found if found != ["none"] else []


def settings_given(given: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given on the command line, as values that Config can validate."""
    values = {name: value for name, value in vars(given).items() if name in Config.model_fields and name != "recipe"}
    for name, value in values.items():
        if name.endswith("_hidden"):
            values[name] = value.split(",") if value else []
        elif value == "none" and type(None) in getattr(Config.model_fields[name].annotation, "__args__", ()):
            values[name] = None
    return values


def refuse_options(given: argparse.Namespace, names: tuple[str, ...], what: str) -> None:
    for name in names:
        if getattr(given, name) is not None:
            raise UserError(f"--{name.replace('_', '-')} is {what}; leave it out.")


def refuse_odd_license(license: str | None) -> None:
    """Raise UserError for what is no license's short name: it stands in a card's front matter, which is YAML."""
    if license is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", license):
        raise UserError(f"The license is '{as_typed(license)}'; give its short name, such as cc-by-4.0 or mit.")


def refuse_other_than_png(out: Path) -> None:
    """Raise UserError where the name that was given for a picture is not a PNG's, or its folder is not there."""
    if out.suffix.lower() != ".png":
        raise UserError(f"The picture is a PNG file; give --out a name that ends in .png, not {out.name!r}.")
    if not out.parent.is_dir():
        raise UserError(f"There is no folder {out.parent}; make it, or choose another place with --out.")
