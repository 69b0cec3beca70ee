"""Which pictures to make: seeds, classes and z, as people type them or give them from Python."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.base.given import each_given, shown, whole_given
from ganforge.base.wording import as_typed, suggestion

NUMBERS = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")
"""3, or 3-17."""
Seeds = Iterable[int] | int | str
"""Whole numbers; one alone; or a text as ``parse_seeds`` takes it."""
Labels = Tensor | Iterable[int | str] | int | str | None
"""Numbers or names of classes, one a picture; or a single one, for all."""


def seeds_given(seeds: Seeds) -> list[int]:
    """The seeds, one by one. Raises UserError for anything else."""
    if isinstance(seeds, str):
        return parse_seeds(seeds)
    if not isinstance(seeds, bool) and hasattr(seeds, "__index__") and not getattr(seeds, "shape", None):
        return [whole_given(seeds, "A seed")]
    return [whole_given(seed, "A seed") for seed in each_given(seeds, "The seeds")]


def labels_given(labels: Labels, count: int, num_classes: int, names: Sequence[str] = ()) -> Tensor:
    """int64 [count] in [0, num_classes). Raises UserError for other labels, too few or too many."""
    if isinstance(labels, Tensor) and labels.dim() == 1 and not (labels.is_floating_point() or labels.is_complex()):
        told = labels.to(torch.int64)
    else:
        one = isinstance(labels, str) or not (isinstance(labels, Iterable) and getattr(labels, "shape", True))
        each = [labels] if one else each_given(labels, "The labels")
        numbers = [n for label in each for n in _class_given(label, names)]
        told = torch.tensor(numbers * count if one and len(numbers) == 1 else numbers, dtype=torch.int64)
    if len(told) != count or ((told < 0) | (told >= num_classes)).any():
        given = f"{len(told)} were given" if len(told) != count else f"{shown(told.tolist())} were given"
        raise UserError(
            f"{count} labels from 0 to {num_classes - 1} are needed, one for each picture, or a single one for all; "
            f"{given}."
        )
    return told


def _class_given(label: object, names: Sequence[str]) -> list[int]:
    return parse_classes(label, names) if isinstance(label, str) else [whole_given(label, "A label")]


def z_given(z: object, z_dim: int) -> Tensor:
    """z, float [N, z_dim]. Raises UserError for anything else."""
    try:
        found = torch.as_tensor(z)
    except (TypeError, ValueError, RuntimeError):
        raise UserError(f"z is a tensor of numbers [N, {z_dim}], not {shown(z)}.") from None
    if found.dim() != 2 or found.shape[1] != z_dim or found.is_complex() or found.dtype == torch.bool:
        raise UserError(f"z is a tensor of numbers [N, {z_dim}], not {shown(z)}.")
    if not torch.isfinite(found).all():
        raise UserError("z holds a number that is not finite.")
    return found.to("cpu", torch.float32)


def parse_classes(text: str, names: Sequence[str] = ()) -> list[int]:
    """`3`, `0-4,7` or `cat,dog` -> numbers of classes. names: the classes' own, in the order of their numbers. A class
    that is called by a number is meant by it, and then none is meant by its place. Raises UserError for anything else.
    """
    if not names:
        return _parse_numbers(text, "classes", "3 or 0-4,7")
    known = {unicodedata.normalize("NFC", name): number for number, name in enumerate(names)}
    by_place = all(place == int(name) for name, place in known.items() if name.isdecimal())
    classes: list[int] = []
    for part in (unicodedata.normalize("NFC", part.strip()) for part in text.split(",")):
        if part in known:
            classes.append(known[part])
        elif by_place and NUMBERS.fullmatch(part):
            classes += _parse_numbers(part, "classes", "3 or 0-4,7")
        else:
            some = ", ".join(map(as_typed, names[:20])) + ", ..." * (len(names) > 20)
            raise UserError(f"There is no class '{as_typed(part)}'{suggestion(part, known)} (the classes: {some}).")
    return classes


def parse_seeds(text: str) -> list[int]:
    """`0-63,100` -> [0, ..., 63, 100]. Raises UserError for anything else."""
    return _parse_numbers(text, "seeds", "0-63 or 1,5,20-29")


def _parse_numbers(text: str, what: str, example: str) -> list[int]:
    ranges: list[range] = []
    for part in text.split(","):
        found = NUMBERS.fullmatch(part.strip())
        ranges.append(range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0))
        if not ranges[-1]:
            raise UserError(f"The {what} '{as_typed(text)}' are not numbers and ranges such as {example}.")
    count = sum(len(one) for one in ranges)
    if count > 100_000:
        raise UserError(f"The {what} '{as_typed(text)}' are {count:,} pictures; ask for at most 100,000 at a time.")
    return [seed for one in ranges for seed in one]
