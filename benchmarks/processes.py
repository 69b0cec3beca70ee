"""Two processes with a thread each beside one with two threads, at equal batches; and what more of them would bring.

    python benchmarks/processes.py               # writes benchmarks/results/processes.md; a quiet machine is needed

The groups take turns, a few steps each round, and wait meanwhile. Numbers are compared after the first three steps.
Of the sums over processes the seconds within them are told, waiting for the others included. Start-up is from the
process's start to its first step. ``scaling_model.py`` has the model, which is fitted on one and two processes of one
thread, and checked with four.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from reporting import write_results
from scaling_model import Cost, Machine, exchange_sec, paper_table, step_sec

from ganforge.base.runtime import keep_freed_memory
from ganforge.config import with_gammas
from ganforge.data.load import load
from ganforge.recipes.catalog import recipe
from ganforge.training.build import build_state, step_taker
from ganforge.training.feed import Feed, following, schedule_optimizers
from ganforge.training.processes import Processes
from ganforge.training.several import joined

RECIPES = {"note": 40, "r1": 24, "r3gan": 2}
"""And the steps of a round."""
GROUPS = {"one, two threads": (1, 2), "one": (1, 1), "two": (2, 1), "four": (4, 1)}
"""Processes and threads of each."""
FIRST = 3
"""Steps after which numbers are compared."""
SUMS = (1 << 10, 1 << 22)
"""Numbers in the sums that the model's latency and bandwidth come of."""
CPU = torch.device("cpu")


class Player:
    """A recipe's training, in one of the processes."""

    def __init__(self, name: str, data: str, batch: int, processes: Processes) -> None:
        changes = {"batch_size": batch} if batch else {}
        dataset = load(data)
        self.config = with_gammas(recipe(name, data=data, device="cpu", **changes), dataset.shape)
        self.feed = Feed(self.config, dataset, CPU, processes)
        self.state = build_state(self.config, dataset, CPU)
        self.take = step_taker(self.config, CPU, print, processes)

    def steps(self, count: int) -> int:
        """Pictures shown in so many steps."""
        state, config, feed = self.state, self.config, self.feed
        images = config.batch_size * config.d_steps
        for _ in range(count):
            schedule_optimizers(config, state, state.nimg)
            options = feed.options(state.nimg, state)
            then = following(config, state.nimg, images)
            self.take(state, options, *feed.batches(state.nimg, state.step), then)
            state.nimg, state.step = state.nimg + images, state.step + 1
        return count * images

    def weights(self) -> np.ndarray[Any, Any]:
        return np.concatenate(
            [p.detach().numpy().ravel() for net in (self.state.G, self.state.D) for p in net.parameters()]
        )


class Sums:
    """Takes the time of the sums over processes."""

    def __init__(self, processes: Processes) -> None:
        self.sum = processes.sum
        processes.sum = self.timed  # type: ignore[method-assign]
        self.clear()

    def clear(self) -> None:
        self.count, self.bytes, self.seconds = 0, 0, 0.0

    def timed(self, tensor: torch.Tensor) -> None:
        start = time.perf_counter()
        self.sum(tensor)
        self.seconds += time.perf_counter() - start
        self.count, self.bytes = self.count + 1, self.bytes + tensor.nbytes


def work(threads: int) -> None:
    """A process of a group: does what the first is told on stdin, which answers on stdout; JSON, a line each."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    players: dict[str, Player] = {}
    with joined("cpu") as processes:
        sums = Sums(processes)
        while job := json.loads(processes.from_first(sys.stdin.readline) or "null"):
            answer: dict[str, Any] = {}
            if "sum" in job:
                numbers = torch.ones(job["sum"])
                processes.meet()
                start = time.perf_counter()
                for _ in range(job["times"]):
                    processes.sum(numbers.fill_(1.0))
                answer["seconds"] = (time.perf_counter() - start) / job["times"]
            else:
                key = f"{job['recipe']} {job['batch']}"
                if key not in players:
                    players[key] = Player(job["recipe"], job["data"], job["batch"], processes)
                player = players[key]
                sums.clear()
                player.feed.seconds = 0.0
                processes.meet()
                start = time.perf_counter()
                answer["images"] = player.steps(job["steps"])
                processes.meet()
                answer |= {"seconds": time.perf_counter() - start, "feeding": player.feed.seconds}
                answer |= {"in sums": sums.seconds, "sums": sums.count, "bytes": sums.bytes}
                if job.get("weights") and processes.leads:
                    np.save(job["weights"], player.weights())
            if processes.leads:
                print(json.dumps(answer), flush=True)


class Group:
    """Processes that train together, and take turns with other groups."""

    def __init__(self, count: int, threads: int) -> None:
        self.store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": self.store.port, "WORLD_SIZE": count}
        told |= {"OMP_NUM_THREADS": threads, "TORCHELASTIC_USE_AGENT_STORE": True}
        usual = os.environ | {name: str(value) for name, value in told.items()}
        command = [sys.executable, __file__, "--work", str(threads)]
        self.started = time.perf_counter()
        self.processes = [
            subprocess.Popen(
                command, env=usual | {"RANK": str(rank), "LOCAL_RANK": str(rank)}, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
            for rank in range(count)
        ]  # fmt: skip

    def ask(self, **job: Any) -> dict[str, Any]:
        first = self.processes[0]
        assert first.stdin is not None and first.stdout is not None
        print(json.dumps(job), file=first.stdin, flush=True)
        found: dict[str, Any] = json.loads(first.stdout.readline())
        return found

    def end(self) -> None:
        for process in self.processes:
            process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=RECIPES)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "processes.md")
    given = parser.parse_args()
    if given.work:
        work(given.work)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_results(given.out, "Several processes", measured(given, Path(folder)))


def measured(given: argparse.Namespace, folder: Path) -> list[str]:
    """The lines of the results."""
    groups: dict[str, Group] = {}
    started: dict[str, float] = {}
    for name, (count, threads) in GROUPS.items():
        groups[name] = Group(count, threads)
        groups[name].ask(recipe=given.recipes[0], data=given.data, batch=0, steps=1)
        started[name] = time.perf_counter() - groups[name].started
    apart = {name: differences(name, given, groups, folder) for name in given.recipes}
    turns: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for turn in range(given.rounds + 1):
        for name in given.recipes:
            batch = recipe(name, data=given.data).batch_size
            jobs = [(group, group, 0) for group in groups] + [("half", "one", batch // 2)]
            for whose, group, size in jobs:
                job = {"recipe": name, "data": given.data, "batch": size, "steps": RECIPES[name]}
                found = groups[group].ask(**job)
                if turn:
                    turns.setdefault((name, whose), []).append(found)
    sums = [[groups["two"].ask(sum=numbers, times=50)["seconds"] for numbers in SUMS] for _ in range(given.rounds)]
    for group in groups.values():
        group.end()
    small, large = (statistics.median(column) for column in zip(*sums, strict=True))
    machine = Machine(4 * (SUMS[1] - SUMS[0]) / (large - small), small / 2, os.cpu_count() or 1)
    seconds = ", ".join(f"{name} {took:.1f}" for name, took in started.items())
    return [
        f"{given.rounds} rounds on {given.data}, medians and quartiles. Start-up, in seconds: {seconds}.",
        "",
        *speeds(given.recipes, turns, apart),
        "",
        *fits(given.recipes, turns, machine),
        "",
        "## r3gan at the paper's size, on paper",
        "",
        *paper_table(whole_sec_of(turns[given.recipes[-1], "two"])),
    ]


def differences(name: str, given: argparse.Namespace, groups: dict[str, Group], folder: Path) -> float:
    """How far two processes' weights are from one's after the first steps, in shares of their length."""
    found = {}
    for group in ("one", "two"):
        done = 1 if name == given.recipes[0] else 0
        file = str(folder / f"{group}.npy")
        groups[group].ask(recipe=name, data=given.data, batch=0, steps=FIRST - done, weights=file)
        found[group] = np.load(file).astype(np.float64)
    return float(np.linalg.norm(found["two"] - found["one"]) / np.linalg.norm(found["one"]))


Turns = dict[tuple[str, str], list[dict[str, Any]]]


def speeds(names: list[str], turns: Turns, apart: dict[str, float]) -> list[str]:
    """The table of what was measured."""
    lines = [
        "| recipe | batch | one process, two threads: images/s | two, a thread each | ratio | of the time in sums | "
        "sums a step | MB a step | weights apart after 3 steps |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        one, two = turns[name, "one, two threads"], turns[name, "two"]
        ratio = statistics.median(
            b["images"] / b["seconds"] * a["seconds"] / a["images"] for a, b in zip(one, two, strict=True)
        )
        steps = RECIPES[name]
        inside = statistics.median(turn["in sums"] / turn["seconds"] for turn in two)
        lines.append(
            f"| {name} | {one[0]['images'] // steps} | {rate(one)} | {rate(two)} | {ratio:.2f} | {inside:.0%} | "
            f"{two[0]['sums'] / steps:g} | {two[0]['bytes'] / steps / 1e6:.2f} | {apart[name]:.1e} |"
        )
    return lines


def rate(turns: list[dict[str, Any]]) -> str:
    """1,250 (1,230 to 1,260)"""
    low, middle, high = statistics.quantiles([turn["images"] / turn["seconds"] for turn in turns], n=4)
    return f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"


def whole_sec_of(turns: list[dict[str, Any]]) -> float:
    """Of an image of the whole batch."""
    return statistics.median(turn["feeding"] / turn["images"] for turn in turns)


def fitted(name: str, turns: Turns) -> tuple[Cost, int]:
    """A recipe's cost, and its batch."""
    steps = RECIPES[name]
    batch = turns[name, "one"][0]["images"] // steps
    one, half = (statistics.median(turn["seconds"] for turn in turns[name, whose]) / steps for whose in ("one", "half"))
    image = (one - half) / (batch / 2)
    whole, two = whole_sec_of(turns[name, "two"]), turns[name, "two"][0]
    return Cost(image - whole, whole, one - image * batch, two["sums"] / steps, two["bytes"] / steps), batch


def fits(names: list[str], turns: Turns, machine: Machine) -> list[str]:
    """What the model makes of it, and how well it foretells."""
    lines = [
        f"One thread each, on {machine.cores:g} cores, so that four processes wait for each other. A sum over two: "
        f"{1e6 * 2 * machine.latency_sec:.0f} microseconds, and {machine.bandwidth / 1e9:.2f} GB/s. Fitted on one "
        "process, at the whole batch and at half of it; the others are foretold.",
        "",
        "| recipe | an image, shared, us | an image, for all, us | a step, ms | exchange of two, ms | "
        "two, ms a step: foretold, measured | four: foretold, measured |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        cost, batch = fitted(name, turns)
        cells = [name, f"{1e6 * cost.compute_sec:.1f}", f"{1e6 * cost.whole_sec:.2f}", f"{1e3 * cost.fixed_sec:.2f}"]
        cells.append(f"{1e3 * exchange_sec(cost, 2, machine):.2f}")
        for group in ("two", "four"):
            took = statistics.median(turn["seconds"] for turn in turns[name, group]) / RECIPES[name]
            foretold = step_sec(cost, batch, GROUPS[group][0], machine)
            cells.append(f"{1e3 * foretold:.2f}, {1e3 * took:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
