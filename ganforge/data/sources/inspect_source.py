"""What is in a source of pictures, before anything is made of it, and what of that will hurt."""

from collections import Counter
from dataclasses import dataclass, field

from ganforge.base.sizes import size_text
from ganforge.base.stopping import poll
from ganforge.data.inspect_dataset import MAX_CLASS_LINES, class_bars, summed_up
from ganforge.data.prepared.splits import choose_split, describe_parts
from ganforge.data.sources.budget import brief, broken_allowed
from ganforge.data.sources.depth import Span
from ganforge.data.sources.hints import MAX_NAMES, NEAR_CONSTANT, Seen, warnings_for
from ganforge.data.sources.left_out import Tally
from ganforge.data.sources.look import Look, looks
from ganforge.data.sources.open import Opened
from ganforge.data.sources.tree import EMPTY_CLASS

MAX_EXAMPLES = 5
MAX_SIZES = 5


@dataclass
class SourceStatistics:
    """What ``inspect_source`` found; counts are of readable pictures unless they say otherwise.

    count: entries, unreadable ones included. sizes: (height, width) -> pictures. modes: L, LA, RGB, RGBA -> pictures.
    grey_in_colour: RGB or RGBA whose channels are equal. transparent: with a pixel that is not opaque. minimum,
    maximum, mean, std: over all values but transparency, 0 to 255. classes: class -> entries, in the classes' order.
    duplicates: pictures whose pixels equal an earlier one's; examples: some of them as (name, earlier name).
    constant, near_constant: of one value in each channel; of almost one. frames: (red, green, blue) of a plain frame,
    one pixel or more wide on all four sides, rounded to 16 steps -> pictures. unreadable: (name, reason). no_labels:
    why there are no classes. parts: of which part of the source all of this is, for people. tally: what is left of the
    files; pages, span, span_from: how they were to be taken.
    """

    name: str
    kind: str
    count: int
    labels_from: str
    skipped: list[tuple[str, str]]
    classes: dict[str, int]
    no_labels: str = ""
    parts: str = ""
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

    @property
    def readable(self) -> int:
        return self.count - len(self.unreadable)

    @property
    def empty_classes(self) -> list[str]:
        return [name for name, reason in self.skipped if reason == EMPTY_CLASS]

    def refusals(self) -> list[str]:
        """Why `train` takes this set not as it is."""
        found, allowed = self.tally.refusals(self.pages, self.span), broken_allowed(self.count)
        if self.readable and len(self.unreadable) > allowed:
            found.append(
                f"{len(self.unreadable):,} pictures cannot be read, and at most {allowed:,} may be left out; fix or "
                "remove them, or allow more with --max-broken."
            )
        return found

    def seen(self) -> Seen:
        """What there is to warn of."""
        frame = max(self.frames, key=lambda colour: self.frames[colour], default=None)
        return Seen(
            self.readable, self.duplicates, self.constant, self.near_constant, self.minimum, self.maximum, frame,
            0 if frame is None else self.frames[frame], len(self.sizes), max(self.sizes.values(), default=0),
            self.modes["L"] + self.modes["LA"] + self.grey_in_colour, self.classes, len(self.unreadable),
            self.transparent, self.empty_classes, self.refusals(),
        )  # fmt: skip


def inspect_source(source: Opened) -> SourceStatistics:
    """Read every picture that would be learned from once, one at a time; 16 bytes and a number of each are kept, to
    tell duplicates."""
    chosen = choose_split(source, "train")
    counts = Counter(chosen.labels)
    facts = SourceStatistics(
        source.name, source.kind, len(chosen.indices), chosen.labels_from, list(source.skipped),
        {name: counts[name] for name in chosen.classes()}, chosen.no_labels, describe_parts(chosen.parts, chosen.part),
    )  # fmt: skip
    seen: dict[bytes, int] = {}
    values = total = square = 0
    for index, look in zip(chosen.indices, looks(source, chosen.indices), strict=True):
        poll()
        if isinstance(look, str):
            facts.unreadable.append((brief(source.entries[index].name), brief(look)))
            continue
        _note_equal(facts, source, seen, index, look.digest)
        _note(facts, look)
        facts.tally.note(source.entries[index].name, look.rest)
        values, total, square = values + look.values, total + look.total, square + look.square
    if values:
        facts.mean = total / values
        facts.std = max(0.0, square / values - facts.mean**2) ** 0.5
    return facts


def _note_equal(facts: SourceStatistics, source: Opened, seen: dict[bytes, int], index: int, digest: str) -> None:
    earlier = seen.setdefault(bytes.fromhex(digest), index)
    if earlier != index:
        facts.duplicates += 1
        if len(facts.examples) < MAX_EXAMPLES:
            facts.examples.append((brief(source.entries[index].name), brief(source.entries[earlier].name)))


def _note(facts: SourceStatistics, look: Look) -> None:
    facts.sizes[look.height, look.width] += 1
    facts.modes[look.mode] += 1
    facts.transparent += look.transparent
    facts.grey_in_colour += look.grey
    facts.minimum, facts.maximum = min(facts.minimum, look.minimum), max(facts.maximum, look.maximum)
    facts.constant += look.span == 0
    facts.near_constant += 0 < look.span < NEAR_CONSTANT
    if look.span >= NEAR_CONSTANT and look.frame is not None:
        facts.frames[look.frame] += 1


def describe_source(facts: SourceStatistics) -> str:
    """The facts for people: aligned lines, a bar for each class, unreadable pictures by name, and warnings at the end.

    No line break at the end.
    """
    rows = [("source", f"{brief(facts.name)} ({facts.kind})"), ("pictures", _counts(facts))]
    if facts.parts:
        rows.append(("parts", facts.parts))
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
    lines += _listed("skipped", facts.skipped) + _listed("unreadable", facts.unreadable)
    lines += [f"warning: {text}" for text in warnings_for(facts.seen())]
    return "\n".join(lines)


def _counts(facts: SourceStatistics) -> str:
    unreadable = f", {len(facts.unreadable):,} of them unreadable" if facts.unreadable else ""
    return f"{facts.count:,}{unreadable}"


def _sizes(facts: SourceStatistics) -> str:
    """The commonest sizes, height x width; of several, the range too."""
    common = facts.sizes.most_common(MAX_SIZES)
    if len(facts.sizes) == 1:
        return f"{size_text(*common[0][0])}, all of them"
    listed = ", ".join(f"{size_text(*size)} ({count:,})" for size, count in common)
    heights, widths = zip(*facts.sizes, strict=True)
    span = f"{min(heights)} to {max(heights)} high, {min(widths)} to {max(widths)} wide"
    more = f" and {len(facts.sizes) - MAX_SIZES:,} more" if len(facts.sizes) > MAX_SIZES else ""
    return f"{len(facts.sizes):,} different: {listed}{more}; {span}"


def _kinds(facts: SourceStatistics) -> str:
    names = {"L": "grey", "LA": "grey with transparency", "RGB": "colour", "RGBA": "colour with transparency"}
    parts = [f"{count:,} {names[mode]} ({mode})" for mode, count in sorted(facts.modes.items())]
    grey = f"; {facts.grey_in_colour:,} of those in colour show grey only" if facts.grey_in_colour else ""
    return ", ".join(parts) + grey


def _classes(facts: SourceStatistics) -> list[str]:
    if not facts.classes:
        return [f"classes     none{': ' * bool(facts.no_labels)}{facts.no_labels}"]
    counts = list(facts.classes.values())
    if len(counts) > MAX_CLASS_LINES:
        return [f"classes     {summed_up(counts)} ({facts.labels_from})"]
    return [f"classes     {len(counts):,} ({facts.labels_from})", *class_bars(list(facts.classes), counts)]


def _listed(title: str, pairs: list[tuple[str, str]]) -> list[str]:
    lines = [f"{title:<12}{name}: {reason}" for name, reason in pairs[:MAX_NAMES]]
    more = len(pairs) - MAX_NAMES
    return [*lines, f"{title:<12}and {more:,} more"] if more > 0 else lines
