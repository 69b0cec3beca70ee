"""A record for people: a table on the screen, and what the protocol was, in words."""

from io import StringIO
from typing import Any

from ganforge.base.terminal import printable
from ganforge.metrics.catalog import in_order

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
    for name in in_order(record["figures"], [*protocol["extractors"], "pixels"]):
        what, _, features = name.partition("/")
        figure = record["figures"][name]
        value = number(figure["value"]) + (f" ± {number(figure['spread'])}" if figure["spread"] is not None else "")
        table.add_row(what, features, value, number(figure["floor"]), figure["better"])
    screen = StringIO()
    console = Console(file=screen, width=width, highlight=False, color_system=None, force_terminal=False)
    console.print(table)
    lines = [screen.getvalue().rstrip(), "", printable(in_words(protocol))]
    agreed = record.get("agreement", {})
    for extractor, shares in record["classes"].items():
        names = list(agreed.get(extractor, ()))  # of all classes, where G is told these
        pairs = zip(names if len(names) == len(shares) else range(len(shares)), shares, strict=True)
        lines.append(printable(f"Classes ({extractor}): " + ", ".join(f"{name}: {100 * s:.1f} %" for name, s in pairs)))
    for extractor, by_class in agreed.items():
        told = ", ".join(f"{name}: {percent(share)} ({percent(floor)})" for name, (share, floor) in by_class.items())
        lines.append(printable(f"Agreement by class ({extractor}), in brackets that of fresh reals: {told}"))
    if nearest := record.get("nearest"):
        shown = ", ".join(f"{name} ({number(distance)})" for name, distance in nearest[:NEAREST])
        lines.append(printable(f"Training pictures nearest to a judged one, with the distance in grey levels: {shown}"))
    return "\n".join([*lines, *map(printable, record["notes"])])


def percent(share: float | None) -> str:
    """A share, or a dash where there is none."""
    return "-" if share is None else f"{100 * share:.0f} %"


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
