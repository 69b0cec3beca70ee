"""Where an order decides something: which figure, which snapshot, which pictures are shown first."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ganforge.data.dataset import Dataset, Mixture
from ganforge.data.load import load
from ganforge.judging.description import describe
from ganforge.metrics.copy_sides import Space
from ganforge.metrics.copying import Copying
from ganforge.metrics.figure import Figure
from ganforge.metrics.judge import Judge, Plan, headline, usual_extractors
from ganforge.metrics.prdc import prdc
from ganforge.metrics.protocol import MAX_KEPT, MAX_NEIGHBOURHOOD, MAX_SAMPLES_FOR_COPIES, split_rows
from ganforge.metrics.trend import best_of
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.folder import RunFolder
from ganforge.run.snapshot import find_snapshot, save_snapshot
from ganforge.training.measure import prepare_judge

CPU = torch.device("cpu")
DECIDING = ["inception", "classifier", "channel classifier", "random", "coordinates"]
"""As docs/vocabulary.md and docs/metrics.md have them."""


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(DECIDING, 2)])
def test_the_headline_is_the_first_of_the_documented_order(first: str, second: str) -> None:
    """Whatever order they were measured in, and the next where the first could not be had."""
    both = {f"FD/{name}": Figure(1.0, "lower") for name in (first, second)}
    others = {"precision/inception": Figure(0.0, "higher"), "FD/pixels": Figure(0.0, "lower")}
    for figures in (both | others, others | dict(reversed(both.items()))):
        assert headline(figures) == f"FD/{first}"
        assert headline(figures | {f"FD/{first}": Figure(None, "lower")}) == f"FD/{second}"
        assert headline(figures | {f"KID/{first}": Figure(0.0, "lower")}) == f"FD/{first}"
    assert headline(others) is None
    kernel = {f"KID/{name}": Figure(0.0, "lower") for name in (second, first)}
    assert headline(others | kernel) == f"KID/{first}"


@pytest.mark.parametrize("text", ["docs/vocabulary.md", "docs/metrics.md"])
def test_the_documented_order(text: str) -> None:
    lines = (Path(__file__).parents[3] / text).read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if "the FD with the features" in line]
    listed = line.partition("the FD with the features")[2]
    assert [name for name in listed.split("`")[1::2] if name in DECIDING] == DECIDING


def noise(count: int, *shape: int) -> torch.Tensor:
    return torch.randint(256, (count, *shape), generator=torch.Generator().manual_seed(count), dtype=torch.uint8)


def test_of_two_extractors_the_classifier_decides(tmp_path: Path) -> None:
    """Both of their figures are in the record."""
    dataset = Dataset("noise", "", noise(800, 1, 28, 28))
    judge = Judge(dataset, None, CPU, Plan(names=["random", "classifier"], kernel_subsets=0), cache_dir=tmp_path)
    record = judge.judge([noise(266, 1, 28, 28)], {"kind": "pictures", "path": "", "name": ""}, 0)
    assert record["headline"] == "FD/classifier"
    assert {name for name in record["figures"] if name.startswith("FD/")} == {"FD/random", "FD/classifier"}


def dataset_called(name: str, *shape: int) -> Dataset:
    mixture = Mixture(torch.zeros(1, 2), 1.0) if shape == (2,) else None
    return Dataset(
        name, "", torch.zeros(60, *shape, dtype=torch.uint8 if len(shape) == 3 else torch.float32), mixture=mixture
    )


@pytest.mark.parametrize(
    ("dataset", "usual"),
    [
        (dataset_called("mnist", 1, 28, 28), ["classifier", "random"]),
        (dataset_called("stacked-mnist", 3, 28, 28), ["channel classifier", "random"]),
        (dataset_called("ring", 2), ["coordinates"]),
        (dataset_called("pictures.zip", 1, 28, 28), ["random"]),
    ],
    ids=lambda given: given.name if isinstance(given, Dataset) else "",
)
def test_the_usual_extractors_and_the_one_of_training(
    dataset: Dataset, usual: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganforge.metrics.judge.prepare_reference", lambda *_: (None, {}))
    assert usual_extractors(dataset) == usual
    assert list(Judge(dataset, None, CPU).protocol.extractors) == usual
    in_training = prepare_judge(recipe("note"), dataset, CPU, print)
    assert in_training is not None
    assert list(in_training.protocol.extractors) == usual[:1]


def row(nimg: int, value: float) -> dict[str, Any]:
    return {"nimg": nimg, "headline": "FD/random", "protocol": {"id": "p"}, "figures": {"FD/random": {"value": value}}}


def test_of_equal_snapshots_the_earliest_is_best_and_stays(tmp_path: Path) -> None:
    """By the figures that are there when a snapshot is saved: a lower one is better."""
    assert best_of([(96, 1.0), (32, 1.0), (64, 1.0)]) == (32, 1.0)
    folder, config = RunFolder(tmp_path / "run"), recipe("note", z_dim=4, g_hidden=(8,), keep_snapshots=1)
    settings = config.model_dump(mode="json")
    folder.create({"settings": settings, "data": {}, "environment": [{}]})
    for nimg, value in ((32, 3.0), (64, 1.0), (96, 1.0), (128, 2.0), (160, 5.0)):
        G = build_generator("mlp", 4, (1, 3, 3), 0, hidden=(8,))
        save_snapshot(folder, nimg, G, settings, (1, 3, 3), 0)
        folder.append_metrics(row(nimg, value))
    assert [nimg for nimg, _ in folder.all_snapshots()] == [64, 160]
    assert find_snapshot(folder.path, best=True) == folder.snapshot(64)
    assert find_snapshot(folder.path) == folder.snapshot(160)


def copying_of(training: torch.Tensor) -> Copying:
    flat = training.flatten(1)
    names = ("copies", "exact duplicates", "AuthPct", "C_T", "near duplicates")
    floors = {f"{name}/pixels": Figure(0.0, "lower") for name in names}
    space = Space(
        "pixels", lambda pictures: pictures.flatten(1), flat, None, torch.ones(4, dtype=torch.float64), 1.0, floors
    )
    return Copying(Dataset("d", "", training), [space])


def test_the_nearest_pairs_are_shown_the_nearest_first_each_beside_its_training_picture() -> None:
    training = torch.tensor([0, 50, 100, 200], dtype=torch.uint8).view(-1, 1, 1, 1)
    fakes = torch.tensor([57, 101, 200, 20], dtype=torch.uint8).view(-1, 1, 1, 1)
    copying = copying_of(training)
    copying.start()
    for part in fakes.split(3):
        copying.keep(part)
    figures = copying.figures()
    assert figures["copies/pixels"].value == 0.25
    assert copying.nearest_pictures(3).flatten().tolist() == [200, 200, 101, 100, 57, 50]
    assert copying.nearest_pictures(99).flatten().tolist() == [200, 200, 101, 100, 57, 50, 20, 0]
    copying.start()
    copying.keep(fakes[3:])
    copying.keep(fakes[3:] + 1)
    copying.figures()
    assert copying.nearest_pictures(2).flatten().tolist() == [20, 0, 21, 0]


def test_held_out_pictures_are_a_random_part_and_the_first_extractor_looks_at_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A held-out part may be sorted by class."""
    taken: list[tuple[str, torch.Tensor]] = []

    def prepare_space(name: str, identity: str, embed: Any, dataset: Dataset, fresh: torch.Tensor, *_: Any) -> None:
        taken.append((name, fresh.flatten(1)[:, 0].int() * 256 + fresh.flatten(1)[:, 1]))

    monkeypatch.setattr("ganforge.metrics.copying.prepare_space", prepare_space)
    monkeypatch.setattr("ganforge.metrics.judge.prepare_reference", lambda *_: (None, {}))
    held_out = torch.zeros(1_500, 1, 28, 28, dtype=torch.uint8)
    held_out[:, 0, 0, 0], held_out[:, 0, 0, 1] = torch.arange(1_500) // 256, torch.arange(1_500) % 256
    Judge(dataset_called("mnist", 1, 28, 28), Dataset("mnist", "", held_out), CPU)
    assert [name for name, _ in taken] == ["pixels", "classifier"]
    for _, numbers in taken:
        assert len(numbers.unique()) == len(numbers) == 1_000
        assert numbers.double().mean().item() == pytest.approx(750, rel=0.05)


def test_as_many_neighbours_and_items_as_documented(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs/metrics.md").read_text(encoding="utf-8").replace("\n", " ")
    assert f"look at the first {MAX_NEIGHBOURHOOD:,} of each side; `KID` at the first {MAX_KEPT:,} of each" in text
    most = f"{MAX_SAMPLES_FOR_COPIES:,}"
    assert f"at the first {most} judged pictures and {most} held-out ones" in text
    ring = load("ring")
    judge = Judge(ring, None, CPU, Plan(num_fakes=300, num_reals=500, kernel_subsets=0), cache_dir=tmp_path)
    fresh = load("ring", split="test")
    assert fresh.labels is not None
    fakes = fresh.items[fresh.labels < 4][:300]  # half of the modes
    figures = judge.judge([fakes], {"kind": "pictures", "path": "", "name": ""}, 0)["figures"]
    near = prdc(ring.items[split_rows(ring, judge.protocol)[1]], fakes, k=5)
    for name in ("precision", "recall", "density", "coverage"):
        assert figures[f"{name}/coordinates"]["value"] == pytest.approx(getattr(near, name))
    assert near.precision != near.recall


def test_the_table_is_in_the_documented_order() -> None:
    """Figures of the first extractor, then of the next, then pixels; FD first, whatever the record's order."""
    names = ["C_T/pixels", "KID/b", "FD/b", "coverage/a", "precision/a", "KID/a", "FD/a", "copies/pixels"]
    figure = {"value": 1.0, "floor": None, "spread": None, "better": "lower"}
    protocol = {"id": "p", "data": "d", "split": "s", "num_fakes": 1, "num_reals": 1, "num_floor": 1}
    record = {
        "subject": {"name": "x"},
        "protocol": protocol | {"extractors": {"a": "1", "b": "2"}},
        "classes": {},
        "notes": [],
    }
    shown = describe(json.loads(json.dumps(record | {"figures": dict.fromkeys(names, figure)}))).splitlines()
    rows = ["/".join(line.split()[:2]) for line in shown[2:10]]
    assert rows == ["FD/a", "KID/a", "precision/a", "coverage/a", "FD/b", "KID/b", "copies/pixels", "C_T/pixels"]
