"""Kill training at random moments, inside its saves too, and see that nothing is lost: promise 3 of the design.

A run is killed with SIGKILL again and again, and resumed each time, until it has finished; then the next one begins.
After every kill, the newest valid checkpoint must be at least as new as any that was complete before, and no other file
may be half-written. A finished run must equal, bit for bit, one that nobody killed.

Half of the kills come from outside, at a random time. The other half come from inside: the process counts its calls
that change the disk, and ends itself before, after or in the middle of the n-th.
"""

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ganforge.base.tensorfile import DamagedFileError, read_tensorfile
from ganforge.config import MAY_CHANGE
from ganforge.run.folder import RunFolder

SETTINGS = {
    "data": "digits", "z_dim": 8, "g_hidden": "16", "d_hidden": "16", "batch_size": 64, "total_nimg": 12544,
    "report_nimg": 640, "snapshot_nimg": 1280, "checkpoint_nimg": 256, "ema_halflife_nimg": 1000, "grid_size": 4,
    "device": "cpu", "threads": 1, "seed": 7,
}  # fmt: skip
STAGES = ("before", "half", "after")
LIMIT_S = 120
"""No child may take longer."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "crash.md")
    given = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        places, runs = torture(Path(folder), given.kills, random.Random(given.seed))
    text = report(places, runs, given, time.monotonic() - started)
    print(text)
    given.out.write_text(text, encoding="utf-8")
    return 0


def torture(folder: Path, kills: int, choose: random.Random) -> tuple[Counter[str], int]:
    """Kill and resume until so many kills have hit; how many at which place, and how many runs it took.

    Raises AssertionError for the first thing that is lost, damaged or different.
    """
    whole = RunFolder(folder / "whole")
    calls = folder / "calls"
    subprocess.run(child(calls, 0, "", train(whole.path)), check=True, capture_output=True, timeout=LIMIT_S)
    num_calls = len(calls.read_text().splitlines())  # a whole run's calls that change the disk
    places: Counter[str] = Counter()
    runs = 0
    while places.total() < kills:
        runs += 1
        run = RunFolder(folder / f"killed-{runs}")
        newest, finished = -1, False
        while not finished:
            command = ["resume", str(run.path)] if run.exists() else train(run.path)
            seen = newest
            if places.total() >= kills:
                subprocess.run(ganforge(command), check=True, capture_output=True, timeout=LIMIT_S)
                place = ""
            elif choose.random() < 0.5:
                place, seen = kill_from_outside(run, command, choose.choice(("start", "work")), choose.random())
            else:
                calls.unlink()
                place = kill_from_inside(calls, command, choose.randint(1, num_calls // 5), choose.choice(STAGES))
            finished = run.read_status().get("state") == "finished"
            assert place or finished, f"{command} ended with status 0 before the run was finished"
            places += Counter([place] if place else [])
            newest = check_whole(run, max(newest, seen))
            print(f"run {runs}, kill {places.total()}: {place or 'finished'}; newest checkpoint {newest}", flush=True)
        faults = run_differences(whole, run)
        assert not faults, f"run {runs} is not the run that nobody killed: {faults}"
    return places, runs


def kill_from_outside(run: RunFolder, command: list[str], phase: str, share: float) -> tuple[str, int]:
    """SIGKILL after a random time, of the start or of the work; where it hit (empty if the run was quicker), and the
    newest checkpoint that was seen complete before."""
    process = subprocess.Popen(ganforge(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    if phase == "work":
        process.stdout.readline()  # what it is about to train, or where it goes on
    end = time.monotonic() + share * (2.0 if phase == "start" else 0.5)
    newest = -1
    while time.monotonic() < end and process.poll() is None:
        newest = max([newest, *(nimg for nimg, _ in run.all_checkpoints())])
        time.sleep(0.002)
    process.kill()
    error = process.communicate()[1].decode()
    assert process.returncode in (0, -signal.SIGKILL), error
    return ("" if process.returncode == 0 else f"outside, {phase}"), newest


def kill_from_inside(log: Path, command: list[str], countdown: int, stage: str) -> str:
    """Let the process end itself at its n-th call; where it did (empty if there were fewer calls)."""
    done = subprocess.run(child(log, countdown, stage, command), capture_output=True, timeout=LIMIT_S)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return "" if done.returncode == 0 else log.read_text().splitlines()[-1]


def check_whole(run: RunFolder, at_least: int) -> int:
    """Every file that has its final name is whole, and the newest checkpoint's nimg is ``at_least``; returns it (-1
    where there is none)."""
    newest = -1
    for kind, files in (("checkpoint", run.all_checkpoints()), ("snapshot", run.all_snapshots())):
        for nimg, path in files:
            try:
                _, facts = read_tensorfile(path, kind)
            except DamagedFileError as error:
                raise AssertionError(f"half-written: {error}") from error
            assert facts["nimg"] == nimg, path
            newest = max(newest, nimg) if kind == "checkpoint" else newest
    assert newest >= at_least, f"a checkpoint of {at_least} images was complete, and the newest is of {newest}"
    for path in [*run.path.glob("[!.]*.png"), *run.path.glob("[!.]*.webp")]:
        with Image.open(path) as picture:
            picture.load()
    for path in (run.config, run.status):
        assert not path.exists() or json.loads(path.read_text()), path
    return newest


def run_differences(a: RunFolder, b: RunFolder) -> list[str]:
    """What differs between two runs' results, bit for bit, apart from times and memory."""
    faults: list[str] = []
    for kind in ("checkpoint", "snapshot"):
        files_a, files_b = (dict(getattr(run, f"all_{kind}s")()) for run in (a, b))
        if files_a.keys() != files_b.keys():
            faults.append(f"{kind}s {sorted(files_a)} and {sorted(files_b)}")
        for nimg in files_a.keys() & files_b.keys():
            (tensors, facts), (others, other_facts) = (
                read_tensorfile(files[nimg], kind) for files in (files_a, files_b)
            )
            names = sorted(tensors.keys() | others.keys())
            faults += [f"{kind} {nimg}: {name}" for name in names if not same(tensors.get(name), others.get(name))]
            mine, theirs = lasting(facts), lasting(other_facts)
            different = [name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)]
            faults += [f"{kind} {nimg}: {name} {mine.get(name)} and {theirs.get(name)}" for name in sorted(different)]
    if rows(a) != rows(b) or not rows(a):
        faults.append("rows of stats.jsonl")
    names = sorted({path.name for run in (a, b) for path in run.path.glob("*.*") if path.suffix in (".png", ".webp")})
    for name in names:
        if not all((run.path / name).exists() for run in (a, b)):
            faults.append(f"{name} is missing in one")
        elif (a.path / name).read_bytes() != (b.path / name).read_bytes():
            faults.append(name)
    return faults + [f"a file left over: {path.name}" for path in leftovers(b)]


def lasting(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a checkpoint or snapshot that follow from the seed: not times, lengths and cadences."""
    settings = {name: value for name, value in facts["settings"].items() if name not in MAY_CHANGE}
    return {name: value for name, value in facts.items() if name != "elapsed_sec"} | {"settings": settings}


def same(a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
    return a is not None and b is not None and a.dtype == b.dtype and torch.equal(a, b)


def rows(run: RunFolder) -> list[dict[str, Any]]:
    """The rows, without what depends on the machine's speed and memory."""
    return [{k: v for k, v in row.items() if not k.startswith(("Timing/", "Resources/"))} for row in run.rows()]


def leftovers(run: RunFolder) -> list[Path]:
    """Temporary files in a run folder."""
    return [path for path in run.path.rglob(".*") if path.name != ".lock"]


def train(out: Path, **changes: Any) -> list[str]:
    """The arguments that train ``SETTINGS``, with changes, into ``out``."""
    settings = SETTINGS | changes
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items() if value is not None]
    return ["train", "note", f"--out={out}", *options]


def ganforge(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "ganforge", *arguments]


def child(log: Path, countdown: int, stage: str, arguments: list[str]) -> list[str]:
    return [sys.executable, __file__, "child", str(log), str(countdown), stage, *arguments]


def run_child(log: str, countdown: str, stage: str, *arguments: str) -> int:
    """In the child: ganforge's command line, with the calls that change the disk counted, and a kill at one of them.

    Every call is noted in ``log`` by what it does to which kind of file; countdown 0 kills never.
    """
    from ganforge.cli.main import main as command_line

    count = 0
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def counted(name: str, call: Callable[..., Any], half: Callable[..., Any] | None = None) -> Callable[..., Any]:
        def replacement(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            if name == "save" and not isinstance(args[1], Path):  # into memory
                return call(*args, **kwargs)
            count += 1
            last = count == int(countdown)
            at = stage if stage != "half" or half is not None else "before"
            os.write(handle, f"{at}, {name} {kind_of(args, kwargs)}\n".encode())
            if last and at == "half" and half is not None:
                half(*args)
            if last and at != "after":
                os.kill(os.getpid(), signal.SIGKILL)
            result = call(*args, **kwargs)
            if last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return replacement

    write_bytes, write_text, save_image = Path.write_bytes, Path.write_text, Image.Image.save

    def half_image(picture: Image.Image, path: Path, **options: Any) -> None:
        save_image(picture, path, format="PNG")
        os.truncate(path, path.stat().st_size // 2)

    def half_row(run: RunFolder, row: dict[str, Any]) -> None:
        with run.stats.open("a") as file:
            file.write(json.dumps(row)[:40])

    for owner, name, half in (
        (Path, "write_bytes", lambda path, content: write_bytes(path, content[: len(content) // 2])),
        (Path, "write_text", lambda path, text, **options: write_text(path, text[: len(text) // 2])),
        (Image.Image, "save", half_image),
        (RunFolder, "append_row", half_row),
        (Path, "replace", None),
        (Path, "unlink", None),
        (Path, "mkdir", None),
        (Path, "chmod", None),
        (os, "fsync", None),
        (tempfile, "mkstemp", None),
    ):
        setattr(owner, name, counted(name, getattr(owner, name), half))
    return command_line(arguments)


def kind_of(args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Of what a call's arguments name: a checkpoint, a picture, ..."""
    if args and isinstance(args[0], RunFolder):
        return "stats"
    if args and isinstance(args[0], int):  # fsync's file
        link = Path(f"/proc/self/fd/{args[0]}")
        path = link.readlink() if link.is_symlink() else Path("somewhere")
    elif "suffix" in options:  # mkstemp's
        path = options["dir"] / f"{options['prefix']}{options['suffix']}"
    else:
        path = [Path(arg) for arg in args if isinstance(arg, str | Path)][-1]  # of a renaming, the new name
    if path.suffix == ".safetensors":
        return path.parent.name.removesuffix("s")
    if path.suffix == ".json":
        return path.stem.partition("-")[0].lstrip(".")
    return {".png": "picture", ".webp": "animation", ".jsonl": "stats"}.get(path.suffix, "folder")


def report(places: Counter[str], runs: int, given: argparse.Namespace, seconds: float) -> str:
    """The results as Markdown."""
    calls = sorted({call for stage, call in (place.split(", ") for place in places) if stage != "outside"})
    lines = [
        "# Killing a run",
        "",
        *(line for line in (__doc__ or "").strip().splitlines()),
        "",
        f"- command: `python benchmarks/crash.py --kills {given.kills} --seed {given.seed}`",
        f"- date: {time.strftime('%Y-%m-%d')}; {seconds / 60:.1f} minutes",
        f"- machine: {platform.platform()}, {os.cpu_count()} CPU cores; torch {torch.__version__}",
        f"- the run: {', '.join(f'{name} {value}' for name, value in SETTINGS.items())}",
        f"- outcome: {places.total()} kills, {runs} runs, nothing lost, nothing half-written; all {runs} finished runs "
        "equal the one that nobody killed: every tensor, row and picture",
        "",
        "| kills from outside | |",
        "|---|---:|",
        *(f"| during the {phase} | {places[f'outside, {phase}']} |" for phase in ("start", "work")),
        "",
        "| kills inside a call | before it | half-way | after it |",
        "|---|---:|---:|---:|",
        *(f"| {call} | {' | '.join(str(places[f'{stage}, {call}'] or '') for stage in STAGES)} |" for call in calls),
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(run_child(*sys.argv[2:]) if sys.argv[1:2] == ["child"] else main())
