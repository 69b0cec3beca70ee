"""Small runs to attack, the commands that read and write them, and whether two of them are the same."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import crash

from attack import home
from attack.fork import call
from attack.outcome import Attempt, Found
from ganforge.cli.main import main
from ganforge.run.folder import RunFolder

SETTINGS = {
    "data": "digits", "z_dim": 8, "g_hidden": "16", "d_hidden": "16", "batch_size": 64, "total_nimg": 2560,
    "report_nimg": 640, "snapshot_nimg": 640, "checkpoint_nimg": 320, "ema_halflife_nimg": 1000, "grid_size": 4,
    "metric_samples": 300, "keep_snapshots": 2, "device": "cpu", "threads": 1, "seed": 7,
}  # fmt: skip
TOTAL, HALF = 2560, 1280
READERS = ("resume", "sample", "evaluate", "report", "compare", "diagnose", "explain")


def options(**changes: Any) -> list[str]:
    settings = SETTINGS | changes
    words = {name.replace("_", "-"): value for name, value in settings.items() if value is not None}
    switches = {True: "--{}", False: "--no-{}"}
    return [
        switches[value].format(name) if isinstance(value, bool) else f"--{name}={value}"
        for name, value in words.items()
    ]


def train(run: Path, recipe: str = "note", **changes: Any) -> int:
    return main(["train", recipe, f"--out={run}", *options(**changes)])


def resume(run: Path, total: int = TOTAL) -> int:
    return main(["resume", str(run), f"--total-nimg={total}"])


def command(name: str, run: Path) -> int:
    """One of ``READERS``, or another that works on a run; what it writes goes to the current folder or the run."""
    match name:
        case "resume":
            return resume(run)
        case "sample":
            return main(["sample", str(run), "--seeds", "0-3", "--out", "grid.png", "--device", "cpu"])
        case "walk":
            return main(["sample", str(run), "--interpolate", "1,2", "--frames", "2", "--device", "cpu"])
        case "evaluate":
            return main(["evaluate", str(run), "--samples", "300", "--features", "random", "--device", "cpu"])
        case "report":
            return main(["report", str(run), "--out", "page.html"])
        case "explain":
            return main(["explain", str(run)])
        case "diagnose":
            return main(["diagnose", str(run)]) % 3  # 3: the run goes wrong
        case "compare":
            return main(["compare", str(run), str(run.parent / "other")])
    raise ValueError(name)


class Fixtures:
    """Made once, copied for every attempt: a run half-way, and the same run in one go."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.half = self._made("half", lambda run: train(run, total_nimg=HALF))
        self.whole = self._made("whole", train)

    def _made(self, name: str, make: Callable[[Path], int]) -> Path:
        run = self.place / name / "run"
        if not run.exists():
            call(lambda _: make(run), self.place / f"{name}-home")
        return run

    def one_go(self, name: str, recipe: str, **changes: Any) -> Path:
        """A run without a cut, of other settings."""
        return self._made(name, lambda run: train(run, recipe, **changes))

    def copy_half(self, place: Path) -> Path:
        """The run half-way in a home, with what a user may keep in it; and another beside it."""
        run = run_in(place)
        shutil.copytree(self.half, run)
        shutil.copytree(self.whole, run.parent / "other")
        home.put_in_run(run)
        return run


def run_in(place: Path) -> Path:
    """Where an attempt's run is."""
    return place / "project" / "runs" / "run"


def goes_on_equal(place: Path, whole: Path, total: int = TOTAL, **changes: Any) -> None:
    """Whatever happened to the run: its files are whole, and what goes on from them is the run of one go, with its log
    and figures. Raises Found."""
    folder = RunFolder(run_in(place))
    if folder.path.exists():
        try:
            crash.check_whole(without_own(folder.path), -1)
        except AssertionError as error:
            raise Found("DIFFERENT", f"before going on: {error}") from None
    if folder.read_status().get("state") != "finished" or folder.read_status().get("nimg", 0) < total:
        status = resume(folder.path, total) if folder.exists() else train(folder.path, **changes)
        if status:
            raise Found("DIFFERENT", f"it does not go on: exit status {status}")
    faults = differences(RunFolder(whole), folder)
    if faults:
        raise Found("DIFFERENT", "; ".join(faults[:5]))


def without_own(run: Path) -> RunFolder:
    """A copy of the run without what is the user's."""
    own = {Path(name).name for name in home.OWN_IN_RUN} | {"home", "album"}
    copy = Path(tempfile.mkdtemp()) / "run"
    shutil.copytree(run, copy, ignore=lambda _, names: own & set(names))
    return RunFolder(copy)


def differences(whole: RunFolder, run: RunFolder) -> list[str]:
    """Tensors, facts, rows, pictures, figures and leftovers."""
    faults = crash.run_differences(whole, without_own(run.path))
    if figures(whole) != figures(run):
        faults.append(f"figures at {[at for at, _ in figures(run)]}, not at {[at for at, _ in figures(whole)]}")
    return faults


def figures(run: RunFolder) -> list[tuple[int, str]]:
    """The rows of metrics.jsonl as they stand there, without what depends on the machine."""
    lines = run.metrics.read_text(encoding="utf-8").splitlines() if run.metrics.is_file() else []
    rows = [json.loads(line) for line in lines]
    return [
        (row["nimg"], json.dumps({k: v for k, v in row.items() if k not in ("seconds", "date", "time")}))
        for row in rows
    ]


def normal(kind: str, what: str, run: Callable[[Path], int | None], make: Callable[[Path], object]) -> Attempt:
    """The command as it should be used, for its memory."""
    return Attempt(kind, f"{what}, as it should be", what, run, make, normal=True)
