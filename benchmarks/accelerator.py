"""What an accelerator gives: are the numbers right, how fast is a step against the card's own limits, and how good is
what minutes of it train.

    python benchmarks/accelerator.py --reference CPU.safetensors --make-reference     # on any CPU, some minutes
    python benchmarks/accelerator.py --reference CPU.safetensors --out DIR            # on the accelerator: 8 minutes
    python benchmarks/accelerator.py --tiny --device cpu --out DIR                    # does the script itself work?

It needs PyTorch and what ganforge imports; a machine without a network can be brought the rest as wheels (pydantic,
pydantic-core, annotated-types, typing-inspection, platformdirs, safetensors), unpacked by `pip install --no-index
--target`. Each part is a process of its own with a limit of time, and writes its rows as it finds them, so that what
was found is kept whatever happens to the rest. Safe to repeat.

numbers: every recipe takes 50 steps on the accelerator, in float32. They are held against the same steps on a CPU in
float64: how far off the weights are, as a share of the way that they have gone, after 5 steps (at most 0.001) and after
50 (at most 0.1: rounding that flips a ReLU or the sign of a small gradient, which is a whole step to Adam, is carried
on); beside it, how far off a CPU's float32 is. Then recorded steps (CUDA graphs) against the same steps taken one
operation after the other. guard: a loss that is not finite. resume: a run in two parts against one in one go. limits:
matrix products of 8192, and a copy of 4 GB, reading and writing counted. note: a step as users get it, data and noise
included, the note's own loop, and the necessary matrix products with Adam (replayed). networks: dcgan and r3gan on
32 x 32 in colour; the operations are counted by the convolutions and products of a forward pass of D and G: with R1 and
R2 a step is 15 of D's and 4 of G's, with shared noise and no penalty 8 and 3. quality: r3gan on stacked MNIST for the
seconds that are left, judged as `ganforge evaluate` does.
"""

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from note_step import floor, note_loop
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ganforge.base.errors import RunError
from ganforge.base.noise import draw_z
from ganforge.base.seeding import generator
from ganforge.config import Config, with_gammas
from ganforge.data.dataset import Dataset
from ganforge.data.digits import load_digits
from ganforge.recipes.catalog import RECIPES, recipe
from ganforge.run.checkpoint import load_newest_checkpoint
from ganforge.run.folder import RunFolder
from ganforge.training.build import build_state
from ganforge.training.capture import Captured
from ganforge.training.feed import Feed, following, images_at, schedule_optimizers
from ganforge.training.start import resume, train
from ganforge.training.state import TrainingState
from ganforge.training.whole_step import whole_step

PARTS = {"numbers": 150, "guard": 40, "resume": 120, "limits": 40, "note": 60, "networks": 200, "quality": 100}
"""Seconds for each, at most."""
FIRST, STEPS, KEPT = 5, 50, 20_000
CPU = torch.device("cpu")


def allow_tf32(allowed: bool) -> None:
    """In this process from now on."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def pictures(count: int, shape: tuple[int, ...]) -> Dataset:
    """Random ones: for timings only."""
    return Dataset("pictures", "", torch.randint(0, 256, (count, *shape), dtype=torch.uint8))


class Player:
    """Takes steps as a run does."""

    def __init__(self, config: Config, dataset: Dataset, device: torch.device, how: str = "as it is") -> None:
        """how: as it is; replayed; or not recorded: as if to be replayed, but operation by operation."""
        self.config = with_gammas(config, dataset.shape)
        self.feed, self.state = Feed(self.config, dataset, device), build_state(self.config, dataset, device)
        self.take: Any = whole_step
        if how != "as it is":
            self.take = Captured(device, print, beta2_changes=config.beta2_end is not None)
            self.take.refused = how == "not recorded"

    def step(self, change: Callable[[Tensor], Tensor] = lambda tensor: tensor) -> dict[str, Tensor]:
        config, state = self.config, self.state
        images = images_at(config, state.nimg, state.step)
        schedule_optimizers(config, state, state.nimg)
        d_batches, g_batch = self.feed.batches(state.nimg, state.step)
        changed = [batch.each(change) for batch in d_batches]
        g_batch = changed[-1] if g_batch is d_batches[-1] else g_batch.each(change)
        then = following(config, state.nimg, images)
        stats: dict[str, Tensor] = self.take(state, self.feed.options(state.nimg, state), changed, g_batch, then)
        state.nimg, state.step = state.nimg + images, state.step + 1
        return stats

    def weights(self) -> Tensor:
        """Some of all, float64 on the CPU."""
        state = self.state
        flat = torch.cat([p.detach().flatten().cpu() for p in (*state.G.parameters(), *state.D.parameters())])
        return flat[:: max(len(flat) // KEPT, 1)].double().contiguous()


def in_float64(state: TrainingState) -> None:
    for network in (state.G, state.D, state.G_ema):
        if network is not None:
            network.double()
    for optimizer in (state.G_opt, state.D_opt):
        for name in ("exp_avg", "exp_avg_sq", "square_avg"):
            if hasattr(optimizer, name):
                setattr(optimizer, name, [moment.double() for moment in getattr(optimizer, name)])


def wider(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def small(name: str) -> Config:
    """A recipe with small batches of the embedded digits."""
    changes: dict[str, Any] = {"wgan_schedule": False} if name == "wgan" else {}
    return recipe(name, data="digits", batch_size=16, total_nimg=20_000, **changes)


def places(name: str, device: torch.device, steps: int, *, double: bool = False) -> dict[str, Tensor]:
    """Some weights of a recipe before, after the first few steps, and after all."""
    player = Player(small(name), load_digits(), device)
    found = {"before": player.weights()}
    if double:
        in_float64(player.state)
    for step in range(1, steps + 1):
        player.step(wider if double else lambda tensor: tensor)
        if step in (FIRST, steps):
            found["first" if step == FIRST else "last"] = player.weights()
    return found


def reference(steps: int) -> dict[str, Tensor]:
    """By recipe: on the CPU in float32 and float64."""
    torch.set_num_threads(max(os.cpu_count() or 1, 1))
    return {
        f"{name}/{double}/{place}": weights
        for name, double in itertools.product(RECIPES, (False, True))
        for place, weights in places(name, CPU, steps, double=double).items()
    }


def numbers(given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    allow_tf32(False)
    steps = FIRST + 1 if given.tiny else STEPS
    kept = load_file(given.reference) if given.reference and not given.tiny else reference(steps)
    for name in RECIPES:
        found, row = places(name, device, steps), {"recipe": name}
        for place in ("first", "last"):
            truth = kept[f"{name}/True/{place}"]
            way = (truth - kept[f"{name}/True/before"]).norm()
            for who, other in (("", found[place]), (", a CPU", kept[f"{name}/False/{place}"])):
                row[f"{place}{who}"] = ((other - truth).norm() / way).item()
        yield row | {"right": row["first"] < 1e-3 and row["last"] < 0.1}
    yield from replay(given, device)


def replay(given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    if device.type != "cuda":
        return
    for name in RECIPES:
        players = {how: Player(small(name), load_digits(), device, how) for how in ("replayed", "not recorded")}
        for _, player in itertools.product(range(20), players.values()):
            player.step()
        one, other = (player.weights() for player in players.values())
        taker = players["replayed"].take
        yield {
            "replayed": name, "recordings": len(taker.recordings), "refused": taker.refused,
            "furthest weight": (one - other).abs().max().item(), "equal": torch.equal(one, other),
        }  # fmt: skip


def guard(given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            train("note", Path(folder) / "run", data="digits", lr=1e30, total_nimg=20_000, device=given.device)
            yield {"guard": "a rate of 1e30 was not noticed", "right": False}
        except RunError as error:
            yield {"guard": str(error)[:160], "right": "not finite" in str(error) or "is inf" in str(error)}


def resumed(given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    changes: dict[str, Any] = {"data": "digits", "device": given.device, "metric_samples": 0, "batch_size": 32}
    changes |= {"burn_in_nimg": 2000, "lr_end": 0.1}
    runs: tuple[tuple[str, dict[str, Any]], ...] = (
        *((name, {"wgan_schedule": False} if name == "wgan" else {}) for name in RECIPES),
        ("r1", {"conditional": True, "augment": "ada"}),
        ("note", {"generator": "resnet", "discriminator": "recurrent"}),
    )
    for (name, more), deterministic in itertools.product(runs, (False, True)):
        total = 256 if given.tiny else 3200
        more = more | {"deterministic": deterministic}
        with tempfile.TemporaryDirectory() as folder:
            whole, parts = Path(folder) / "whole", Path(folder) / "parts"
            try:
                train(name, whole, total_nimg=total, **changes | more)
                train(name, parts, total_nimg=total // 2, **changes | more)
                resume(parts, total_nimg=total)
            except RuntimeError as error:
                yield {"resumed": name, **more, "refused": str(error)[:200]}
                continue
            one, other = (load_newest_checkpoint(RunFolder(path), lambda *_: None)[0] for path in (whole, parts))
            furthest = max((one[key].double() - other[key].double()).abs().max().item() for key in one)
            equal = all(torch.equal(one[key], other[key]) for key in one)
            yield {"resumed": name, **more, "equal": equal, "furthest number": furthest, "right": furthest < 1e-2}


def seconds(take: Callable[[], Any], count: int, device: torch.device) -> float:
    """For one of so many."""
    wait(device)
    start = time.perf_counter()
    for _ in range(count):
        take()
    wait(device)
    return (time.perf_counter() - start) / count


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def in_turns(takes: dict[str, Callable[[], Any]], device: torch.device, rounds: int, count: int) -> dict[str, float]:
    """Median seconds of one, the contestants taking turns."""
    times: dict[str, list[float]] = {name: [] for name in takes}
    for _, (name, take) in itertools.product(range(rounds), takes.items()):
        times[name].append(seconds(take, count, device))
    return {name: statistics.median(found) for name, found in times.items()}


def peaks(given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    side, size = (256, 1 << 20) if given.tiny else (8192, 1 << 30)
    for kind, dtype, tf32 in (("bfloat16", torch.bfloat16, False), ("TF32", torch.float32, True),
                              ("float32", torch.float32, False)):  # fmt: skip
        allow_tf32(tf32)
        a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        seconds(lambda a=a, b=b: a @ b, 3, device)
        took = statistics.median(seconds(lambda a=a, b=b: a @ b, 10, device) for _ in range(5))
        yield {"limit": kind, "TFLOP/s": 2 * side**3 / took / 1e12}
    source, target = (torch.rand(size, device=device) for _ in range(2))
    seconds(lambda: target.copy_(source), 3, device)
    took = statistics.median(seconds(lambda: target.copy_(source), 5, device) for _ in range(5))
    yield {"limit": "copy", "TB/s": 2 * source.numel() * 4 / took / 1e12}


def on(device: torch.device, make: Callable[[], Iterator[None]]) -> Callable[[], Any]:
    """An iterator's next, once its tensors are made on the device."""
    torch.set_default_device(device)
    made = make()
    next(made)
    torch.set_default_device("cpu")
    return lambda: next(made)


def graph_of(take: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    if device.type != "cuda":
        return take
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        take()

    def replay(kept: Any = take) -> None:  # the memory that is replayed in is the iterator's
        graph.replay()

    return replay


def note(given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    dataset = pictures(1000 if given.tiny else 50_000, (1, 28, 28))
    draws = [draw_z("uniform", 128, 96, generator(0, "z", i)).to(device) for i in range(64)]
    reals = [torch.rand(128, 1, 28, 28, device=device) * 2 - 1 for _ in range(64)]
    takes: dict[str, Callable[[], Any]] = {
        "the note's loop, batches on the device": on(device, lambda: note_loop(reals, draws)),
        "ours, operation by operation": Player(recipe("note"), dataset, device).step,
    }
    for kind in ("float32", "tf32") if device.type == "cuda" else ():
        allow_tf32(kind == "tf32")
        player = Player(recipe("note"), dataset, device, "replayed")
        takes[f"ours, replayed, {kind}"] = player.step
        for _ in range(10):
            player.step()
        [recording] = player.take.recordings.values()
        takes[f"ours, the replay alone, {kind}"] = recording.replay
        takes[f"the floor, replayed, {kind}"] = graph_of(on(device, floor), device)
    allow_tf32(False)
    if device.type == "cuda":
        takes["ours, batches alone"] = lambda: player.feed.batches(player.config.batch_size * next(turns), 0)
    turns = itertools.count()
    for take in takes.values():
        seconds(take, 10, device)
    found = in_turns(takes, device, 5, 20 if given.tiny else 300)
    base = found["the note's loop, batches on the device"]
    for name, took in found.items():
        yield {"note's step": name, "us": took * 1e6, "of the note's loop's speed": base / took}


SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "dcgan, 64": ("dcgan", {"g_width": 64, "d_width": 64, "batch_size": 128}),
    "r3gan, 64": ("r3gan", {"g_width": 64, "d_width": 64, "batch_size": 256}),
    "r3gan, 768": ("r3gan", {"g_width": 768, "d_width": 768, "blocks": 2, "batch_size": 64}),
}
"""The paper's size has 768 channels, and 64 pictures on each of its 8 cards."""
OTHER = "replayed, convolutions the other way in memory"


def turn(state: TrainingState, layout: torch.memory_format) -> None:
    """Let all lie otherwise in memory."""
    for network in (state.G, state.D, state.G_ema):
        if network is not None:
            network.to(memory_format=layout)
    for optimizer in (state.G_opt, state.D_opt):
        for name in ("exp_avg", "exp_avg_sq"):
            setattr(optimizer, name, [torch.zeros_like(p, requires_grad=False) for p in optimizer.params])


def operations(player: Player) -> float:
    """Of one step, by the forward passes that it is worth."""
    state, config = player.state, player.config
    d_batches, g_batch = player.feed.batches(0, 0)
    counts = {}
    for network, inputs in ((state.G, g_batch.z), (state.D, d_batches[0].reals)):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(inputs, None)
        counts[network is state.G] = counter.get_total_flops()
    of_d, of_g = (15, 4) if config.r1_gamma and config.r2_gamma else (8, 3)
    return of_d * counts[False] + of_g * counts[True]


def networks(given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    sizes = {"dcgan, 8": ("dcgan", {"g_width": 8, "d_width": 8, "batch_size": 8})} if given.tiny else SIZES
    dataset = pictures(512 if given.tiny else 8192, (3, 32, 32))
    for precision, (name, (of, changes)) in itertools.product(("bfloat16", "tf32", "float32"), sizes.items()):
        config = recipe(of, precision=precision, total_nimg=10_000_000, **changes)
        allow_tf32(precision == "tf32")
        hows = ["as it is", "replayed", OTHER] if device.type == "cuda" else ["as it is"]
        players = {how: Player(config, dataset, device, how.partition(",")[0]) for how in hows}
        if OTHER in players:  # channels last for float32 and TF32, first for bfloat16
            turn(players[OTHER].state, torch.contiguous_format if precision == "bfloat16" else torch.channels_last)
        work = operations(players["as it is"])
        takes: dict[str, Callable[[], Any]] = {how: player.step for how, player in players.items()}
        for take in takes.values():
            seconds(take, 6, device)
        once = seconds(takes["as it is"], 2, device)
        found = in_turns(takes, device, 3, max(2, min(100, int(1.0 / once))))
        memory = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
        for how, took in found.items():
            yield {
                "network": name, "precision": precision, "how": how, "ms": took * 1e3,
                "images/s": config.batch_size / took, "TFLOP/s": work / took / 1e12, "GiB, both": memory,
            }  # fmt: skip
        del players, takes
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
    if not given.tiny:
        yield from compiled(dataset, device)


def compiled(dataset: Dataset, device: torch.device) -> Iterator[dict[str, Any]]:
    """torch.compile of what is differentiated once: dcgan's both networks, r3gan's G."""
    for name in ("dcgan, 64", "r3gan, 64"):
        of, changes = SIZES[name]
        player = Player(recipe(of, precision="bfloat16", **changes), dataset, device, "replayed")
        start = time.perf_counter()
        player.state.G.forward = torch.compile(player.state.G.forward)
        if of == "dcgan":
            player.state.D.forward = torch.compile(player.state.D.forward)
        seconds(player.step, 8, device)
        took_first = time.perf_counter() - start
        took = statistics.median(seconds(player.step, 50, device) for _ in range(3))
        yield {
            "network": name, "precision": "bfloat16", "how": f"compiled ({took_first:.0f} s), replayed",
            "ms": took * 1e3, "images/s": player.config.batch_size / took,
        }  # fmt: skip


def quality(given: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    from ganforge.judging.evaluation import Wanted, evaluate
    from ganforge.sampling.model import load as load_model

    changes: dict[str, Any] = {
        "data": "digits" if given.tiny else "stacked-mnist", "device": given.device, "precision": given.precision,
        "batch_size": 8 if given.tiny else 256, "g_width": given.width, "d_width": given.width, "lr": 2e-4,
        "checkpoint_sec": 1000.0, "checkpoint_nimg": 10**9,
    }  # fmt: skip
    config = recipe("r3gan", **changes)
    from ganforge.data.load import load

    start = time.perf_counter()
    dataset = load(config.data)
    yield {"quality": "data loaded", "s": time.perf_counter() - start}
    player = Player(config, dataset, device, "replayed" if device.type == "cuda" else "as it is")
    seconds(player.step, 10, device)
    rate = config.batch_size / seconds(player.step, 3 if given.tiny else 100, device)
    total = int(rate * given.seconds * 0.9) // 25_600 * 25_600 or 512
    del player
    changes |= {"total_nimg": total, "report_nimg": max(total // 20, 1), "snapshot_nimg": max(total // 10, 1)}
    folder = Path(given.out) / "quality-run"
    start = time.perf_counter()
    train("r3gan", folder, ema_halflife_nimg=500_000, keep_snapshots=20, **changes)
    yield {"quality": "trained", "images": total, "s": time.perf_counter() - start, "images/s alone": rate}
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    yield {"quality": "over time", "rows": rows}
    if not given.tiny:
        found = evaluate(folder, wanted=Wanted(features=["channel classifier"], samples=26_000), device=given.device)
        yield {"quality": "judged", "record": found.record}
    load_model(folder)


COMMANDS: dict[str, Callable[[argparse.Namespace, torch.device], Iterator[dict[str, Any]]]] = {
    "numbers": numbers, "guard": guard, "resume": resumed, "limits": peaks, "note": note, "networks": networks,
    "quality": quality,
}  # fmt: skip


def run_part(given: argparse.Namespace) -> None:
    with (Path(given.out) / f"{given.part}.jsonl").open("w", encoding="utf-8") as out:
        for row in COMMANDS[given.part](given, torch.device(given.device)):
            out.write(json.dumps(row) + "\n")
            out.flush()


def table(out: Path, parts: list[str], complaints: list[str]) -> str:
    lines = []
    for part in parts:
        path = out / f"{part}.jsonl"
        lines.append(f"## {part}")
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines() if path.exists() else []):
            row.pop("rows", None), row.pop("record", None)
            cells = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
            lines.append(", ".join(cells))
    return "\n".join([*lines, *complaints])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("accelerator"))
    parser.add_argument("--reference", type=Path, help="what a CPU found; else it is worked out here")
    parser.add_argument("--make-reference", action="store_true")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS])
    parser.add_argument("--part", choices=PARTS, help="one of them, in this process")
    parser.add_argument("--tiny", action="store_true", help="a few small steps of everything")
    parser.add_argument("--seconds", type=float, default=120, help="of training for quality")
    parser.add_argument("--width", type=int, default=64, help="of r3gan's networks there")
    parser.add_argument("--precision", default="bfloat16")
    given = parser.parse_args()
    if given.make_reference:
        save_file(reference(STEPS), given.reference)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    if given.part:
        run_part(given)
        return
    complaints = []
    arguments = [a for a in sys.argv[1:] if a not in given.parts and a != "--parts"]
    for part in given.parts:
        start = time.perf_counter()
        limit = PARTS[part] + (given.seconds if part == "quality" else 0)
        log = (given.out / f"{part}.log").open("w")
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                [sys.executable, __file__, *arguments, "--part", part], stdout=log, stderr=log, timeout=limit
            )
            if done.returncode:
                last = (given.out / f"{part}.log").read_text().strip().splitlines()[-3:]
                complaints.append(f"{part}: ended with {done.returncode}: {' | '.join(last)[-600:]}")
        print(f"{part}: {time.perf_counter() - start:.0f} s", flush=True)
    print(table(given.out, given.parts, complaints))


if __name__ == "__main__":
    main()
