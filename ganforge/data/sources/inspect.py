"""What is in a source of pictures, before anything is made of it, and what of that will hurt."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ganforge.data.inspect import MAX_CLASS_LINES, class_bars, summed_up
from ganforge.data.sources.budget import brief
from ganforge.data.sources.depth import Span
from ganforge.data.sources.entries import EMPTY_CLASS
from ganforge.data.sources.look import Look, looks
from ganforge.data.sources.open import Opened, class_names
from ganforge.data.sources.rest import Tally

MAX_NAMES = 20
"""Unreadable pictures that are listed by name."""
MAX_EXAMPLES = 5
MAX_SIZES = 5
NEAR_CONSTANT = 8
"""Of 255: a picture whose values span less is as good as empty."""
FEW = 1_000
"""Fewer pictures than these: D soon knows them by heart."""


@dataclass
class SourceFacts:
    """What ``inspect_source`` found; counts are of readable pictures unless they say otherwise.

    count: entries, unreadable ones included. sizes: (width, height) -> pictures. modes: L, LA, RGB, RGBA -> pictures.
    grey_in_colour: RGB or RGBA whose channels are equal. transparent: with a pixel that is not opaque. minimum,
    maximum, mean, std: over all values but transparency, 0 to 255. classes: class -> entries, in the classes' order.
    duplicates: pictures whose pixels equal an earlier one's; examples: some of them as (name, earlier name).
    constant, near_constant: of one value in each channel; of almost one. frames: (red, green, blue) of a plain frame,
    one pixel or more wide on all four sides, rounded to 16 steps -> pictures. unreadable: (name, reason). tally: what
    is left of the files; pages, span, span_from: how they were to be taken. splits: those that
    the source tells itself -> entries.
    """

    name: str
    kind: str
    count: int
    labels_from: str
    skipped: list[tuple[str, str]]
    classes: dict[str, int]
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    grey_in_colour: int = 0
    transparent: int = 0
    minimum: int = 255
    maximum: int = 0
    mean: float = 0.0
    std: float = 0.0
    duplicates: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)
    constant: int = 0
    near_constant: int = 0
    frames: Counter[tuple[int, ...]] = field(default_factory=Counter)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    pages: str | None = None
    span: Span | None = None
    span_from: str = ""
    splits: Counter[str] = field(default_factory=Counter)

    @property
    def readable(self) -> int:
        return self.count - len(self.unreadable)

    @property
    def empty_classes(self) -> list[str]:
        return [name for name, reason in self.skipped if reason == EMPTY_CLASS]


def inspect_source(source: Opened, poll: Callable[[], None] = lambda: None) -> SourceFacts:
    """Read every picture once, one at a time; 16 bytes and a number of each are kept, to tell duplicates.

    poll: called for every picture; raises to stop.
    """
    counts = Counter(entry.label for entry in source.entries)
    classes = {name: counts[name] for name in class_names(source.entries)}
    facts = SourceFacts(
        source.name, source.kind, len(source.entries), source.labels_from, list(source.skipped), classes
    )
    facts.splits = Counter(entry.split for entry in source.entries if entry.split)
    seen: dict[bytes, int] = {}
    values = total = square = 0
    for index, (entry, look) in enumerate(zip(source.entries, looks(source), strict=True)):
        poll()
        if isinstance(look, str):
            facts.unreadable.append((brief(entry.name), brief(look)))
            continue
        _note_equal(facts, source, seen, index, look.digest)
        _note(facts, look)
        facts.tally.note(entry.name, look.rest)
        values, total, square = values + look.values, total + look.total, square + look.square
    if values:
        facts.mean = total / values
        facts.std = max(0.0, square / values - facts.mean**2) ** 0.5
    return facts


def _note_equal(facts: SourceFacts, source: Opened, seen: dict[bytes, int], index: int, digest: str) -> None:
    earlier = seen.setdefault(bytes.fromhex(digest), index)
    if earlier != index:
        facts.duplicates += 1
        if len(facts.examples) < MAX_EXAMPLES:
            facts.examples.append((brief(source.entries[index].name), brief(source.entries[earlier].name)))


def _note(facts: SourceFacts, look: Look) -> None:
    facts.sizes[look.width, look.height] += 1
    facts.modes[look.mode] += 1
    facts.transparent += look.transparent
    facts.grey_in_colour += look.grey
    facts.minimum, facts.maximum = min(facts.minimum, look.minimum), max(facts.maximum, look.maximum)
    facts.constant += look.span == 0
    facts.near_constant += 0 < look.span < NEAR_CONSTANT
    if look.span >= NEAR_CONSTANT and look.frame is not None:
        facts.frames[look.frame] += 1


def describe_source(facts: SourceFacts) -> str:
    """The facts for people: aligned lines, a bar for each class, unreadable pictures by name, and warnings at the end.

    No line break at the end.
    """
    rows = [("source", f"{brief(facts.name)} ({facts.kind})"), ("pictures", _counts(facts))]
    if facts.splits:
        rows.append(("splits", ", ".join(f"{brief(split)} ({count:,})" for split, count in facts.splits.items())))
    if facts.readable:
        rows += [
            ("size", _sizes(facts)),
            ("kinds", _kinds(facts)),
            ("range", f"{facts.minimum} to {facts.maximum}, mean {facts.mean:.4g}, std {facts.std:.4g}"),
            ("duplicates", f"{facts.duplicates:,}"),
            ("constant", f"{facts.constant:,} of one single value, {facts.near_constant:,} of almost one"),
        ]
    lines = [f"{title:<12}{text}" for title, text in rows]
    lines += [f"{'':<12}{name} equals {earlier}" for name, earlier in facts.examples]
    lines += _classes(facts)
    lines += facts.tally.lines(facts.span, facts.span_from)
    lines += _listed("passed over", facts.skipped) + _listed("unreadable", facts.unreadable)
    lines += [f"warning: {text}" for text in warnings_for(facts)]
    return "\n".join(lines)


def warnings_for(facts: SourceFacts) -> list[str]:
    """What will hurt the training, a sentence each."""
    found, readable = (
        [f"train will refuse this: {text}" for text in facts.tally.refusals(facts.pages, facts.span)],
        facts.readable,
    )
    if facts.unreadable:
        found.append(f"pictures that cannot be read and will be left out: {len(facts.unreadable):,}.")
    if not readable:
        return [*found, "there is nothing to learn from."]
    if readable - facts.duplicates < FEW:
        found.append(
            f"fewer than {FEW:,} different pictures: D soon knows them by heart; get more, or use augmentation."
        )
    if facts.duplicates * 20 > readable:
        found.append(f"{facts.duplicates / readable:.0%} of the pictures are copies of others; G will favour them.")
    if len(facts.classes) > 1 and max(facts.classes.values()) * 2 > facts.count:
        name = max(facts.classes, key=lambda one: facts.classes[one])
        found.append(f"more than half of the pictures are of one class ({name}): the others will be learnt less well.")
    if facts.empty_classes:
        found.append(f"class folders without pictures: {', '.join(facts.empty_classes[:MAX_NAMES])}")
    plain = facts.constant + facts.near_constant
    if plain:
        found.append(f"pictures of one value or almost one: {plain:,}; take them away unless they are meant to be so.")
    for colour, count in facts.frames.most_common(1):
        if count * 2 > readable:
            found.append(f"{count / readable:.0%} have a plain frame ({_named(colour)}); cut it off if it is a border.")
    if facts.sizes.most_common(1)[0][1] * 10 < readable * 9:
        found.append(f"{len(facts.sizes):,} different sizes: pictures will be made one size; see the setting size.")
    grey = facts.modes["L"] + facts.modes["LA"]
    if 0 < grey < readable:
        found.append(f"grey pictures among those in colour: {grey:,} of {readable:,}; G will make both.")
    if facts.transparent:
        found.append(f"pictures that are transparent in places: {facts.transparent:,}; see the setting channels.")
    return found


def _named(colour: tuple[int, ...]) -> str:
    names: dict[tuple[int, ...], str] = {(0, 0, 0): "black", (255, 255, 255): "white"}
    return names.get(colour, "red {}, green {}, blue {}".format(*colour))


def _counts(facts: SourceFacts) -> str:
    unreadable = f", {len(facts.unreadable):,} of them unreadable" if facts.unreadable else ""
    return f"{facts.count:,}{unreadable}"


def _sizes(facts: SourceFacts) -> str:
    """The commonest sizes; of several, the range too."""
    common = facts.sizes.most_common(MAX_SIZES)
    if len(facts.sizes) == 1:
        return f"{common[0][0][0]} x {common[0][0][1]}, all of them"
    listed = ", ".join(f"{width} x {height} ({count:,})" for (width, height), count in common)
    widths, heights = zip(*facts.sizes, strict=True)
    span = f"{min(widths)} to {max(widths)} wide, {min(heights)} to {max(heights)} high"
    more = f" and {len(facts.sizes) - MAX_SIZES:,} more" if len(facts.sizes) > MAX_SIZES else ""
    return f"{len(facts.sizes):,} different: {listed}{more}; {span}"


def _kinds(facts: SourceFacts) -> str:
    names = {"L": "grey", "LA": "grey with transparency", "RGB": "colour", "RGBA": "colour with transparency"}
    parts = [f"{count:,} {names[mode]} ({mode})" for mode, count in sorted(facts.modes.items())]
    grey = f"; {facts.grey_in_colour:,} of those in colour show grey only" if facts.grey_in_colour else ""
    return ", ".join(parts) + grey


def _classes(facts: SourceFacts) -> list[str]:
    if not facts.classes:
        return ["classes     none"]
    counts = list(facts.classes.values())
    if len(counts) > MAX_CLASS_LINES:
        return [f"classes     {summed_up(counts)} ({facts.labels_from})"]
    return [f"classes     {len(counts):,} ({facts.labels_from})", *class_bars(list(facts.classes), counts)]


def _listed(title: str, pairs: list[tuple[str, str]]) -> list[str]:
    lines = [f"{title:<12}{name}: {reason}" for name, reason in pairs[:MAX_NAMES]]
    more = len(pairs) - MAX_NAMES
    return [*lines, f"{title:<12}and {more:,} more"] if more > 0 else lines
