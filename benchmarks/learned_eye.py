"""Does an eye that learned from the reals see what random features miss, and rank runs as a classifier does?

    GANFORGE_DATA=FOLDER python benchmarks/learned_eye.py --work DIR --runs RUN ... # of MNIST and of photographs, mixed
    GANFORGE_DATA=FOLDER python benchmarks/learned_eye.py --work DIR --runs RUN ... --data mnist    # one of them alone

What was found of each stays in DIR, and the result file is written of what there is.

Sees: real pictures spoiled in one way each. A value is told in standard deviations of the floor: ``POOLS`` draws of
fresh reals against the same reference. Ranks: the newest snapshot of each run, ordered by FD and KID with each kind of
features against the test split, beside the order by a judge that is none of them: on MNIST the package's digit
classifier, on photographs a classifier of another architecture that learned from photographs that no eye has learned
from. Nothing is judged by what any of them learned from. An eye learns from a third of the training pictures, 10,000 at
most.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from reporting import write_results
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from ganforge.base.seeding import generator
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.metrics.eye import learned
from ganforge.metrics.eye_lessons import shifted, teach
from ganforge.metrics.eye_network import Eye, prepared
from ganforge.metrics.fakes import asked_classes, fakes_in_chunks, shares
from ganforge.metrics.features import build_extractor
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.kernel_distance import kernel_distance
from ganforge.metrics.moments import MomentSums
from ganforge.metrics.protocol import eye_rows
from ganforge.sampling.model import load as load_model

REFERENCE, POOL, POOLS = 4_000, 2_000, 6
FAKES = 2_500
MISSING = 8
VIEWS, BATCH_SIZE = 100_000, 128  # of the independent classifier
FOUND = """The eye with classes is kept. On photographs it sees a missing class, blur, noise and a checkerboard many
times better than random features do; on MNIST it sees a missing class much better, and random features the rest.
Mirrored photographs are seen by neither. On MNIST it orders runs as the classifier does, better than random features.
On photographs its order by KID is better, by FD it is not (0.77 and 0.72 of two eyes, random 0.74), and two eyes agree
by 0.64 and 0.77 only: those 13 runs saw 24,000 to 128,000 photographs, and many are nearly as good as the next.

The eye without classes is left out: its orders are no clear gain over those of random features, and it sees a missing
class less well. It was the best of three lessons that were tried on photographs, with 96,000 views each. FD in
multiples of its floor without class 8, with the middle blurred, with a checkerboard, with noise: turns 3.9, 34, 2.8,
1.3; turns, and quarters in another order (it learns their seams) 2.1, 33, 78, 316; VICReg (Bardes et al. 2022,
arXiv:2105.04906) 3.4, 11, 1.4, 1.8; random features 2.4, 2.1, 1.1, 1.0; the eye with classes 10, 32, 1.5, 5.5."""
Look = Callable[[Tensor], Tensor]
"""Pictures uint8 [N, C, H, W] -> features [N, d]."""


class Independent(nn.Module):
    """A classifier that has nothing of the eye's: 5 x 5 filters, ELU, maximum pools, dropout, no batch norm."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            nn.Conv2d(channels, 32, 5, padding=2), nn.ELU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2), nn.ELU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1), nn.ELU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.LazyLinear(96), nn.ELU(),
        )  # fmt: skip
        self.logits = nn.Linear(96, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(nn.functional.dropout(self.stages(x), 0.3, self.training))


def taught_independently(dataset: Dataset, rows: Tensor, path: Path) -> Independent:
    """From these rows, shifted and mirrored; kept at ``path``."""
    torch.manual_seed(7)
    network = Independent(dataset.shape[0], dataset.num_classes)
    network(prepared(dataset.items[:2]))
    if path.exists():
        network.load_state_dict(torch.load(path, weights_only=True))
        return network.eval()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    steps = VIEWS // BATCH_SIZE
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps)
    assert dataset.labels is not None
    for step in range(steps):
        draws = generator(7, "independent", step)
        chosen = rows[torch.randint(len(rows), (BATCH_SIZE,), generator=draws)]
        x = shifted(prepared(dataset.items[chosen]), draws)
        x = torch.where(torch.rand(len(x), 1, 1, 1, generator=draws) < 0.5, x.flip(3), x)
        optimizer.zero_grad()
        cross_entropy(network(x.contiguous()), dataset.labels[chosen]).backward()
        optimizer.step()
        schedule.step()
    torch.save(network.state_dict(), path)
    return network.eval()


def taught_turns(dataset: Dataset) -> Eye:
    """An eye that learned by how many quarters pictures are turned (Gidaris et al. 2018, arXiv:1803.07728)."""
    pictures = dataset.items[eye_rows(dataset)]
    turned = torch.cat([pictures.rot90(angle, (2, 3)) for angle in range(4)])
    return teach(turned, torch.arange(4).repeat_interleave(len(pictures)), 4, 0)


def in_parts(look: Look) -> Look:
    def looked(pictures: Tensor) -> Tensor:
        with torch.inference_mode():
            return torch.cat([look(part) for part in pictures.split(250)]).float()

    return looked


def spoiled(pictures: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The same pictures with one fault each, but for those of one class, which are left out."""
    x, side = pictures.float(), pictures.shape[-1]
    blurred = avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    middle = torch.zeros(side, side, dtype=torch.bool)
    middle[side // 4 : -(side // 4), side // 4 : -(side // 4)] = True
    board = (torch.arange(side)[:, None] + torch.arange(side)) % 2 * 2 - 1
    noise = torch.randn(x.shape, generator=generator(0, "learned eye/noise"))
    half = side // 2
    parts = {
        "mirrored left to right": x.flip(3),
        "upper and lower half swapped": torch.cat([x[:, :, half:], x[:, :, :half]], 2),
        "the middle quarter blurred, 5 x 5": torch.where(
            middle, avg_pool2d(x, 5, 1, 2, count_include_pad=False), x
        ),
        "checkerboard, 8 grey levels": x + 8 * board,
        "Gaussian noise, 10 grey levels": x + 10 * noise,
        "3 x 3 box blur": blurred,
    }  # fmt: skip
    return {f"no class {MISSING}": pictures[labels != MISSING]} | {
        name: found.clamp(0, 255).round().byte() for name, found in parts.items()
    }


def distances(reference: Tensor, judged: Tensor) -> tuple[float, float]:
    """FD and KID; features as they are divided by the reference's root mean square."""
    moments = []
    for rows in (reference, judged):
        sums = MomentSums(rows.shape[1])
        sums.add(rows)
        moments.append(sums.moments())
    return frechet_distance(*moments), kernel_distance(reference, judged, 0, 30, 500).mean


def tau(a: Sequence[float], b: Sequence[float]) -> float:
    """Kendall's: of all pairs, the share in the same order less the share in the other."""
    pairs = list(combinations(range(len(a)), 2))
    return sum((a[i] > a[j]) * 2 - 1 == (b[i] > b[j]) * 2 - 1 for i, j in pairs) * 2 / len(pairs) - 1


def sensitivity(dataset: Dataset, looks: dict[str, Look]) -> list[str]:
    """The table of z-scores."""
    assert dataset.labels is not None
    apart = set(eye_rows(dataset).tolist())
    rows = torch.tensor([row for row in range(len(dataset)) if row not in apart])
    rows = rows[torch.randperm(len(rows), generator=generator(0, "learned eye/rows"))]
    reference, rest = dataset.items[rows[:REFERENCE]], rows[REFERENCE:]
    pools = [dataset.items[part] for part in rest[: POOL * POOLS].split(POOL)]
    faults = spoiled(pools[0], dataset.labels[rest[:POOL]])
    lines = [row_of(["pictures", *(f"{kind}/{name}, z" for name in looks for kind in ("FD", "KID"))])]
    lines += ["|---" * (1 + 2 * len(looks)) + "|"]
    cells: dict[str, list[str]] = {name: [] for name in faults}
    for look in looks.values():
        real = look(reference)
        scale = real.square().mean().sqrt()
        floors = torch.tensor([distances(real / scale, look(pool) / scale) for pool in pools], dtype=torch.float64)
        for name, pictures in faults.items():
            value = torch.tensor(distances(real / scale, look(pictures) / scale), dtype=torch.float64)
            away = (value - floors.mean(0)) / floors.std(0)
            cells[name] += [f"{z:,.0f}" for z in away.tolist()]
    return lines + [row_of([name, *row]) for name, row in cells.items()]


def fakes_of(run: Path, dataset: Dataset) -> tuple[Tensor, Tensor | None]:
    """Pictures of a run's newest snapshot, and the classes that they were made for."""
    model = load_model(run, torch.device("cpu"))
    noise, z_dim = model.config.noise, model.config.z_dim
    told: dict[str, Any] = {"num_classes": model.num_classes, "seed": 0, "purpose": "learned eye"}
    made = fakes_in_chunks(model.generate, dataset, shares(FAKES), noise=noise, z_dim=z_dim, **told)
    return torch.cat(list(made)), asked_classes(dataset, FAKES, **told)


def ranks(
    runs: Sequence[Path], train: Dataset, test: Dataset, looks: dict[str, Look], tells: dict[str, Look]
) -> list[str]:
    """The table of runs, and below it the taus with the first of ``looks``."""
    columns = [f"FD/{name}" for name in looks] + [f"agreement, {name}" for name in tells]
    lines = [row_of(["run", *columns]), "|---" * (1 + len(columns)) + "|"]
    fd, kid = ({name: list[float]() for name in looks} for _ in range(2))
    reals = {name: look(test.items) for name, look in looks.items()}
    scales = {name: real.square().mean().sqrt() for name, real in reals.items()}
    for run in runs:
        pictures, asked = fakes_of(run, train)
        for name, look in looks.items():
            found = distances(reals[name] / scales[name], look(pictures) / scales[name])
            fd[name].append(found[0])
            kid[name].append(found[1])
        agreed = [share_of(tell, pictures, asked) for tell in tells.values()]
        lines.append(row_of([f"{run.parent.name} {run.name}", *(f"{fd[name][-1]:.4g}" for name in looks), *agreed]))
        say(f"{run}: looked at")
    floors = [share_of(tell, test.items, test.labels) for tell in tells.values()]
    lines.append(row_of(["test pictures", *("" for _ in looks), *floors]))
    judge, *others = looks
    lines += ["", row_of(["tau of the orders by", "FD", "KID"]), "|---|---|---|"]
    pairs = [(judge, name) for name in others] + list(combinations([name for name in others if name != "random"], 2))
    for a, b in pairs:
        lines.append(row_of([f"{a}, {b}", f"{tau(fd[a], fd[b]):.2f}", f"{tau(kid[a], kid[b]):.2f}"]))
    return lines


def share_of(tell: Look, pictures: Tensor, asked: Tensor | None) -> str:
    """The share of pictures that are taken for what they were made for."""
    return "-" if asked is None else f"{100 * float((tell(pictures).argmax(1) == asked).float().mean()):.0f} %"


def row_of(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def examine(title: str, train: Dataset, test: Dataset, runs: Sequence[Path], work: Path) -> list[str]:
    """All of one data set."""
    cpu = torch.device("cpu")
    random = build_extractor("random", train.shape, cpu)
    eyes, kept = {}, work / f"seconds-{train.name.rpartition('/')[2]}.json"
    took: dict[str, float] = json.loads(kept.read_text()) if kept.exists() else {}
    for name in ("eye 0", "eye 1", "eye without classes"):
        start = time.process_time()
        eyes[name] = taught_turns(train) if name == "eye without classes" else learned(train, work, int(name[-1]))
        took.setdefault(name, time.process_time() - start)
        kept.write_text(json.dumps(took))
        say(f"{title}: {name}, {took[name]:.0f} s")
    looks: dict[str, Look] = {name: in_parts(lambda x, eye=eye: eye(x)[0]) for name, eye in eyes.items()}  # type: ignore[misc]
    tells: dict[str, Look] = {name: in_parts(lambda x, eye=eyes[name]: eye(x)[1]) for name in ("eye 0", "eye 1")}  # type: ignore[misc]
    looks = {"random": in_parts(lambda x: random.extract(x)[0])} | looks
    seconds = ", ".join(f"{name} {value:.0f}" for name, value in took.items())
    lines = [f"## {title}", "", f"Seconds of one core's own time to learn, beside other work: {seconds}.", ""]
    lines += [*sensitivity(train, looks), ""]
    say(f"{title}: spoiled pictures looked at")
    if train.name == "mnist":
        classifier = build_extractor("classifier", train.shape, cpu)
        judge, judged_by = in_parts(lambda x: classifier.extract(x)[0]), "classifier"
        tells["classifier"] = in_parts(lambda x: classifier.extract(x)[1])  # type: ignore[arg-type, return-value]
    else:
        apart = set(eye_rows(train).tolist())
        rows = torch.tensor([row for row in range(len(train)) if row not in apart])
        network = taught_independently(train, rows, work / "independent.pt")
        judge, judged_by = in_parts(lambda x: network.stages(prepared(x))), "independent"
        tells[judged_by] = in_parts(lambda x: network(prepared(x)))
    return [*lines, *ranks(runs, train, test, {judged_by: judge} | looks, tells), ""]


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where eyes are kept")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="finished runs of MNIST and photographs")
    parser.add_argument("--data", choices=["photographs", "mnist"], help="only these")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "learned_eye.md")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.work.mkdir(parents=True, exist_ok=True)
    of = {run: json.loads((run / "config.json").read_text(encoding="utf-8"))["settings"]["data"] for run in given.runs}
    for title, name in (("Photographs of 32 x 32", "photos32-{}.zip"), ("MNIST", "mnist")):
        runs = [run for run, data in of.items() if Path(data).name == name.format("train")]
        if given.data in (None, "mnist" if name == "mnist" else "photographs"):
            train, test = both_splits(name)
            found = examine(f"{title}: {len(runs)} runs", train, test, runs, given.work)
            (given.work / f"found-{Path(train.name).name}.md").write_text("\n".join(found), encoding="utf-8")
    lines = [FOUND, ""]
    lines += [path.read_text(encoding="utf-8") for path in sorted(given.work.glob("found-*.md"))]
    write_results(given.out, "A learned eye, beside random features", lines)


def both_splits(name: str) -> tuple[Dataset, Dataset]:
    """The training and the test pictures."""
    if name == "mnist":
        return load("mnist"), load("mnist", "test")
    train, test = (str(Path(os.environ["GANFORGE_DATA"]) / name.format(part)) for part in ("train", "test"))
    return load(train), load(test)


if __name__ == "__main__":
    main()
