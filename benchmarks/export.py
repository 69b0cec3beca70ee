"""What leaves a run: how near its pictures are to PyTorch's, how large the files are, and how fast onnxruntime is.

For every family of networks, told the class and not, with untrained weights of the family's own sizes for pictures of
28 x 28: the largest difference of values between the ONNX file, the .pt2 and PyTorch at batches of 1, 2 and 7, and the
bytes of each file. Then pictures a second of onnxruntime and of PyTorch in eager mode, with one thread and with two,
taken in turns, so that what else the machine does meets both; the median of the rounds.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from reporting import write_results

from ganforge.base.tensorfile import write_tensorfile
from ganforge.export.parity import Run
from ganforge.export.portable import inputs, portable
from ganforge.export.to_onnx import onnx_runner, write_onnx
from ganforge.export.to_torch import write_torch
from ganforge.networks.catalog import GENERATORS
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.sampling.model import Model, load

CLASSES = 10
THREADS = (1, 2)


def model(folder: Path, family: str, told: int, side: int) -> Model:
    """A model with untrained weights, whose batch norms have seen noise."""
    config = recipe("note", generator=family, conditional=told > 0, data="mnist")
    G = build_generator(family, config.z_dim, (1, side, side), 0, num_classes=told, **config.g_sizes)
    with torch.no_grad():
        for _ in range(3):
            G(torch.rand(64, config.z_dim) * 2 - 1, torch.arange(64) % max(1, told))
    settings = config.model_dump(mode="json")
    facts = {"format": 1, "nimg": 0, "shape": [1, side, side], "num_classes": told, "settings": settings}
    path = folder / f"{family}-{told}.safetensors"
    write_tensorfile(path, "snapshot", G.state_dict(), facts)
    return load(path, "cpu")


def rate(make: Callable[[], object], batch: int, seconds: float) -> float:
    """Pictures a second: as many calls as fit into so many seconds, one at least."""
    start, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds or not count:
        make()
        count += 1
    return count * batch / passed


@torch.inference_mode()
def rates(made: Model, onnx: Path, batch: int, rounds: int, seconds: float) -> list[tuple[float, float]]:
    """(onnxruntime, PyTorch), pictures a second, for each of ``THREADS``: medians over rounds that take turns."""
    module, (z, labels) = portable(made, "float"), inputs(made, batch)
    found = []
    for threads in THREADS:
        torch.set_num_threads(threads)
        runners: list[Run] = [onnx_runner(onnx, threads), module]
        for run in runners:
            run(z, labels)
        pairs = [[rate(lambda run=run: run(z, labels), batch, seconds) for run in runners] for _ in range(rounds)]
        found.append((statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "export.md")
    given = parser.parse_args()
    parities, speeds = [], []
    with tempfile.TemporaryDirectory() as name:
        for family in GENERATORS:
            for told in (0, CLASSES):
                made = model(Path(name), family, told, given.side)
                onnx, pt2 = Path(name) / "generator.onnx", Path(name) / "generator.pt2"
                differences = write_onnx(made, onnx, "float"), write_torch(made, pt2, "float")
                title = f"{family}, {told} classes" if told else family
                sizes = [path.stat().st_size for path in (made.path, onnx, pt2)]
                parities.append(
                    f"| {title} | {differences[0]:.1e} | {differences[1]:.1e} | "
                    + " | ".join(f"{size:,}" for size in sizes) + " |"
                )  # fmt: skip
                cells = [
                    f"{a:,.0f} | {b:,.0f} | {a / b:.2f}"
                    for a, b in rates(made, onnx, given.batch, given.rounds, given.seconds)
                ]
                speeds.append(f"| {title} | " + " | ".join(cells) + " |")
    head = [
        "## Parity and size",
        "",
        "The largest difference of values, in [-1, 1], from PyTorch's in float32, at batches of 1, 2 and 7; bytes.",
        "",
        "| G | ONNX differs by | .pt2 differs by | snapshot | ONNX | .pt2 |",
        "|---|---|---|---|---|---|",
    ]
    middle = [
        "",
        "## Pictures a second",
        "",
        f"Batches of {given.batch} pictures of {given.side} x {given.side}, medians of {given.rounds} rounds of "
        f"{given.seconds} s in turns; ratio: onnxruntime's over PyTorch's.",
        "",
        "| G | " + " | ".join(f"onnxruntime, {n} | PyTorch, {n} | ratio" for n in THREADS) + " |",
        "|---|" + "---|" * (3 * len(THREADS)),
    ]
    write_results(given.out, "Exported models", [*head, *parities, *middle, *speeds])


if __name__ == "__main__":
    main()
