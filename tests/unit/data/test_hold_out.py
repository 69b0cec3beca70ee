"""What is set aside of somebody's pictures: which, how many, and that nothing is learned from it."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

import ganforge
from ganforge.base.errors import UserError
from ganforge.cli.main import main
from ganforge.config import make_config
from ganforge.data.dataset import Dataset
from ganforge.data.load import load, load_held_out
from ganforge.data.prepared.hold_out import LEAST, MOST, choose
from ganforge.judging.evaluation import Wanted, evaluate


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def digests(count: int, first: int = 0) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(first, first + count)]


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 5), np.uint8)


def save(pictures: np.ndarray, path: Path, labels: list[str] | None = None) -> str:
    more = {} if labels is None else {"labels": np.array(labels)}
    np.savez(path, images=pictures, **more)
    return str(path)


def contents(dataset: Dataset) -> list[bytes]:
    return [item.numpy().tobytes() for item in dataset.items]


def lines_of(dataset: Dataset) -> str:
    return " ".join(dataset.notes)


class TestTheChoice:
    @pytest.mark.parametrize(
        ("count", "held_out"), [(30, 0), (199, 0), (200, 20), (209, 20), (770, 77), (10_000, 1_000), (20_000, 1_000)]
    )
    def test_a_tenth_from_200_on_and_at_most_1000(self, count: int, held_out: int) -> None:
        assert (LEAST, MOST) == (200, 1_000)
        assert len(choose(digests(count), None)) == held_out

    def test_it_goes_by_content_and_not_by_place(self) -> None:
        there = digests(300)
        chosen = {there[row] for row in choose(there, None)}
        back = there[::-1]
        assert {back[row] for row in choose(back, None)} == chosen
        more = there + digests(100, first=300)
        assert len(chosen & {more[row] for row in choose(more, None)}) > 15  # most of 30, not a new draw

    def test_equal_pictures_stay_together(self) -> None:
        there = digests(60) * 5
        rows = choose(there, None)
        chosen = {there[row] for row in rows}
        assert len(rows) == 30 and len(chosen) == 6
        assert not chosen & {digest for row, digest in enumerate(there) if row not in rows}

    def test_where_equal_pictures_leave_no_choice_none_is_held_out(self) -> None:
        assert choose(digests(1) * 500, None) == []
        assert choose(digests(6) * 100, None) == []

    def test_no_class_loses_its_last_picture(self) -> None:
        there = digests(400)
        alone = choose(there, None)[:5]  # which would be held out
        labels = ["many"] * 400
        for number, row in enumerate(alone):
            labels[row] = f"rare {number}"
        rows = choose(there, labels)
        assert len(rows) == 40 and not set(alone) & set(rows)


def test_what_is_held_out_is_not_learned_from(tmp_path: Path) -> None:
    pictures = noise(300)
    labels = [str(number % 3) for number in range(300)]
    path = save(pictures, tmp_path / "p.npz", labels)
    dataset = load(path, hold_out="auto")
    assert dataset.held_out is not None
    assert (len(dataset), len(dataset.held_out)) == (270, 30)
    assert sorted(contents(dataset) + contents(dataset.held_out)) == sorted(each.tobytes() for each in pictures)
    assert "Held out: 30 of them, to tell copies by; the other 270 are learned from" in lines_of(dataset)
    by_content = {each.tobytes(): int(label) for each, label in zip(pictures, labels, strict=True)}
    for part in (dataset, dataset.held_out):
        assert part.labels is not None
        assert part.labels.tolist() == [by_content[each] for each in contents(part)]
    learned = [each.tobytes() for each in pictures if each.tobytes() not in set(contents(dataset.held_out))]
    assert contents(dataset) == learned  # in the order of the source
    again = load(path, hold_out="auto")
    assert dataset.fingerprint() == again.fingerprint() == Dataset("d", "", dataset.items.clone()).fingerprint()
    assert load_held_out(path, None, again, None, lambda line: None) is again.held_out


def test_none_learns_from_all(tmp_path: Path) -> None:
    dataset = load(save(noise(300), tmp_path / "p.npz"), hold_out="none")
    assert (len(dataset), dataset.held_out) == (300, None)
    assert "eld out" not in lines_of(dataset)


def test_few_pictures_are_all_learned_from(tmp_path: Path) -> None:
    dataset = load(save(noise(199), tmp_path / "p.npz"), hold_out="auto")
    assert (len(dataset), dataset.held_out) == (199, None)
    assert "eld out" not in lines_of(dataset)


def test_that_nothing_could_be_held_out_is_said(tmp_path: Path) -> None:
    dataset = load(save(noise(4).repeat(60, axis=0), tmp_path / "p.npz"), hold_out="auto")
    assert (len(dataset), dataset.held_out) == (240, None)
    assert "Nothing is held out: too many of the pictures are equal" in lines_of(dataset)


def test_a_test_split_or_test_data_leave_nothing_to_hold_out(tmp_path: Path) -> None:
    assert make_config({"data": "p"}).data_settings()["hold_out"] == "auto"
    assert make_config({"data": "p", "hold_out": "none"}).data_settings()["hold_out"] == "none"
    assert make_config({"data": "p", "test_data": "q"}).data_settings()["hold_out"] == "none"
    from PIL import Image

    for split, first in (("train", 0), ("test", 300)):
        (tmp_path / "p" / split).mkdir(parents=True)
        for number, pixels in enumerate(noise(LEAST, first)):
            Image.fromarray(pixels).save(tmp_path / "p" / split / f"{number:04d}.png")
    dataset = load(str(tmp_path / "p"), hold_out="auto")
    assert (len(dataset), dataset.held_out, dataset.has_test_split) == (LEAST, None, True)
    assert "Held out:" not in lines_of(dataset)


def test_another_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="hold_out cannot be 'some': give auto or none"):
        load(save(noise(3), tmp_path / "p.npz"), hold_out="some")


def test_a_run_holds_out_the_same_pictures_when_it_is_resumed_and_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And `evaluate` tells copies by them, while a run that learns from all has nothing to tell them by."""
    path = save(noise(240), tmp_path / "p.npz")
    small = ["--g-hidden=8", "--d-hidden=8", "--batch-size=32", "--device=cpu", "--snapshot-nimg=64"]
    out = tmp_path / "run"
    assert main(["train", "note", f"--data={path}", *small, "--total-nimg=64", f"--out={out}"]) == 0
    shown = capsys.readouterr().out
    assert "Held out: 24 of them" in shown
    assert "KID/random" in shown  # 216 pictures are too few for FD
    run = ganforge.resume(out, total_nimg=128)
    assert run.read_config()["data"]["count"] == 216
    first, second = run.metrics_rows()
    assert first["protocol"] == second["protocol"]
    assert first["figures"]["AuthPct/pixels"]["floor"] is not None
    dataset = load(path, hold_out="auto")
    assert dataset.held_out is not None
    record = evaluate(out, wanted=Wanted(samples=50)).record
    assert record["protocol"]["held_out"] == dataset.held_out.fingerprint() == first["protocol"]["held_out"]
    assert record["protocol"]["fingerprint"] == dataset.fingerprint()
    assert record["figures"]["copies/pixels"]["value"] == 0.0
    assert main(["train", "note", f"--data={path}", *small, "--total-nimg=64", f"--out={out}2", "--hold-out=none"]) == 0
    assert "Held out" not in capsys.readouterr().out
    record = evaluate(f"{out}2", wanted=Wanted(samples=50)).record
    assert record["protocol"]["held_out"] is None
    assert any("Whether pictures are copies was not measured" in note for note in record["notes"])


def test_the_memory_of_the_file_is_not_copied(tmp_path: Path) -> None:
    """Both parts are views of one mapped file."""
    dataset = load(save(noise(300), tmp_path / "p.npz"), hold_out="auto")
    assert dataset.held_out is not None
    assert dataset.held_out.items.data_ptr() == dataset.items.data_ptr() + dataset.items.numel()
    assert torch.equal(dataset.first(10).items, dataset.items[:10])
