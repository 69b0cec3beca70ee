"""What of the pictures will hurt the training: one set of sentences, for looking at them and for learning from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganforge.data.sources.budget import brief

MAX_NAMES = 10
"""Classes and pictures that are listed by name."""
NEAR_CONSTANT = 8
"""Of 255: a picture whose values span less is as good as empty."""
FEW = 1_000
"""Fewer pictures than these: D soon knows them by heart."""
NARROW = 64
"""Of 255: where all values of all pictures span less, they were probably meant to span more."""
MANY_BLANK = 0.01
"""A larger share of such pictures is a fault of the data."""
REFUSED = "train will refuse this: "
SMALL_CLASS = 10
"""A class with fewer than the mean divided by this is learnt badly."""


@dataclass(frozen=True)
class Seen:
    """Counts of pictures, as far as something may be said about them. duplicates: equal to an earlier one. constant,
    near_constant: of one value in each channel; of almost one. minimum, maximum: over all values but transparency, 0 to
    255. frame: (red, green, blue) of the commonest plain frame, or None, and framed: how many have it. num_sizes,
    of_commonest_size: of the pictures as they are kept. grey: without colour in any pixel. refusals: why they are not
    learned from as they are, a sentence each.
    """

    readable: int
    duplicates: int
    constant: int
    near_constant: int
    minimum: int
    maximum: int
    frame: tuple[int, ...] | None
    framed: int
    num_sizes: int
    of_commonest_size: int
    grey: int
    classes: Mapping[str, int]
    unreadable: int = 0
    transparent: int = 0
    empty_classes: Sequence[str] = ()
    refusals: Sequence[str] = ()


def warnings_for(seen: Seen, *, checked: bool = False) -> list[str]:
    """What will hurt the training, a sentence each. checked: but what the checks before training say in their way."""
    found, readable = [REFUSED + text for text in seen.refusals], seen.readable
    if seen.unreadable and not any("cannot be read" in text for text in seen.refusals):
        found.append(f"pictures that cannot be read and will be left out: {seen.unreadable:,}.")
    if not readable:
        return [*found, "there is nothing to learn from."]
    if 1 < readable == seen.duplicates + 1:
        return [*found, REFUSED + all_equal(readable, bool(seen.constant))]
    if readable == 1:
        return [*found, f"{REFUSED}a single picture is too little to learn from; give at least 2."]
    if not checked:
        found += few(readable - seen.duplicates)
    if seen.duplicates * 20 > readable and not checked:
        found.append(f"{seen.duplicates / readable:.0%} of the pictures are copies of others; G will favour them.")
    found += largest_class(seen.classes) + ([] if checked else small_classes(seen.classes))
    if seen.empty_classes:
        found.append(f"class folders without pictures: {', '.join(seen.empty_classes[:MAX_NAMES])}")
    if plain := seen.constant + seen.near_constant:
        if not checked or plain <= MANY_BLANK * readable:
            found.append(f"pictures of one value or almost one: {plain:,}; remove them unless they are meant to be so.")
    elif not checked and seen.maximum - seen.minimum < NARROW:
        found.append(f"the values go from {seen.minimum} to {seen.maximum} only, of 0 to 255: there is little to see.")
    if seen.frame is not None and seen.framed * 2 > readable:
        share, colour = f"{seen.framed / readable:.0%}", _named(seen.frame)
        found.append(f"{share} have a plain frame ({colour}); cut it off if it is a border.")
    if seen.of_commonest_size * 10 < readable * 9:
        found.append(f"{seen.num_sizes:,} different sizes: pictures are made one size; see the setting size.")
    if readable <= 20 * seen.grey < 20 * readable:
        found.append(f"grey pictures among those in colour: {seen.grey:,} of {readable:,}; G will make both.")
    if seen.transparent:
        found.append(f"pictures that are transparent in places: {seen.transparent:,}; see the setting channels.")
    return found


def few(different: int) -> list[str]:
    if different >= FEW:
        return []
    return [f"fewer than {FEW:,} different pictures: D soon knows them by heart; get more, or use augmentation."]


def all_equal(count: int, constant: bool) -> str:
    """Why there is nothing to learn."""
    return f"all {count:,} pictures are equal{', and of one single value' if constant else ''}: nothing can be learnt."


def largest_class(classes: Mapping[str, int]) -> list[str]:
    """One class that is most of all."""
    name = max(classes, key=lambda one: classes[one], default="")
    if len(classes) < 2 or classes[name] * 2 <= sum(classes.values()):
        return []
    return [f"more than half of the pictures are of one class ({brief(name)}): the others will be learnt less well."]


def small_classes(classes: Mapping[str, int]) -> list[str]:
    """Classes that are far smaller than the others."""
    total = sum(classes.values())
    small = [one for one in classes if classes[one] * SMALL_CLASS * len(classes) < total]
    if not small:
        return []
    least = min(small, key=lambda one: classes[one])
    return [
        f"classes with less than a tenth of the mean: {len(small):,} (the smallest, {brief(least)}, has "
        f"{classes[least]:,}); they will hardly be learnt."
    ]


def _named(colour: Sequence[int]) -> str:
    names = {(0, 0, 0): "black", (255, 255, 255): "white"}
    return names.get((colour[0], colour[1], colour[2]), "red {}, green {}, blue {}".format(*colour))
