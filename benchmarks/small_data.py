"""By which figure can a run on few pictures be followed? Real photographs, spoiled less and less, ranked by several.

    GANFORGE_DATA=FOLDER python benchmarks/small_data.py      # writes benchmarks/results/small_data.md

Of 30 to 770 photographs two thirds are the reference, and a third the floor. Eight sets of other photographs stand for
the snapshots of a run, each better than the one before: more of them are different, with less noise and blur. A figure
should fall from each to the next. How well it does is Spearman's correlation with that order, over ``SEEDS`` draws of
photographs. Copies of the photographs that are learned from should not be lower than fresh ones.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import torch
from reporting import write_results
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ganforge.base.seeding import generator
from ganforge.data.load import load
from ganforge.metrics.features import build_extractor
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.judge import KERNEL_SUBSETS_FEW
from ganforge.metrics.kernel_distance import kernel_distance
from ganforge.metrics.moments import moments

COUNTS, SEEDS, FAKES = (30, 100, 300, 770), 12, 2_000
STAGES = ((3, 60, 0.9), (10, 45, 0.7), (30, 32, 0.5), (60, 24, 0.4), (120, 16, 0.3), (300, 10, 0.2), (FAKES, 5, 0.1))
"""Of each stage but the last: different photographs, noise (standard deviation, of 255), share of blur."""
DIMS = 16

Ways = dict[str, Callable[[Tensor, Tensor], float]]


def stages(fresh: Tensor, seed: int) -> list[Tensor]:
    """uint8 [FAKES, C, H, W] each, the worst first; the last is the fresh photographs themselves."""
    draws = generator(seed, "small data/stages")
    found = []
    for distinct, noise, blur in STAGES:
        chosen = fresh[torch.randint(distinct, (FAKES,), generator=draws)].float()
        blurred = avg_pool2d(chosen, 3, stride=1, padding=1, count_include_pad=False)
        pixels = blur * blurred + (1 - blur) * chosen + noise * torch.randn(chosen.shape, generator=draws)
        found.append(pixels.round().clamp(0, 255).byte())
    return [*found, fresh]


def kid(reals: Tensor, fakes: Tensor, size: int) -> float:
    return kernel_distance(reals, fakes, 0, KERNEL_SUBSETS_FEW, size).mean


def fd_in_few_dimensions(reals: Tensor, fakes: Tensor) -> float:
    """The Fréchet distance along the reference's principal axes."""
    center = reals.double().mean(0)
    axes = torch.linalg.svd(reals.double() - center, full_matrices=False).Vh[:DIMS].T
    return frechet_distance(moments((reals.double() - center) @ axes), moments((fakes.double() - center) @ axes))


def rank_correlation(values: list[float]) -> float:
    """Spearman's, of falling values with their order."""
    ranks = torch.tensor(values).argsort().argsort().double()
    return -torch.corrcoef(torch.stack([ranks, torch.arange(len(values)).double()]))[0, 1].item()


def trial(count: int, seed: int, features: Callable[[Tensor], Tensor], photographs: Tensor) -> dict[str, list[float]]:
    """By way: the rank correlation, then the figure of fresh photographs, of the floor's, and of copies."""
    order = torch.randperm(len(photographs), generator=generator(seed, "small data/draw"))
    learned, fresh = photographs[order[:count]], photographs[order[count : count + FAKES]]
    floor, tenth = count // 3, max(count // 10, 2)
    copies = learned[torch.randint(count, (FAKES,), generator=generator(seed, "small data/copies"))]
    kept = learned[tenth:][torch.randint(count - tenth, (FAKES,), generator=generator(seed, "small data/copies"))]
    known, series = features(learned), [features(pictures) for pictures in stages(fresh, seed)]
    of_copies, of_kept = features(copies), features(kept)

    def row(reals: Tensor, floors: Tensor, copied: Tensor, way: Callable[[Tensor, Tensor], float]) -> list[float]:
        scale = reals.square().mean().sqrt()
        values = [way(reals / scale, fakes / scale) for fakes in (*series, floors, copied)]
        return [rank_correlation(values[:-2]), *values[-3:]]

    reals, floors = known[floor:], known[:floor]
    found = {
        "KID of as many as the floor": row(reals, floors, of_copies, lambda x, y: kid(x, y[:floor], floor)),
        f"KID of {FAKES:,} (as ganforge has it)": row(reals, floors, of_copies, lambda x, y: kid(x, y, floor)),
        f"KID of {FAKES:,} against a tenth held out": row(
            known[:tenth], known[tenth:], of_kept, lambda x, y: kid(x, y, tenth)
        ),
    }  # fmt: skip
    if floor > DIMS:
        found[f"FD in {DIMS} dimensions of {FAKES:,}"] = row(reals, floors, of_copies, fd_in_few_dimensions)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=Path(os.environ.get("GANFORGE_DATA", ".")) / "photos32-train.zip")
    given = parser.parse_args()
    photographs = load(str(given.data)).items
    extractor = build_extractor("random", tuple(photographs.shape[1:]), torch.device("cpu"))
    lines = [
        (__doc__ or "").partition("\n\n")[2].partition("\n\n")[2].strip().replace("``SEEDS``", str(SEEDS)), "",
        "Means over the draws, and standard deviations.", "",
        "| photographs | figure | rank correlation (lowest) | fresh | floor | copies | copies lower than fresh |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for count in COUNTS:
        trials = [trial(count, seed, lambda items: extractor.extract(items)[0], photographs) for seed in range(SEEDS)]
        for name in trials[0]:
            found = torch.tensor([each[name] for each in trials])
            cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(found.mean(0)[1:], found.std(0)[1:], strict=True)]
            copied = int((found[:, 3] < found[:, 1]).sum())
            ranks = f"{found[:, 0].mean():.2f} ({found[:, 0].min():.2f})"
            lines.append(f"| {count} | {name} | {ranks} | {' | '.join(cells)} | {copied} of {SEEDS} |")
            print(lines[-1], flush=True)
    write_results(Path(__file__).parent / "results" / "small_data.md", "A figure for few pictures", lines)


if __name__ == "__main__":
    main()
