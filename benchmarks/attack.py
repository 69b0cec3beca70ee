"""Attack ganforge in ten thousand ways, and see that nothing of the user's is touched and nothing of a run is lost.

Every attempt runs in a forked child with a home of its own, in which lie files of a user's: dot files, copies beside
those of a run, links. It must end within its time and within 1 GiB above a normal run's memory, well or with one
sentence; none of the user's files may be changed; whatever befell a run, going on from it gives the run of one go, to
the bit, with its log and figures.
"""

import argparse
import os
import sys

if __name__ == "__main__":  # before PyTorch is imported: a process with threads cannot be forked safely
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from attack import archives, cuts, damaged, faults, page, pictures, run_files
from attack.fork import numbered, run_all
from attack.outcome import FAULTS, Attempt, Outcome, judge_memory
from attack.runs import Fixtures
from reporting import write_results

SWEEPS: dict[str, Callable[[Fixtures, int], Iterator[Attempt]]] = {
    "faults": faults.attempts,
    "cuts": cuts.attempts,
    "run-files": run_files.attempts,
    "archives": lambda fixtures, seed: archives.attempts(seed),
    "pictures": lambda fixtures, seed: pictures.attempts(seed),
    "damaged": lambda fixtures, seed: damaged.attempts(fixtures.place / "damaged", seed),
    "page": page.attempts,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", default="1", help="of each sweep, above 0 to 1, evenly spread; or SWEEP=SHARE,...")
    parser.add_argument("--only", metavar="SWEEP[:NUMBER]", help=f"one of {', '.join(SWEEPS)}, or one attempt of it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--patience", type=float, default=1, help="multiplies the limits of time, on a busy machine")
    parser.add_argument("--out", type=Path, help="the table; without it only what was found is printed")
    given = parser.parse_args()
    import_all()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="attack-fixtures-") as folder:
        outcomes = list(attack(Fixtures(Path(folder)), given))
    judge_memory(outcomes)
    faulty = [one for one in outcomes if one.is_fault]
    for one in faulty:
        print(f"\n{repeat(one, given.seed)}\n{one.result} {one.attempt.what}: {one.text}", file=sys.stderr)
    minutes = (time.monotonic() - started) / 60
    print(f"{len(outcomes):,} attempts, {len(faulty):,} faults, {minutes:.1f} minutes", flush=True)
    if given.out is not None:
        write_results(given.out, "The attack", table(outcomes, faulty, minutes, given.seed))
    return 1 if faulty else 0


def import_all() -> None:
    """All that the commands use, so that the children need not; and nothing that starts a thread."""
    import datasets  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import sklearn.datasets  # noqa: F401
    import torch

    import ganforge.judging.comparison
    import ganforge.judging.evaluation
    import ganforge.training.start
    import ganforge.viewer.app
    import ganforge.viewer.pages.compare_page
    import ganforge.viewer.pages.explore_page
    import ganforge.viewer.pages.list_page
    import ganforge.viewer.pages.run_page
    import ganforge.viewer.report.write_report  # noqa: F401

    torch.set_num_threads(1)


def attack(fixtures: Fixtures, given: argparse.Namespace) -> Iterator[Outcome]:
    sweep, _, number = (given.only or "").partition(":")
    for name, attempts in SWEEPS.items():
        if sweep and name != sweep:
            continue
        chosen: Iterator[Attempt] = numbered(attempts(fixtures, given.seed))
        chosen = (
            (one for one in chosen if one.number == int(number))
            if number
            else shared(chosen, share_of(name, given.share))
        )
        for done, outcome in enumerate(run_all(chosen, given.jobs, given.patience, keep=bool(number)), 1):
            if outcome.is_fault or number:
                print(f"{name}:{outcome.attempt.number} {outcome.result} {outcome.attempt.what}", flush=True)
                print(f"    {outcome.said or outcome.text}" if number else "", end="", flush=True)
            elif done % 500 == 0:
                print(f"{name}: {done}", flush=True)
            yield outcome


def share_of(sweep: str, text: str) -> float:
    """0.05, or faults=0.01,page=0.1."""
    if "=" not in text:
        return float(text)
    return float(dict(part.split("=") for part in text.split(",")).get(sweep, 0))


def shared(attempts: Iterator[Attempt], share: float) -> Iterator[Attempt]:
    """Every so manieth, and all of the normal ones."""
    for number, attempt in enumerate(attempts):
        if attempt.normal or int((number + 1) * share) > int(number * share):
            yield attempt


def sweep_of(attempt: Attempt) -> str:
    return attempt.kind if attempt.kind in SWEEPS else attempt.kind.partition("-")[0]


def repeat(outcome: Outcome, seed: int) -> str:
    return f"python benchmarks/attack.py --only {sweep_of(outcome.attempt)}:{outcome.attempt.number} --seed {seed}"


def table(outcomes: list[Outcome], faulty: list[Outcome], minutes: float, seed: int) -> list[str]:
    """The results as Markdown."""
    by_kind = {
        kind: [one for one in outcomes if one.attempt.kind == kind]
        for kind in dict.fromkeys(o.attempt.kind for o in outcomes)
    }
    usual = {one.attempt.like: one.peak for one in outcomes if one.attempt.normal}
    lines = [*(__doc__ or "").strip().splitlines(), ""]
    lines += [f"Outcome: {len(outcomes):,} attempts in {minutes:.0f} minutes, {len(faulty):,} faults.", ""]
    lines += [
        "| sweep | attempts | done | refused, one sentence | killed | faults | longest, s | most above normal, MiB |"
    ]
    lines += ["|---|" + "---:|" * 7]
    for kind, ones in by_kind.items():
        counts = Counter("fault" if one.is_fault else one.result for one in ones)
        above = max(one.peak - usual.get(one.attempt.like, one.peak) for one in ones) / 2**20
        numbers = [len(ones), *(counts[name] for name in ("ok", "refused", "killed", "fault"))]
        cells = [
            *(f"{number:,}" for number in numbers),
            f"{max(one.seconds for one in ones):.1f}",
            f"{max(0, above):,.0f}",
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    lines += ["", "| fault | attempts |", "|---|---:|"]
    lines += [f"| {name.lower()} | {sum(one.result == name for one in faulty):,} |" for name in FAULTS]
    if faulty:
        lines += ["", "What was found, and how to repeat it:", ""]
        lines += [f"- {one.result}: {one.attempt.kind}, {one.attempt.what!r}: `{repeat(one, seed)}`" for one in faulty]
    return lines


if __name__ == "__main__":
    sys.exit(main())
