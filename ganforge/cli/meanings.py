"""What the words of ganforge's mean: each told by its own record, setting, parser or line of the vocabulary."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganforge.base.wording import as_typed, listed
from ganforge.cli.options import Parser, setting_help
from ganforge.cli.recipes import paper_of
from ganforge.cli.vocabulary import terms
from ganforge.config import MAY_CHANGE, Config
from ganforge.data.catalog import DATA_SETS
from ganforge.metrics.catalog import EXTRACTORS, FIGURES
from ganforge.networks.catalog import FAMILIES
from ganforge.objectives.catalog import OBJECTIVES, PENALTIES, Band
from ganforge.recipes.catalog import RECIPES, recipe


@dataclass(frozen=True)
class Meaning:
    """words: the spellings that are asked for, the usual one first. kind: what it is, with more in brackets.
    laid_out: is there one paragraph, whose lines stay as they are?"""

    words: tuple[str, ...]
    kind: str
    paragraphs: tuple[str, ...]
    laid_out: bool = False


def bare(word: str) -> str:
    """A word without what people type in several ways."""
    return " ".join(word.lstrip("-").lower().replace("_", " ").replace("-", " ").split())


def all_meanings(parsers: Mapping[str, Parser]) -> list[Meaning]:
    """Of every word; parsers: the verbs'."""
    sources = (verbs(parsers), settings(), options(parsers), recipes(), objectives(), penalties(), families(),
               figures(), extractors(), data_sets())  # fmt: skip
    found = [meaning for source in sources for meaning in source]
    return found + [Meaning(term.words, f"a term ({term.section})", term.cells) for term in terms()]


def verbs(parsers: Mapping[str, Parser]) -> Iterator[Meaning]:
    for name, parser in parsers.items():
        yield Meaning((name,), "a command", (parser.format_help().rstrip(),), laid_out=True)


def settings() -> Iterator[Meaning]:
    usual = {name: field.default for name, field in Config.model_fields.items()}
    schema = Config.model_json_schema()["properties"]
    chosen = {name: dict(recipe(name)) for name in RECIPES}
    for name, field in Config.model_fields.items():
        if name == "recipe":
            continue
        others = [f"{each} {as_typed(values[name])}" for each, values in chosen.items() if values[name] != usual[name]]
        when = "may be changed by `ganforge resume`" if name in MAY_CHANGE else "fixed when a run begins"
        yield Meaning(
            (name, f"--{name.replace('_', '-')}"),
            f"a setting (of `ganforge train`; {when})",
            (
                field.description or "",
                _allowed(schema[name]),
                f"Default: {as_typed(usual[name])}" + (f"; with {', '.join(others)}." if others else "."),
            ),
        )


def options(parsers: Mapping[str, Parser]) -> Iterator[Meaning]:
    """Those of the verbs that are no settings, once each for all that have the same line of help."""
    found: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for verb, parser in parsers.items():
        for action in parser._actions:
            if not action.option_strings or action.help == argparse.SUPPRESS or action.dest == "help":
                continue
            text = (action.help or "").replace("%%", "%")
            if action.dest in Config.model_fields and (
                verb in ("train", "resume") or text == setting_help(action.dest)
            ):
                continue
            found.setdefault((tuple(action.option_strings), text), []).append(f"`ganforge {verb}`")
    for (strings, text), having in found.items():
        yield Meaning(strings, f"an option (of {listed(having, 'and')})", (f"{text[:1].upper()}{text[1:]}.",))


def recipes() -> Iterator[Meaning]:
    for name, one in RECIPES.items():
        own = [f"{setting} {as_typed(value)}" for setting, value in one.settings.items()]
        yield Meaning(
            (name,),
            f"a recipe (`ganforge train {name}`)",
            (
                one.summary,
                f"Source: {one.source}",
                f"Expect: {one.expect}",
                f"Measured: {one.measured}",
                f"Cost: {one.cost}",
                f"Its settings: {', '.join(own)}." if own else "All settings are the usual ones.",
                *paper_of(one),
            ),
        )


def objectives() -> Iterator[Meaning]:
    for name, one in OBJECTIVES.items():
        yield Meaning(
            (name,),
            f"an objective (--objective {name})",
            (
                f"D's loss: {one.meaning} {_band(one.healthy)}",
                f"G's loss: {one.g_meaning} {_band(one.g_healthy)}" if one.g_meaning else "",
                f"D's logits: {one.logits_meaning}",
                f"It needs a D of bounded slope: {one.needs_bounded_slope}." if one.needs_bounded_slope else "",
                f"Source: {one.source}",
                "Its formula: docs/recipes.md, Objectives.",
            ),
        )


def penalties() -> Iterator[Meaning]:
    for name, one in PENALTIES.items():
        option = f"--{one.setting.replace('_', '-')}"
        yield Meaning((name,), f"a penalty ({option})", (one.meaning, one.help, f"Source: {one.source}"))


def families() -> Iterator[Meaning]:
    for name, one in FAMILIES.items():
        networks = {"--generator": one.g_sizes, "--discriminator": one.d_sizes}
        options = [f"{option} {name}" for option, sizes in networks.items() if sizes is not None]
        sizes = [
            f"{network} takes {listed(taken, 'and') or 'no sizes'}"
            for network, taken in zip("GD", networks.values(), strict=True)
            if taken is not None
        ]
        told = (one.meaning, f"{'; '.join(sizes)}.", f"Source: {one.source}")
        yield Meaning((name,), f"a family of networks ({', '.join(options)})", told)


def figures() -> Iterator[Meaning]:
    for name, one in FIGURES.items():
        better = "near its floor" if one.better == "near floor" else one.better
        told = (one.meaning, f"Better: {better}. Values: {one.range}. It needs {one.needs}.")
        blind = f"It cannot see: {one.blind_to}" if one.blind_to else ""
        yield Meaning((name,), "a figure (of `ganforge evaluate`)", (*told, blind, f"Source: {one.source}"))


def extractors() -> Iterator[Meaning]:
    for name, one in EXTRACTORS.items():
        told = (one.meaning, f"It takes {one.takes}.", f"Source: {one.source}")
        yield Meaning((name,), "an extractor of features (of `ganforge evaluate --features`)", told)


def data_sets() -> Iterator[Meaning]:
    for name, summary in DATA_SETS.items():
        yield Meaning((name,), f"a data set (--data {name})", (f"{summary[0].upper()}{summary[1:]}.",))


def _allowed(schema: Mapping[str, Any]) -> str:
    """What a setting may be: `A whole number from 2 to 64, auto, or none.`"""
    kinds = schema.get("anyOf", [schema])
    words = [str(word) for kind in kinds for word in kind.get("enum", [kind["const"]] if "const" in kind else [])]
    said = []
    for kind in kinds:
        match kind.get("type"):
            case "integer" | "number":
                said.append(("a whole number" if kind["type"] == "integer" else "a number") + _limits(kind))
            case "boolean":
                said.append("on or off (with no- in front)")
            case "array":
                said.append("whole numbers with commas between them")
            case "null":
                words.append("none")
    text = listed([*said, *words], "or")
    return f"It is {text}." if text else ""


def _limits(kind: Mapping[str, Any]) -> str:
    """` from 1 to 64`, of a number."""
    least = [f" from {kind['minimum']:,}"] if "minimum" in kind else []
    least += [f" above {kind['exclusiveMinimum']:,}"] if "exclusiveMinimum" in kind else []
    most = [f" to {kind['maximum']:,}"] if "maximum" in kind else []
    below = kind.get("exclusiveMaximum", 2**63)
    return "".join([*least, *most, f" below {below:,}" if below < 2**63 else ""])


def _band(band: Band | None) -> str:
    return f"Both networks are in the game from {_number(band[0])} to {_number(band[1])}." if band else ""


def _number(value: Any) -> str:
    return f"{value:.3g}"
