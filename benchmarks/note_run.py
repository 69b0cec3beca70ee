"""The whole 10-epoch MNIST run: as users start it, against the bare note's loop over the same tensors, in turn.

    python benchmarks/note_run.py --rounds 3             # writes benchmarks/results/note_run.md

Ours is a fresh process: `python -m ganforge train note --data mnist`, everything on (grids, log, checkpoints,
snapshots). Its whole wall time counts, start-up included. The bare loop is a fresh process as well, which reads MNIST's
file, makes one float tensor of it, and runs the note's loop with nothing else: no shuffling, no pictures, no log. Its
time is counted twice: whole, and from the first step on.
"""

import argparse
import contextlib
import gzip
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EPOCHS_NIMG = 500_000
BATCH_SIZE = 128


def bare_loop(total_nimg: int) -> None:
    """The child process: prints the seconds its steps took."""
    import torch
    from note_step import note_loop

    folder = Path(os.environ["GANFORGE_DATA"]) / "mnist"
    raw = gzip.decompress((folder / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    pixels = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(-1, 784)[:50_000]
    data = pixels.float().div(255).sub(0.5).div(0.5)
    steps = -(-total_nimg // BATCH_SIZE)
    rows = [data[i : i + BATCH_SIZE] for i in range(0, len(data) - BATCH_SIZE + 1, BATCH_SIZE)]
    noise = [torch.rand(BATCH_SIZE, 96).mul(2).sub(1) for _ in rows]
    loop = note_loop(rows, noise)
    start = time.perf_counter()
    for _ in itertools.islice(loop, steps):
        pass
    print(time.perf_counter() - start)


def run(command: list[str], folder: Path) -> tuple[float, float, str]:
    """Wall seconds, peak memory in MiB and stdout of a child process."""
    start = time.perf_counter()
    with contextlib.ExitStack() as stack:
        out = stack.enter_context((folder / "stdout").open("w+"))
        child = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        out.seek(0)
        if child.returncode:
            raise SystemExit(f"{command} failed with status {child.returncode}")
        return seconds, usage.ru_maxrss / 2**10, out.read()


def startup_parts(folder: Path) -> list[str]:
    """Time from the command to the first step, and its parts, from a run of three steps that tells the time."""
    probe = (
        "import time; t=[time.perf_counter()]; m=lambda: t.append(time.perf_counter());"
        "import sys, torch; m();"
        "import ganforge.training.start as L, ganforge.training.loop as P; m();"
        "load=L.load; L.load=lambda *a,**k: (m(), load(*a,**k), m())[1];"
        "step=P.Loop.step; P.Loop.step=lambda s: (m() if len(t)==5 else None, step(s))[1];"
        f"L.train('note', out={str(folder / 'probe')!r}, total_nimg=384);"
        "print([b-a for a,b in zip(t,t[1:])], file=sys.stderr)"
    )
    parts = []
    for n in range(5):
        probed = subprocess.run(
            [sys.executable, "-c", probe.replace("probe'", f"probe{n}'")], capture_output=True, text=True, check=True
        )
        parts.append(json.loads(probed.stderr.strip().splitlines()[-1]))
    names = ["importing torch", "importing ganforge's modules", "settings and device", "reading and checking MNIST"]
    names += ["networks, run folder, first pictures"]
    medians = [statistics.median(column) for column in zip(*parts, strict=True)]
    rows = [f"| {name} | {value:.2f} |" for name, value in zip(names, medians, strict=True)]
    return ["| part of the time to the first step | seconds (median of 5) |", "|---|---|", *rows,
            f"| together (with a bare interpreter's start added, about 0.02 s) | {sum(medians):.2f} |"]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--total-nimg", type=int, default=EPOCHS_NIMG)
    parser.add_argument("--bare", action="store_true", help="be the bare loop (used by this script itself)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "note_run.md")
    given = parser.parse_args()
    if given.bare:
        return bare_loop(given.total_nimg)
    from reporting import write_results

    rows, ratios, lean = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        total = ["--total-nimg", str(given.total_nimg)]
        for n in range(given.rounds):
            command = [
                sys.executable,
                "-m",
                "ganforge",
                "train",
                "note",
                "--data",
                "mnist",
                "--out",
                str(folder / f"{n}"),
            ]
            ours, ours_mib, _ = run([*command, *total], folder)
            bare, bare_mib, said = run([sys.executable, __file__, "--bare", *total], folder)
            steps_sec = float(said)
            trained = json.loads((folder / f"{n}" / "stats.jsonl").read_text().splitlines()[-1])["Timing/total_sec"]
            ratios.append(bare / ours)
            lean.append(steps_sec / trained)
            rows.append(f"| {n + 1} | {ours:.1f} | {trained:.1f} | {ours_mib:.0f} | {bare:.1f} | {steps_sec:.1f} "
                        f"| {bare_mib:.0f} | {bare / ours:.2f} x | {steps_sec / trained:.2f} x |")  # fmt: skip
        parts = startup_parts(folder)
    head = ["| round | ours: process, s | ours: training, s | ours: peak MiB | bare: process, s | bare: steps, s "
            "| bare: peak MiB | processes | training |", "|" + "---|" * 9]  # fmt: skip
    spread = f"Processes: median {statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f}); "
    spread += f"training alone: median {statistics.median(lean):.2f} x ({min(lean):.2f} to {max(lean):.2f})."
    write_results(given.out, "The note's 10 epochs on MNIST", [*head, *rows, "", spread, "", *parts])
    return None


if __name__ == "__main__":
    main()
