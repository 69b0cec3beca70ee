"""metrics/eye*.py: features that are learned from some of the real pictures, and never judge by those."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganforge.base.errors import UserError
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.metrics import eye, eye_lessons
from ganforge.metrics.eye_lessons import shifted, teach
from ganforge.metrics.eye_network import MAX_SIDE, Eye, prepared
from ganforge.metrics.features import build_extractor
from ganforge.metrics.judge import Judge, Plan
from ganforge.metrics.protocol import eye_rows, split_rows

CPU = torch.device("cpu")
PLAN = Plan(names=["own", "random"], kernel_subsets=2)


@pytest.fixture(autouse=True)
def short_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eye_lessons, "VIEWS", 2 * eye_lessons.BATCH_SIZE)


@pytest.fixture
def lessons(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """What was learned, each time that something was."""
    given: list[tuple[Any, ...]] = []

    def noted(*what: Any) -> Eye:
        given.append(what)
        return teach(*what)

    monkeypatch.setattr(eye, "teach", noted)
    yield given


def numbered(count: int = 900) -> Dataset:
    """Pictures of which each has its row's number in its first two pixels; two classes."""
    items = torch.randint(256, (count, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    rows = torch.arange(count)
    items[:, 0, 0, 0], items[:, 0, 0, 1] = (rows // 256).byte(), (rows % 256).byte()
    return Dataset("numbered", "made for a test", items, rows % 2, 2)


def numbers(items: Tensor) -> set[int]:
    return set((items[:, 0, 0, 0].long() * 256 + items[:, 0, 0, 1].long()).tolist())


def test_it_never_judges_by_what_it_learned_from(lessons: list[tuple[Any, ...]], tmp_path: Path) -> None:
    dataset = numbered()
    judge = Judge(dataset, numbered(100), CPU, PLAN, cache_dir=tmp_path)
    [(pictures, labels, num_classes, _)] = lessons
    floor, reals = split_rows(dataset, judge.protocol)
    assert numbers(pictures) == set(eye_rows(dataset).tolist())
    assert len(pictures) == 300 and len(reals) == 400 and len(floor) == 200 == judge.protocol.num_floor
    assert not numbers(pictures) & (set(floor.tolist()) | set(reals.tolist()))
    assert torch.equal(labels, dataset.labels[eye_rows(dataset)]) and num_classes == 2  # type: ignore[index]
    assert judge.copying is not None and [space.name for space in judge.copying.spaces] == ["pixels", "random"]


def test_the_record_names_the_eye_and_says_what_it_took(tmp_path: Path) -> None:
    dataset = load("digits")
    judge = Judge(dataset, None, CPU, PLAN, cache_dir=tmp_path)
    record = judge.judge([dataset.items[: judge.protocol.num_fakes]], {"kind": "pictures"}, 0)
    told = build_extractor("own", dataset.shape, CPU, dataset=dataset, cache_dir=tmp_path).hash
    assert record["protocol"]["extractors"]["own"] == told and len(told) == 16
    assert record["headline"] == "FD/own" and record["figures"]["FD/own"]["floor"] > 0
    took = "The eye of the own features learned from 499 of digits's 1,497 items, which are not among those judged by."
    assert took in record["notes"] and "a third of 998." in record["notes"][-1]
    assert len(record["classes"]["own"]) == 10 and "agreement/own" not in record["figures"]


def test_an_eye_is_made_once(lessons: list[tuple[Any, ...]], tmp_path: Path) -> None:
    dataset = numbered()
    first = eye.learned(dataset, tmp_path).state_dict()
    again = eye.learned(dataset, tmp_path)
    assert len(lessons) == 1 and not again.training
    assert all(torch.equal(first[name], tensor) for name, tensor in again.state_dict().items())
    relabelled = replace(dataset, labels=1 - dataset.labels)  # type: ignore[operator]
    for changed in (relabelled, dataset.first(899)):
        before = len(lessons)
        eye.learned(changed, tmp_path)
        assert len(lessons) == before + 1
    eye.learned(dataset, tmp_path, seed=1)
    assert len(lessons) == 4


def test_a_damaged_eye_is_made_again(
    lessons: list[tuple[Any, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    eye.learned(numbered(), tmp_path)
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    eye.learned(numbered(), tmp_path)
    assert len(lessons) == 2 and "is damaged" in capsys.readouterr().err


def test_equal_seeds_give_equal_eyes_and_others_another_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one thread, whatever was drawn before. Figures of two protocols are never in one table: test_comparison.py."""
    threads, eyes = set(), []
    monkeypatch.setattr(eye_lessons, "poll", lambda: threads.add(torch.get_num_threads()))
    torch.set_num_threads(2)
    try:
        for seed in (0, 0, 1):
            torch.rand(1)
            state = torch.random.get_rng_state()
            eyes.append(teach(numbered().items, numbered().labels, 2, seed).state_dict())
            assert torch.equal(torch.random.get_rng_state(), state)
        assert threads == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    same, other = ([torch.equal(eyes[0][name], one[name]) for name in one] for one in eyes[1:])
    assert all(same) and not all(other)
    ids = set()
    for turn in (0, 1):
        dataset = replace(numbered(), labels=(numbered().labels + turn) % 2)  # type: ignore[operator]
        ids.add(Judge(dataset, None, CPU, PLAN, cache_dir=tmp_path).protocol.id)
    assert len(ids) == 2


def test_it_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes of digits, in a few rounds."""
    monkeypatch.setattr(eye_lessons, "VIEWS", 7_000)
    dataset, test = load("digits"), load("digits", split="test")
    knows = teach(dataset.items, dataset.labels, 10, 0)
    features, probabilities = knows(test.items)
    assert features.shape == (len(test), 128)
    assert (probabilities.argmax(1) == test.labels).float().mean() > 0.9


def test_pictures_are_moved_by_whole_pixels_each_by_its_own() -> None:
    x = torch.zeros(50, 2, 16, 16)
    x[:, 0, 8, 8] = x[:, 1, 8, 8] = 1
    moved = shifted(x, torch.Generator().manual_seed(0))
    places = moved.nonzero()
    assert len(places) == 100 and torch.equal(moved[:, 0], moved[:, 1])
    assert set(places[:, 2].tolist()) == set(places[:, 3].tolist()) == {6, 7, 8, 9, 10}
    assert len({tuple(place) for place in places[:, 2:].tolist()}) > 10


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 41, 30), (2, 130, 300)])
def test_pictures_of_any_size_are_looked_at(shape: tuple[int, ...]) -> None:
    pictures = torch.randint(256, (2, *shape), dtype=torch.uint8)
    assert max(prepared(pictures).shape[2:]) <= MAX_SIDE
    assert Eye(shape, 2).eval()(pictures)[0].shape == (2, 128)


def test_too_few_pictures_or_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"learned from 199 pictures, a third of numbered's 599, and 200 are the least"):
        Judge(numbered(599), None, CPU, PLAN, cache_dir=tmp_path)
    for labels, count in ((None, 0), (torch.zeros(900).long(), 1), (torch.arange(900) % 16, 16)):
        with pytest.raises(UserError, match=r"from 2 to 100 classes, with 20 pictures of each .* use random"):
            Judge(replace(numbered(), labels=labels, num_classes=count), None, CPU, PLAN, cache_dir=tmp_path)
    with pytest.raises(UserError, match="is learned from real pictures, and none are given"):
        build_extractor("own", (1, 8, 8), CPU)
