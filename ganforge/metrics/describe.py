"""A record for people: a table on the screen, and what the protocol was, in words."""

from collections.abc import Mapping
from io import StringIO
from typing import Any

from ganforge.base.terminal import printable

ORDER = (
    "FD", "KID", "precision", "recall", "density", "coverage", "modes", "KL", "high quality", "score", "class distance",
    "copies", "exact duplicates", "near duplicates", "AuthPct", "C_T",
)  # fmt: skip
"""The rows' order; docs/metrics.md explains each of them."""
NEAREST = 5
"""Training pictures that are named; the record has more."""


def describe(record: dict[str, Any], width: int = 100) -> str:
    """The record as a table: a row for each figure, the floor beside it, and the protocol below."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    protocol = record["protocol"]
    title = Text(printable(record["subject"]["name"]))
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("figure")
    table.add_column("features")
    table.add_column("value", justify="right")
    table.add_column("fresh reals", justify="right")
    table.add_column("better")
    names = sorted(record["figures"], key=lambda name: (_features(name, protocol), ORDER.index(name.split("/")[0])))
    for name in names:
        what, _, features = name.partition("/")
        figure = record["figures"][name]
        value = number(figure["value"]) + (f" ± {number(figure['spread'])}" if figure["spread"] is not None else "")
        table.add_row(what, features, value, number(figure["floor"]), figure["better"])
    screen = StringIO()
    console = Console(file=screen, width=width, highlight=False, color_system=None, force_terminal=False)
    console.print(table)
    lines = [screen.getvalue().rstrip(), "", printable(in_words(protocol))]
    for extractor, shares in record["classes"].items():
        lines.append(f"Classes by the {extractor}: " + ", ".join(f"{c}: {100 * s:.1f} %" for c, s in enumerate(shares)))
    if nearest := record.get("nearest"):
        shown = ", ".join(f"{name} ({number(distance)})" for name, distance in nearest[:NEAREST])
        lines.append(printable(f"Training pictures nearest to a judged one, with the distance in grey levels: {shown}"))
    return "\n".join([*lines, *map(printable, record["notes"])])


def notes_on(why: Mapping[str, str]) -> list[str]:
    """A sentence for each reason why figures cannot be read: `No FD and KID (random): why.` why: by the figure's name;
    "" for those that can."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for full, note in why.items():
        name, _, features = full.partition("/")
        if note:
            reasons.setdefault((features, note), []).append(name)
    return [f"No {_listed(names)} ({features}): {note}." for (features, note), names in reasons.items()]


def in_words(protocol: dict[str, Any]) -> str:
    """Protocol 1a2b3c4d: 10,000 items judged against 50,000 of mnist's train split; ..."""
    extractors = ", ".join(f"{name} {hash_}" for name, hash_ in protocol["extractors"].items())
    return (
        f"Protocol {protocol['id']}: {protocol['num_fakes']:,} items judged against {protocol['num_reals']:,} of "
        f"{protocol['data']}'s {protocol['split']} split; fresh reals: {protocol['num_floor']:,} others of it; "
        f"features: {extractors}{kernel_in_words(protocol)}."
    )


def kernel_in_words(protocol: dict[str, Any]) -> str:
    """How the kernel distance was estimated; nothing where it was left out."""
    subsets, size = protocol.get("kernel_subsets"), protocol.get("kernel_subset_size")
    if not isinstance(subsets, int) or not isinstance(size, int) or not subsets:
        return ""
    return f"; KID: {subsets:,} pairs of subsets of {size:,}"


def number(value: float | None) -> str:
    """Four significant digits at most; a dash where there is no value."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def _listed(names: list[str]) -> str:
    """FD, precision and recall"""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _features(name: str, protocol: dict[str, Any]) -> int:
    return [*protocol["extractors"], "pixels"].index(name.partition("/")[2])
