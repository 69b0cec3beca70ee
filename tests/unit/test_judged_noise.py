"""The noise and classes that are judged: every item another, the same at every time, and as often as the data have."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ganforge.judging.against
import ganforge.judging.evaluation
import ganforge.training.measure
from ganforge.data.dataset import Dataset
from ganforge.judging.against import Against, open_data
from ganforge.judging.evaluation import Wanted, evaluate
from ganforge.judging.judged import Judged, drawn_from, made_by
from ganforge.metrics.fakes import shares
from ganforge.metrics.judge import Judge, Plan
from ganforge.networks.construct import build_generator
from ganforge.recipes.catalog import recipe
from ganforge.run.snapshot import Snapshot
from ganforge.sampling.model import Model
from ganforge.training.feed import Feed
from ganforge.training.measure import measure

CPU = torch.device("cpu")
COUNT, Z_DIM = 1_300, 3  # more than two chunks of 512
BOTH = pytest.mark.parametrize("way", ["in training", "by evaluate"])


class Told(nn.Module):
    """A G that keeps what it is given. Its pictures are black."""

    def __init__(self) -> None:
        super().__init__()
        self.z: list[Tensor] = []
        self.labels: list[Tensor] = []

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.z.append(z.clone())
        if labels is not None:
            self.labels.append(labels.clone())
        return torch.full((len(z), 1, 2, 2), -1.0)


class EnoughError(Exception):
    """All that was to be seen has been seen."""


class Stub:
    """Takes the place of a judge."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.protocol = type("Protocol", (), {"num_fakes": COUNT})
        self.asked: Tensor | None = None

    def judge(self, batches: Any, subject: Any, nimg: int, sharers: Any, asked: Tensor | None) -> dict[str, Any]:
        self.asked = asked
        return {"items": sum(len(items) for items in batches), "nimg": nimg}


def dataset_of(num_classes: int = 0) -> Dataset:
    """Three of four pictures are of class 1, the others of class 2; there is none of class 0."""
    labels = (torch.arange(400) % 4 == 0).long() + 1 if num_classes else None
    return Dataset("d", "", torch.zeros(400, 1, 2, 2, dtype=torch.uint8), labels, num_classes)


def judged(
    way: str, num_classes: int = 0, seed: int = 0, nimg: int = 0, noise: str = "uniform"
) -> tuple[Tensor, Tensor]:
    """z and labels (empty without classes) of all items judged, in their order."""
    config = recipe("note", z_dim=Z_DIM, seed=seed, conditional=num_classes > 0, noise=noise)
    G, dataset = Told(), dataset_of(num_classes)
    if way == "in training":
        feed, judge = Feed(config, dataset, CPU), Stub(dataset)
        assert measure(judge, G, config, nimg, feed) == {"items": COUNT, "nimg": nimg}  # type: ignore[arg-type]
        assert judge.asked is None if not num_classes else torch.equal(torch.cat(G.labels)[:COUNT], judge.asked)
    else:
        snapshot = Snapshot(Path("x"), {}, config.model_dump(), (1, 2, 2), num_classes, nimg)
        items = list(made_by(Model(G, config, snapshot, CPU), dataset, shares(COUNT)))
        assert sum(map(len, items)) == COUNT
    # The last batch of each chunk is filled up with its last row; chunks of 512 are whole batches of 64.
    return torch.cat(G.z)[:COUNT], torch.cat([torch.empty(0), *G.labels])[:COUNT]


@BOTH
@pytest.mark.parametrize("noise", ["uniform", "normal"])
def test_no_two_items_are_of_the_same_noise(way: str, noise: str) -> None:
    z, _ = judged(way, noise=noise)
    assert len(z.unique(dim=0)) == COUNT
    assert z.double().std().item() == pytest.approx({"uniform": 3**-0.5, "normal": 1.0}[noise], rel=0.05)


@BOTH
def test_the_noise_is_the_same_at_every_time(way: str) -> None:
    assert torch.equal(judged(way, nimg=0)[0], judged(way, nimg=640)[0])


def test_another_runs_noise_is_its_own_in_training_and_everybodys_in_evaluating() -> None:
    assert not torch.equal(judged("in training")[0], judged("in training", seed=1)[0])
    assert torch.equal(judged("by evaluate")[0], judged("by evaluate", seed=1)[0])


@BOTH
def test_classes_are_judged_as_often_as_the_data_have_them(way: str) -> None:
    _, labels = judged(way, num_classes=3)
    shares = torch.bincount(labels.long(), minlength=3).double() / COUNT
    assert shares.tolist() == pytest.approx([0, 0.75, 0.25], abs=0.04)
    first, second = labels[:512], labels[512:1024]
    assert not torch.equal(first, second)
    assert torch.equal(judged(way, num_classes=3, nimg=64)[1], labels)


def test_pictures_judged_are_a_random_part_each_once() -> None:
    """Folders are often sorted by class."""
    pictures = torch.arange(2_000).view(-1, 1, 1, 1)
    chosen = torch.cat(list(drawn_from(pictures, shares(COUNT)))).flatten()
    assert len(chosen.unique()) == len(chosen) == COUNT
    assert chosen.double().mean().item() == pytest.approx(1_000, rel=0.05)
    assert chosen.tolist() != sorted(chosen.tolist())
    assert torch.equal(chosen, torch.cat(list(drawn_from(pictures, shares(COUNT)))).flatten())


def points(count: int) -> Dataset:
    return Dataset("points", "", torch.zeros(count, 1, 1, 1, dtype=torch.uint8))


@pytest.fixture
def without_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the protocol is made."""
    monkeypatch.setattr("ganforge.metrics.judge.prepare_reference", lambda *_: (None, {}))


def numbers(judge: Judge) -> tuple[int, ...]:
    protocol = judge.protocol
    return protocol.num_fakes, protocol.num_reals, protocol.num_floor, protocol.kernel_subsets


def test_the_protocols_are_the_documented_ones(without_measuring: None) -> None:
    """docs/metrics.md: 10,000 against up to 50,000, a third for the floor at most; in training 2,000 against 10,000."""
    assert numbers(Judge(points(90_000), None, CPU)) == (10_000, 50_000, 10_000, 100)
    assert numbers(Judge(points(50_000), None, CPU)) == (10_000, 40_000, 10_000, 100)
    assert numbers(Judge(points(9_000), None, CPU)) == (3_000, 6_000, 3_000, 100)
    judge = ganforge.training.measure.prepare_judge(recipe("note"), points(90_000), CPU, print)
    assert judge is not None
    assert numbers(judge) == (2_000, 10_000, 2_000, 0)
    assert judge.copying is None


@pytest.mark.parametrize(
    ("name", "samples", "wanted"),
    [("stacked-mnist", None, 26_000), ("digits", None, 10_000), ("stacked-mnist", 700, 700), ("digits", 700, 700)],
)
def test_how_many_are_judged(name: str, samples: int | None, wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of stacked digits, as is the convention; so many as were asked for, where somebody asked."""

    def judge(dataset: Dataset, held_out: Dataset | None, device: torch.device, plan: Plan, **given: Any) -> None:
        assert (dataset.name, held_out) == (name, None)
        assert (plan.num_fakes, plan.names) == (wanted, ["random"])
        raise EnoughError

    dataset = Dataset(name, "", torch.zeros(40, 3, 28, 28, dtype=torch.uint8))
    config = recipe("note", data=name, z_dim=Z_DIM, g_hidden=(2,))
    G = build_generator("mlp", Z_DIM, (3, 28, 28), 0, hidden=(2,))
    model = Model(G, config, Snapshot(Path("x"), {}, {}, (3, 28, 28), 0, 0), CPU)
    monkeypatch.setattr(ganforge.judging.evaluation, "open_judged", lambda *_: Judged(Path("x"), model))
    monkeypatch.setattr(ganforge.judging.evaluation, "open_data", lambda *_: (dataset, None))
    monkeypatch.setattr(ganforge.judging.evaluation, "Judge", judge)
    with pytest.raises(EnoughError):
        evaluate("x", wanted=Wanted(samples, ["random"]), device="cpu")


def test_what_evaluate_judges_against_is_what_the_run_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many of its pictures, brought to the same shape; held-out ones as the run named them, or another was named."""
    given: list[tuple[Any, ...]] = []

    def load_data(name: str, **how: Any) -> Dataset:
        given.append((name, how["data_dir"], how["max_images"], how.get("size"), how.get("channels")))
        return dataset_of()

    def load_held_out(name: str, test_data: str | None, *_: Any, **how: Any) -> None:
        given.append((name, test_data, how.get("fit")))

    monkeypatch.setattr(ganforge.judging.against, "has_gone", lambda place: False)
    monkeypatch.setattr(ganforge.judging.against, "locate", lambda name: f"/{name}")
    monkeypatch.setattr(ganforge.judging.against, "load_data", load_data)
    monkeypatch.setattr(ganforge.judging.against, "load_held_out", load_held_out)
    own = {"size": "9x8", "channels": 3, "fit": "pad", "max_images": 50, "data_dir": "place", "test_data": "/held"}
    snapshot = Snapshot(Path("x"), {}, {}, (1, 2, 2), 0, 0)
    model = Model(Told(), recipe("note", data="/pets", **own), snapshot, CPU)
    open_data(Judged(Path("x"), model), Against("pets"))
    open_data(Judged(Path("x"), model), Against("pets", "/other", Path("elsewhere")))
    open_data(Judged(Path("x"), model), Against("cars"))
    assert given == [
        ("/pets", Path("place"), 50, "9x8", 3), ("/pets", "/held", "pad"),
        ("/pets", Path("elsewhere"), 50, "9x8", 3), ("/pets", "/other", "pad"),
        ("/cars", None, None, "2x2", 1), ("/cars", None, None),
    ]  # fmt: skip


def test_other_pictures_are_taken_by_the_numbers_that_a_run_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by those that they would measure by themselves."""
    given: list[tuple[str, Any]] = []

    def load_data(name: str, **how: Any) -> Dataset:
        given.append((name, how["range"]))
        return replace(dataset_of(), range=(0.0, 4095.0) if how["range"] == "auto" else how["range"])

    monkeypatch.setattr(ganforge.judging.against, "has_gone", lambda place: False)
    monkeypatch.setattr(ganforge.judging.against, "locate", lambda name: f"/{name}")
    monkeypatch.setattr(ganforge.judging.against, "load_data", load_data)
    monkeypatch.setattr(ganforge.judging.against, "load_held_out", lambda *_, **how: None)
    for range_, calls in (("auto", [("/pets", "auto"), ("/cars", (0.0, 4095.0))]), ("0,99", [("/cars", "0,99")])):
        model = Model(
            Told(), recipe("note", data="/pets", range=range_), Snapshot(Path("x"), {}, {}, (1, 2, 2), 0, 0), CPU
        )
        open_data(Judged(Path("x"), model), Against("cars"))
        assert given == calls
        given.clear()
