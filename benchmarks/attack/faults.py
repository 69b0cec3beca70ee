"""Faults at every call that changes the disk: a full disk, a failing one, no more files, no permission, SIGKILL."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from attack import pictures, runs
from attack.fork import call
from attack.inject import APPLIES, Injector
from attack.outcome import Attempt, Found
from attack.runs import Fixtures, run_in
from ganforge.base.files import is_temporary
from ganforge.cli.main import main


@dataclass(frozen=True)
class Subject:
    """A command to inject faults into. make, run and check get the home, as an attempt's do; check, too, whether the
    process could tidy up: it was not killed, and only one call failed."""

    name: str
    run: Callable[[Path], int]
    make: Callable[[Path], object]
    check: Callable[[bool, Path], object]


def subjects(fixtures: Fixtures) -> list[Subject]:
    def reading(name: str) -> Subject:
        return Subject(name, lambda home: runs.command(name, run_in(home)), fixtures.copy_half, outputs_whole)

    return [
        Subject("train", lambda home: runs.train(run_in(home)), lambda home: run_in(home).parent.mkdir(),
                lambda tidy, home: runs.goes_on_equal(home, fixtures.whole)),
        Subject("resume", lambda home: runs.resume(run_in(home)), fixtures.copy_half,
                lambda tidy, home: runs.goes_on_equal(home, fixtures.whole)),
        Subject("prepare", prepare, lambda home: pictures.lay_out_good(home / "project" / "album"), prepared_right),
        *(reading(name) for name in ("sample", "walk", "evaluate", "report", "compare")),
    ]  # fmt: skip


def prepare(home: Path) -> int:
    return main(["data", "prepare", "album", "--size", "8"])


def prepared_right(tidy: bool, home: Path) -> None:
    """Preparing goes on, and what is prepared is what it should be; or a picture that could not be read was left out,
    and that was said. Raises Found."""
    said = (home.parent / "run.stdout").read_text(encoding="utf-8")
    if prepare(home):
        raise Found("DIFFERENT", "it cannot be prepared any more")
    if "left out: " in said and "Too many open files" not in said:  # this is the process's fault, not the picture's
        return
    made = [path.read_bytes() for path in (home.parent / "cache").rglob("pictures.u8")]
    shutil.rmtree(home.parent / "cache")
    if prepare(home) or made != [path.read_bytes() for path in (home.parent / "cache").rglob("pictures.u8")]:
        raise Found("DIFFERENT", "the prepared pictures are not those of one go")


def outputs_whole(tidy: bool, home: Path) -> None:
    """What has its final name is whole; nothing else is left where that can be. Raises Found."""
    for path in (home / "project").glob("*.*"):
        if path.suffix in (".png", ".webp") and "of-mine" not in path.name and not is_temporary(path.name):
            try:
                with Image.open(path) as picture:
                    picture.load()
            except (OSError, SyntaxError) as error:
                raise Found("DIFFERENT", f"half-written: {path.name} ({error})") from None
    own = {".env-production", ".pre-commit-config.yaml", ".part-of-mine"}
    left = [path.name for path in (home / "project").glob(".*") if path.name not in own]
    if left and tidy:
        raise Found("DIFFERENT", f"left over: {left}")


def attempts(fixtures: Fixtures, seed: int) -> Iterator[Attempt]:
    for subject in subjects(fixtures):
        kind = f"faults-{subject.name}"
        yield runs.normal(kind, subject.name, subject.run, subject.make)
        points = count_points(fixtures.place / f"count-{subject.name}", subject)
        planned = [
            (at, point, fault, lasting)
            for at, point in enumerate(points)
            for fault, calls in APPLIES.items()
            for lasting in ((False,) if fault == "SIGKILL" else (False, True))
            if point.split(" ")[0] in calls
        ]
        random.Random(seed).shuffle(planned)  # so that a share meets all kinds
        for at, point, fault, lasting in planned:
            how = f"{fault} {'from' if lasting else 'at'} call {at}, {point}"
            run = partial(broken, subject.run, at, fault, lasting)
            check = partial(subject.check, fault != "SIGKILL" and not lasting)
            yield Attempt(kind, how, subject.name, run, subject.make, check, killed=fault == "SIGKILL")


def broken(run: Callable[[Path], int], at: int, fault: str, lasting: bool, home: Path) -> int:
    Injector(home.parent, at, fault, lasting=lasting).start()
    return run(home)


def count_points(place: Path, subject: Subject) -> list[str]:
    """The calls of a run without faults."""

    def count(home: Path) -> None:
        subject.make(home)
        injector = Injector(place)
        injector.start()
        status = subject.run(home)
        injector.done = True
        (place / "points").write_text("\n".join(injector.points), encoding="utf-8")
        if status:
            raise Found("CRASH", (place / "make.stderr").read_text(encoding="utf-8"))

    call(count, place)
    return (place / "points").read_text(encoding="utf-8").splitlines()
