"""Shards that are read in place: as prepared pictures are, whatever is wrong with them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from shard_makers import make_shards, numbers_of, picture, write_tar

from ganforge.base.errors import RunError, UserError
from ganforge.base.user_cache import cache_folder
from ganforge.data.batches import Batches
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.data.shards import shard_dataset, shard_sample, streamed
from ganforge.data.shards.shard_cache import clear_shards
from ganforge.data.shards.shard_index import read_lines
from ganforge.data.shards.streamed import StreamedBatches


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(streamed, "usual_workers", lambda: 1)
    monkeypatch.setattr(shard_dataset, "usual_workers", lambda: 1)
    return iter([None])


def index_file(name: str) -> Path:
    (path,) = cache_folder("shards").glob(f"*/{name}")
    return path


def test_they_give_what_the_same_pictures_give_when_they_are_prepared(tmp_path: Path) -> None:
    pattern = make_shards(tmp_path / "s", [100, 5, 140], broken=[7, 101])
    settings = {"hold_out": "auto", "size": 6, "channels": 1, "range": "10,200"}
    told, prepared = load(pattern, **settings), load(tmp_path / "s", **settings)
    assert torch.equal(told.items, prepared.items)
    assert told.labels is not None and prepared.labels is not None
    assert torch.equal(told.labels, prepared.labels)
    assert told.held_out is not None and prepared.held_out is not None
    assert torch.equal(told.held_out.items, prepared.held_out.items)
    assert torch.equal(told.held_out.labels, prepared.held_out.labels)  # type: ignore[arg-type]
    assert (told.count, told.num_classes, told.class_names) == (len(prepared), 3, prepared.class_names)
    assert any("245 pictures in 3 shards" in note and "are of all of them" not in note for note in told.notes)
    assert told.shards is not None
    for mirror in (False, True):
        inside, mapped = (StreamedBatches(told.shards, 50, 3, mirror=mirror), Batches(prepared, 50, 3, mirror=mirror))
        for nimg in (0, 50, 400, 100):
            (pictures, labels), (wanted, classes) = inside(nimg), mapped(nimg)
            assert torch.equal(pictures, wanted)
            assert labels is not None and classes is not None and torch.equal(labels, classes)
        assert torch.equal(inside(7, 2, lambda places: places[::3])[0], mapped(7, 2, lambda places: places[::3])[0])
        inside.close()


def small_sample(monkeypatch: pytest.MonkeyPatch, count: int = 4) -> None:
    monkeypatch.setattr(shard_sample, "SAMPLE_COUNT", count)


def epoch(dataset: Dataset, window: int = 1000) -> list[tuple[int, int | None]]:
    """One epoch's pictures by their numbers, with their classes, in ascending order."""
    assert dataset.shards is not None
    batches = StreamedBatches(dataset.shards, dataset.count, 0, window=window)
    try:
        items, labels = batches(0)
    finally:
        batches.close()
    return sorted(
        zip(numbers_of(items.numpy()), [None] * len(items) if labels is None else labels.tolist(), strict=True)
    )


def shown(dataset: Dataset, window: int = 1000) -> list[int]:
    return [number for number, _ in epoch(dataset, window)]


def test_a_sample_stands_for_all_beside_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_sample(monkeypatch)
    dataset = load(make_shards(tmp_path / "s", [6, 4, 10]))
    assert numbers_of(dataset.items.numpy()) == [0, 5, 10, 15]
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [number * 7 % 3 for number in (0, 5, 10, 15)]
    assert (len(dataset), dataset.count) == (4, 20)
    assert dataset.name_items([1]) == ["000000000005 train-00_tar 000005.png"]
    assert any("are of 4 of them, evenly spread" in note for note in dataset.notes)
    assert epoch(dataset, window=7) == [(number, number * 7 % 3) for number in range(20)]


def test_what_is_held_out_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_sample(monkeypatch, 220)
    dataset = load(make_shards(tmp_path / "s", [150, 150]), hold_out="auto")
    assert dataset.held_out is not None
    apart = set(numbers_of(dataset.held_out.items.numpy()))
    assert len(apart) == 22
    assert any("Held out: 22 of them, to tell copies by; 278 of all are learned from" in note for note in dataset.notes)
    assert shown(dataset, window=40) == sorted(set(range(300)) - apart)


def test_the_index_is_made_once_and_an_interrupted_one_is_gone_on_with(tmp_path: Path) -> None:
    pattern, said = make_shards(tmp_path / "s", [6, 4, 10]), list[str]()
    first = load(pattern, say=said.append)
    assert sum("Listing 3 shards" in line for line in said) == 1
    load(pattern, say=said.append)
    assert sum("Listing" in line for line in said) == 1
    lines = index_file("shards.jsonl").read_bytes().splitlines(keepends=True)
    keep = next(at for at, line in enumerate(lines) if b"count" in line) + 1
    index_file("shards.jsonl").write_bytes(b"".join(lines[:keep]) + lines[keep][:20])  # as if killed while it wrote
    again = load(pattern, say=said.append)
    assert said[-1] != said[0] and any("Listing 2 shards" in line for line in said)
    assert again.fingerprint() == first.fingerprint()
    assert epoch(again) == epoch(first)


def test_a_shard_that_was_written_anew_is_other_data(tmp_path: Path) -> None:
    pattern, said = make_shards(tmp_path / "s", [6, 4]), list[str]()
    before = load(pattern)
    make_shards(tmp_path / "s", [6, 5])
    after = load(pattern, say=said.append)
    assert any("Changed since they were listed: train-00.tar, train-01.tar" in line for line in said)
    assert before.fingerprint() != after.fingerprint()
    assert after.count == 11
    for path in (tmp_path / "s").iterdir():
        path.rename(path.with_name(f"new-{path.name}"))
    moved = load(str(tmp_path / "s" / "new-train-{00..01}.tar"))
    assert moved.fingerprint() != after.fingerprint()  # shards are known by their names, too


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(b"no tar at all" * 99), "damaged after file 0"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "cut off or damaged after file"),
    ],
)
def test_a_shard_that_is_missing_or_damaged_is_named(tmp_path: Path, harm: object, why: str) -> None:
    pattern = make_shards(tmp_path / "s", [4, 4, 4, 4])
    whole = (path := tmp_path / "s" / "train-02.tar").read_bytes()
    harm(path)  # type: ignore[operator]
    with pytest.raises(UserError, match=rf"1 of 4 shards are missing or damaged.*train-02\.tar \({why}.*--max-broken"):
        load(pattern, max_broken=0)
    dataset = load(pattern, max_broken=4)
    assert any("train-02.tar" in note and why in note for note in dataset.notes)
    assert 12 <= dataset.count < 16
    path.write_bytes(whole)  # mended: other data, but of what gave no picture nothing is asked again
    again = load(pattern, max_broken=4)
    assert again.count == (16 if why.startswith("cut off") else 12)
    assert (again.fingerprint() == dataset.fingerprint()) == (again.count == 12)


def test_of_very_many_the_first_are_named_and_where_all_are(tmp_path: Path) -> None:
    """Shards that are missing, and what is passed over in those that are there."""
    make_shards(tmp_path / "s", [2] * 12)
    for number in range(12):
        write_tar(tmp_path / "s" / f"train-{number + 12}.tar", {f"{number}.png": picture(number), "a.txt": b""})
    dataset = load(str(tmp_path / "s" / "train-{00..35}.tar"), max_broken=100)
    lines = [note for note in dataset.notes if " and 2 more (all: " in note]
    assert [line.split(":")[0] for line in lines] == ["Shards that are missing or damaged", "Skipped"]
    for line in lines:
        kept = Path(line.partition(" (all: ")[2].partition(")")[0]).read_text(encoding="utf-8")
        assert "train-35.tar" in kept
        assert "1 file ending in .txt" in kept


def test_a_refused_list_is_made_anew_where_it_lacked_something(tmp_path: Path) -> None:
    pattern = make_shards(tmp_path / "s", [4, 4])
    away = (tmp_path / "s" / "train-01.tar").rename(tmp_path / "away")
    with pytest.raises(UserError, match="missing"):
        load(pattern, max_broken=0)
    away.rename(tmp_path / "s" / "train-01.tar")
    assert load(pattern, max_broken=0).count == 8


def test_broken_pictures_are_named_and_replaced_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_sample(monkeypatch, 2)
    pattern, said = make_shards(tmp_path / "s", [10, 10], broken=[3, 4, 19]), list[str]()
    dataset = load(pattern, max_broken=3, say=said.append)
    assert dataset.shards is not None
    batches = StreamedBatches(dataset.shards, 20, 0)
    make_shards(tmp_path / "w", [20])
    plain = Batches(load(tmp_path / "w"), 20, 0)
    for nimg in (0, 20, 0):
        wanted = [{3: 5, 4: 5, 19: 0}.get(number, number) for number in numbers_of(plain(nimg)[0].numpy())]
        items, labels = batches(nimg)
        assert numbers_of(items.numpy()) == wanted
        assert labels is not None and labels.tolist() == [number * 7 % 3 for number in wanted]
    batches.close()
    named = [line for line in said if "replaced" in line]
    assert len(named) == 3
    assert any("000003.png in train-00.tar (" in line for line in named)
    strict = StreamedBatches(load(pattern, max_broken=2).shards, 20, 0)  # type: ignore[arg-type]
    with pytest.raises(RunError, match=r"3 of 20 pictures .* cannot be read any more, and at most 2 may be left out"):
        strict(0)
    strict.close()


@pytest.mark.parametrize("harm", ["missing", "changed since it was listed"])
def test_a_shard_that_is_lost_while_training_is_named(tmp_path: Path, harm: str) -> None:
    pattern, said = make_shards(tmp_path / "s", [6, 6, 6]), list[str]()
    dataset = load(pattern, max_broken=6, say=said.append)
    path = tmp_path / "s" / "train-01.tar"
    path.unlink() if harm == "missing" else path.write_bytes(path.read_bytes() + bytes(512))
    assert shown(dataset) == [*range(6), *sorted([*range(12, 18)] * 2)]  # as many places further on
    assert any(f"train-01.tar ({harm}): its 6 pictures" in line for line in said)
    (tmp_path / "s" / "train-02.tar").unlink()
    with pytest.raises(RunError, match="12 of 18 pictures"):
        epoch(dataset)


def test_fields_that_are_no_pictures_are_passed_over_by_name(tmp_path: Path) -> None:
    evil = {"a.png": picture(0), "b.png": picture(1), "a.pyd": b"cos\nsystem\n(S'true'\ntR.", "../c.png": picture(2)}
    evil |= {"labels.csv": b"file_name,label\na.png,x\n", "a.depth.png": picture(3)}
    write_tar(tmp_path / "e-0.tar", evil)
    dataset = load(str(tmp_path / "e-*.tar"))
    (line,) = [note for note in dataset.notes if note.startswith("Skipped")]
    for part in (
        "1 file ending in .pyd",
        "c.png (its name leads out",
        "labels.csv (a file of labels",
        "1 of the name KEY.depth.png",
    ):
        assert part in line
    assert (dataset.count, dataset.labels) == (2, None)
    assert "no .cls or .json lies beside the pictures" in dataset.no_labels


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        ({"000001.json": b'{"caption": "a"}'}, "6 of 6 pictures have none beside them"),
        ({"000001.json": b'{"label": [1, 2]}'}, "train-00.tar: what lies beside the pictures holds several values"),
        ({"000001.cls": b"1"}, "5 of 6 pictures have none beside them"),
    ],
)
def test_why_there_are_no_classes_is_told(tmp_path: Path, notes: dict[str, bytes], why: str) -> None:
    write_tar(tmp_path / "train-00.tar", {f"{n:06d}.png": picture(n) for n in range(6)} | notes)
    dataset = load(str(tmp_path / "train-*.tar"))
    assert dataset.labels is None
    if why.startswith("6 of"):
        why = "no .cls or .json" if "no .cls" in dataset.no_labels else why
    assert why in dataset.no_labels


def test_classes_are_settled_for_all_shards_together(tmp_path: Path) -> None:
    """A shard by itself would call 120 classes of 120 pictures captions, and another has one class only."""
    for shard in range(3):
        files = {f"{n:06d}.png": picture(n + 120 * shard) for n in range(120)}
        files |= {f"{n:06d}.cls": str(n if shard else 10).encode() for n in range(120)}
        write_tar(tmp_path / f"t-{shard}.tar", files)
    dataset = load(str(tmp_path / "t-{0..2}.tar"))
    assert dataset.num_classes == 120
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [10] * 120 + [*range(120)] * 2
    assert [label for _, label in epoch(dataset)] == dataset.labels.tolist()


def test_memory_of_the_index_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load(make_shards(tmp_path / "s", [6, 4]))
    assert dataset.shards is not None
    given = list[int]()

    class Watched:
        def madvise(self, advice: int) -> None:
            given.append(advice)

    dataset.shards.index._file = Watched()
    for _ in range(200):
        dataset.shards.labels(np.arange(10))
    assert len(given) == 200 * 10 // 260
    dataset.shards.labels(np.arange(10).repeat(300))
    assert len(given) >= 200 * 10 // 260 + 3000 // 512


def test_what_shards_cannot_do_is_refused(tmp_path: Path) -> None:
    pattern = make_shards(tmp_path / "s", [4])
    with pytest.raises(UserError, match="Shards are taken whole"):
        load(pattern, max_images=2)
    with pytest.raises(UserError, match="only the first page is taken"):
        load(pattern, pages="all")
    with pytest.raises(UserError, match=r"holds 0 pictures to learn from; train-01\.tar \(holds no pictures"):
        write_tar(tmp_path / "s" / "train-01.tar", {"a.txt": b""})
        load(str(tmp_path / "s" / "train-{01..01}.tar"))


def test_clearing_removes_the_index_and_nothing_else(tmp_path: Path) -> None:
    load(make_shards(tmp_path / "s", [6, 4]))
    (own := index_file("places.i64").with_name("notes.txt")).write_text("mine")
    other = cache_folder("shards") / "mine"
    other.mkdir()
    clear_shards()
    left = [path.name for path in cache_folder("shards").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert left == ["notes.txt"]
    own.unlink()
    clear_shards()
    assert [*cache_folder("shards").iterdir()] == [other]


def test_a_damaged_line_ends_the_index(tmp_path: Path) -> None:
    good = b'{"class": "a"}\n' + json.dumps({"name": "x", "count": 2, "skipped": []}).encode() + b"\n"
    (tmp_path / "places.i64").write_bytes(bytes(2 * 24))
    for bad in (b"[]", b"{}", b'{"name": "y", "count": "9", "skipped": []}', b'{"class": []}', b"{", b'{"other": 1}',
                b'{"name": "y", "count": 3, "skipped": []}'):  # fmt: skip
        (tmp_path / "shards.jsonl").write_bytes(good + bad + b"\n" + b'{"accepted": true}\n')
        known, classes, accepted = read_lines(tmp_path)
        assert ([*known], classes, accepted) == (["x"], {"a": 0}, False)
        assert (tmp_path / "shards.jsonl").read_bytes() == good
