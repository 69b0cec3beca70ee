"""Damage picture files and their containers in thousands of ways, and see that none does harm.

Small real files of every format and container are damaged at random: bits flipped, bytes cut off, moved, repeated,
zeroed, put in, and numbers in headers made extreme. Each is opened, listed, read and decoded as ganforge does it, in
another process. It must give pictures, or Unreadable or UserError with one line of text, within the time limit;
the header must agree with the decoded picture; no file may be opened for writing, no process or connection started.
"""

import argparse
import os
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from fuzz_files import damaged, make_containers, make_pictures

LIMIT_S = 30.0
"""For one file; the machine may be busy."""
MEMORY_BYTES = 4 << 30
"""What a process may take on top of what it starts with."""
HARMFUL = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "socket.connect", "os.mkdir",
           "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree")  # fmt: skip
SUFFIX = {"tar": ".tar", "npz": ".npz"}


@dataclass(frozen=True)
class Outcome:
    """Of one file. how: it was damaged. result: "pictures", "in part", "refused" (nothing to read), or "fault"."""

    number: int
    kind: str
    how: str
    result: str
    fault: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "fuzz.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = list(supervise(Path(folder), given.seed, given.files))
    faults = [outcome for outcome in outcomes if outcome.fault]
    for outcome in faults[:20]:
        print(f"{outcome.number} {outcome.kind} {outcome.how}: {outcome.fault}", file=sys.stderr)
    report(given.out, outcomes, faults)
    return 1 if faults else 0


def supervise(folder: Path, seed: int, count: int) -> Iterator[Outcome]:
    """Every file's outcome; a process that hangs or dies is a fault of the file it was at, and is replaced."""
    context = get_context("spawn")
    number = 0
    while number < count:
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(theirs, folder, seed, number, count), daemon=True)
        process.start()
        theirs.close()
        try:
            while number < count:
                if not mine.poll(LIMIT_S):
                    raise TimeoutError
                yield mine.recv()
                number += 1
        except (TimeoutError, EOFError) as error:
            process.kill()
            process.join()
            what = "a hang" if isinstance(error, TimeoutError) else f"the process died, exit status {process.exitcode}"
            yield Outcome(number, *case_name(seed, number), "fault", what)
            number += 1
        finally:
            process.kill()
            process.join()
            mine.close()


def work(pipe: Connection, folder: Path, seed: int, start: int, stop: int) -> None:
    """In the child: try file after file."""
    if sys.platform == "linux":
        import resource

        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    pictures, containers = make_pictures(), make_containers(folder)
    watch = Watch()
    for number in range(start, stop):
        pipe.send(try_one(number, seed, folder, pictures, containers, watch))


class Watch:
    """Notes what Python is asked to do to the world while it is ``on``."""

    def __init__(self) -> None:
        self.on, self.seen = False, list[str]()
        sys.addaudithook(self.hook)

    def hook(self, event: str, args: tuple[object, ...]) -> None:
        if not self.on:
            return
        if event in HARMFUL or (event == "open" and self.writes(args)):
            self.seen.append(f"{event} {args[0]!r}")

    @staticmethod
    def writes(args: tuple[object, ...]) -> bool:
        flags = args[2] if len(args) > 2 and isinstance(args[2], int) else 0
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)) and str(args[0]) != os.devnull


def choice(seed: int, number: int) -> random.Random:
    return random.Random(f"{seed}-{number}")


def case_name(seed: int, number: int) -> tuple[str, str]:
    """Which kind of file a number stands for; the damage is known only to the process that dealt it."""
    return ("picture" if choice(seed, number).random() < 0.6 else "container"), "unknown"


def try_one(
    number: int, seed: int, folder: Path, pictures: dict[str, bytes], containers: dict[str, bytes], watch: Watch
) -> Outcome:
    """Damage one file and read it."""
    chance = choice(seed, number)
    files = pictures if chance.random() < 0.6 else containers
    kind = chance.choice(sorted(files))
    content, how = damaged(files[kind], files[chance.choice(sorted(files))], chance)
    path = folder / f"case{SUFFIX.get(kind.partition(' ')[0], '')}"
    if files is containers:
        path.write_bytes(content)
    before = sorted(folder.rglob("*"))
    watch.seen.clear()
    watch.on = True
    try:
        result = read_picture(content) if files is pictures else read_container(path)
        fault = ""
    except Exception:  # whatever comes out here is what this looks for
        result, fault = "fault", traceback.format_exc(limit=-4)
    finally:
        watch.on = False
    if watch.seen or sorted(folder.rglob("*")) != before:
        result, fault = "fault", f"{fault} it did {watch.seen[:3]}"
    return Outcome(number, kind, how, result, fault)


def read_picture(content: bytes) -> str:
    from ganforge.data.sources.decode import Header, PictureFile, Unreadable, decode

    try:
        header = PictureFile(content).header()
    except Unreadable as error:
        header = None
        check_text(error)
    try:
        picture = decode(content)
    except Unreadable as error:
        check_text(error)
        return "refused"
    assert header == Header(picture.width, picture.height, picture.mode), f"{header} and {picture}"
    return "pictures"


def read_container(path: Path) -> str:
    from ganforge.base.errors import UserError
    from ganforge.data.sources.decode import Unreadable
    from ganforge.data.sources.open import open_source, picture_at

    read = 0
    try:
        with closing(open_source(path)) as source:
            source.fingerprint()
            total = len(source.entries)
            shown = min(total, 40)
            for index in range(shown):
                assert source.entries[index].name.isprintable()
                try:
                    picture_at(source, index)
                    read += 1
                except Unreadable as error:
                    check_text(error)
            whole = read == shown and not source.skipped
    except UserError as error:
        check_text(error)
        return "refused"
    return "pictures" if whole else "in part"


def check_text(error: Exception) -> None:
    text = str(error)
    assert text and "\n" not in text and len(text) < 1000, f"no clear sentence: {text!r}"


def report(path: Path, outcomes: list[Outcome], faults: list[Outcome]) -> None:
    from reporting import write_results

    columns = ["pictures", "in part", "refused", "fault"]
    lines = [*(__doc__ or "").strip().splitlines(), ""]
    lines += [f"Outcome: {len(outcomes):,} damaged files, {len(faults):,} faults.", ""]
    for title, key in (("file", "kind"), ("damage", "how")):
        counts = Counter((getattr(outcome, key), outcome.result) for outcome in outcomes)
        names = sorted({name for name, _ in counts})
        lines += [
            f"| {title} | tried | read whole | read in part | refused | faults |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {name} | {sum(counts[name, column] for column in columns):,} | "
            + " | ".join(f"{counts[name, column]:,}" for column in columns) + " |"
            for name in names
        ]  # fmt: skip
        lines.append("")
    write_results(path, "Damaged files", lines)


if __name__ == "__main__":
    sys.exit(main())
