"""Files damaged at random, as in ``fuzz.py``, each in a child of its own."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import fuzz

from attack import runs
from attack.outcome import Attempt, Found

COUNT = 3000


def attempts(place: Path, seed: int) -> Iterator[Attempt]:
    place.mkdir(parents=True)
    pictures, containers = fuzz.make_pictures(), fuzz.make_containers(place)
    one = partial(damage, pictures, containers, seed)
    yield runs.normal("damaged", "damaged", partial(whole, pictures), lambda home: None)
    for number in range(COUNT):
        kind, _ = fuzz.case_name(seed, number)
        yield Attempt("damaged", f"{kind} {number}", "damaged", partial(one, number))


def whole(pictures: dict[str, bytes], home: Path) -> None:
    for content in pictures.values():
        fuzz.read_picture(content)


def damage(pictures: dict[str, bytes], containers: dict[str, bytes], seed: int, number: int, home: Path) -> None:
    outcome = fuzz.try_one(number, seed, home / "project", pictures, containers, fuzz.Watch())
    if outcome.fault:
        raise Found("TRACEBACK", f"{outcome.kind}, {outcome.how}: {outcome.fault}")
