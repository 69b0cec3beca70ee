"""Parquet shards that are read in place: by their footers and row groups, here and from a server."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from shard_makers import make_parquet_shards, make_shards, numbers_of, picture
from shard_server import ShardServer, serving

from ganforge.base.errors import RunError, UserError
from ganforge.cli.main import main
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.data.shards import parquet_parts, parquet_shard, shard_dataset, shard_sample, streamed, web_files
from ganforge.data.shards.fetched_shards import FetchedShards
from ganforge.data.shards.shard_cache import files_folder
from ganforge.data.shards.streamed import StreamedBatches

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShardServer]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in (streamed, shard_dataset):
        monkeypatch.setattr(module, "usual_workers", lambda: 1)
    monkeypatch.setattr(FetchedShards, "workers", 1)
    monkeypatch.setattr(web_files, "RETRY_AFTER_S", (0.01, 0.01))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "s").mkdir()
    with serving(tmp_path / "s") as running:
        yield running


def epoch(dataset: Dataset) -> list[tuple[int, int]]:
    """One epoch's pictures by their numbers, with their classes, in its order."""
    assert dataset.shards is not None
    batches = StreamedBatches(dataset.shards, dataset.count, 0)
    try:
        items, labels = batches(0)
    finally:
        batches.close()
    return list(zip(numbers_of(items.numpy()), [] if labels is None else labels.tolist(), strict=True))


def test_they_give_what_tar_shards_and_prepared_pictures_give(server: ShardServer, tmp_path: Path) -> None:
    settings = {"hold_out": "auto", "size": 6, "max_broken": 3}
    told = load(make_parquet_shards(server.folder, [110, 5, 100], broken=[7, 111]), **settings)
    tar = load(make_shards(tmp_path / "t", [110, 5, 100], broken=[7, 111]), **settings)
    prepared = load(server.folder, **settings)
    for other in (tar, prepared):
        assert torch.equal(told.items, other.items)
        assert torch.equal(told.labels, other.labels)  # type: ignore[arg-type]
        assert torch.equal(told.held_out.items, other.held_out.items)  # type: ignore[union-attr]
    assert (told.count, told.class_names, told.labels_from) == (
        tar.count,
        tar.class_names,
        "the column of classes beside each picture",
    )
    assert told.name_items([7]) == ["000000000009 train-00_parquet row 1 of row group 2.png"]
    of_parquet, of_tar = (StreamedBatches(one.shards, 40, 3, window=50) for one in (told, tar))  # type: ignore[arg-type]
    for nimg in (0, 40, 200):
        assert torch.equal(of_parquet(nimg)[0], of_tar(nimg)[0])
    of_parquet.close()
    of_tar.close()


def test_only_footers_and_classes_are_fetched_to_list_them(
    server: ShardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_sample, "SAMPLE_COUNT", 4)
    monkeypatch.setattr(shard_sample, "SAMPLE_BYTES", 5800)
    monkeypatch.setattr(parquet_parts, "END_BYTES", 16)
    local = load(make_parquet_shards(server.folder, [30, 20]))
    assert numbers_of(local.items.numpy()) == [0, 1, 24, 25]  # of two row groups, from their first rows on
    server.faults.cut_after = 10_000
    dataset = load(server.url + "train-{00..01}.parquet")
    assert dataset.fingerprint() == local.fingerprint()
    assert "" not in [part for _, part in server.asked]  # no whole file
    assert list(files_folder().iterdir()) == []
    server.faults.cut_after = None
    in_place = epoch(local)
    assert sorted(in_place) == [(number, number * 7 % 3) for number in range(50)]
    assert epoch(dataset) == in_place
    again = load(server.url + "train-{00..01}.parquet")
    monkeypatch.setattr(FetchedShards, "expect", lambda *_: None)
    for path in files_folder().iterdir():
        path.unlink()
    assert epoch(again) == in_place  # row group by row group, as no shard is here yet
    assert list(files_folder().iterdir()) == []


def test_a_server_without_parts_sends_whole_files(server: ShardServer) -> None:
    local = load(make_parquet_shards(server.folder, [5, 6]))
    server.faults.parts = False
    dataset = load(server.url + "train-{00..01}.parquet")
    assert torch.equal(dataset.items, local.items)
    assert epoch(dataset) == epoch(local)


def test_a_shard_that_has_changed_or_is_damaged_in_the_cache(
    server: ShardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_parquet_shards(server.folder, [6, 6])
    names, said = server.url + "train-{00..01}.parquet", list[str]()
    dataset = load(names, max_broken=6, say=said.append)
    in_place = epoch(dataset)
    for path in files_folder().iterdir():
        assert path.suffix == ".parquet"
        path.write_bytes(path.read_bytes()[:-1] + b"?")  # its footer is no longer one
    assert epoch(load(names, max_broken=0)) == in_place
    for path in files_folder().iterdir():
        path.unlink()
    make_parquet_shards(server.folder, [6, 5])
    for whole in (True, False):
        dataset = load(names, max_broken=6, say=said.append)
        if whole:
            monkeypatch.setattr(FetchedShards, "expect", lambda *_: None)
        assert {number for number, _ in epoch(dataset)} == {*range(6)}
        assert any("train-01.parquet (changed since it was listed): its 6 pictures" in line for line in said)
        said.clear()


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(b"no Parquet at all" * 99), "no Parquet file, or cut off|cannot be read as a"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "no Parquet file, or cut off|cannot be read as a"),
        (lambda path: pq.write_table(pa.table({"a": [1]}), path), "has no column of picture files among its columns"),
    ],
)
@pytest.mark.parametrize("remote", [False, True])
def test_a_shard_that_is_missing_or_damaged_is_named(server: ShardServer, harm: object, why: str, remote: bool) -> None:
    pattern = make_parquet_shards(server.folder, [4, 4, 4])
    harm(server.folder / "train-01.parquet")  # type: ignore[operator]
    names = server.url + "train-{00..02}.parquet" if remote else pattern
    why = "answered HTTP 404" if remote and why == "missing" else why
    with pytest.raises(UserError, match=rf"1 of 3 shards are .*train-01\.parquet \(({why}).*--max-broken") as error:
        load(names, max_broken=0)
    assert "/part.parquet" not in str(error.value)
    assert load(names, max_broken=4).count == 8


def test_rows_without_pictures_and_damaged_pages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_sample, "SAMPLE_COUNT", 2)
    cells = [{"bytes": picture(number) if number != 2 else None, "path": "x.png"} for number in range(8)]
    path, said = tmp_path / "a-0.parquet", list[str]()
    once = {"compression": "none", "use_dictionary": False, "write_statistics": False}  # each picture lies there once
    pq.write_table(pa.table({"image": cells}), path, row_group_size=4, write_page_checksum=True, **once)
    dataset = load(str(tmp_path / "a-*.parquet"), max_broken=4, say=said.append)
    content, state = bytearray(path.read_bytes()), path.stat()
    assert dataset.shards is not None
    batches = StreamedBatches(dataset.shards, 8, 0)
    assert {*numbers_of(batches(0)[0].numpy())} == {0, 1, *range(3, 8)}
    assert any("row 2 of row group 0 in a-0.parquet (its bytes are not in the file" in line for line in said)
    batches.close()
    content[content.index(picture(0)) + 60] ^= 255  # of one picture; the sum is the whole page's
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    batches = StreamedBatches(load(str(tmp_path / "a-*.parquet"), max_broken=4).shards, 8, 0)  # type: ignore[arg-type]
    assert {*numbers_of(batches(0)[0].numpy())} == {*range(4, 8)}
    batches.close()
    batches = StreamedBatches(load(str(tmp_path / "a-*.parquet"), max_broken=2).shards, 8, 0)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="cannot be read any more, and at most 2"):
        batches(0)
    batches.close()


def test_row_groups_that_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = make_parquet_shards(tmp_path / "s", [300])
    monkeypatch.setattr(shard_dataset, "LARGE_GROUP_BYTES", 500)
    assert any("Row groups of about 0 MiB" in note for note in load(pattern).notes)
    monkeypatch.setattr(parquet_shard, "MAX_GROUP_BYTES", 100)
    with pytest.raises(UserError, match=r"row groups of 0 MiB, more than 0: write it with smaller ones"):
        parquet_shard.list_rows(tmp_path / "s" / "train-00.parquet")


def test_why_there_are_no_classes(tmp_path: Path) -> None:
    dataset = load(make_parquet_shards(tmp_path / "a", [4], labelled=False))
    assert dataset.labels is None
    assert dataset.no_labels == "train-00.parquet: there is no column but that of the pictures"
    cells = [{"bytes": picture(number), "path": None} for number in range(3)]
    pq.write_table(pa.table({"image": cells, "caption": ["a", "b", "c"]}), tmp_path / "b-0.parquet")
    why = load(str(tmp_path / "b-*.parquet")).no_labels
    assert why == "b-0.parquet: no column is called label, labels or class, only caption"


def test_a_footer_that_lies_is_refused(server: ShardServer, monkeypatch: pytest.MonkeyPatch) -> None:
    make_parquet_shards(server.folder, [4, 4])
    monkeypatch.setattr(FetchedShards, "expect", lambda *_: None)
    for path in server.folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:-8] + (1 << 31).to_bytes(4, "little") + content[-4:])
    with pytest.raises(UserError, match="no Parquet file, or cut off"):
        load(server.url + "train-{00..01}.parquet")


@pytest.mark.parametrize("make", [make_parquet_shards, make_shards])
def test_they_are_inspected_by_their_sample(
    make: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shard_sample, "SAMPLE_COUNT", 10)
    pattern = make(tmp_path / "s", [10, 10], broken=[4])
    assert main(["data", "inspect", pattern, "--out", str(tmp_path / "sheet.png")]) == 0
    said = capsys.readouterr().out
    assert "20 pictures in 2 shards" in said and "are of 10 of them" in said
    beside = "the column of classes" if make is make_parquet_shards else ".cls or .json"
    for line in ("pictures    10, 1 of them unreadable", "8x8, all of them", f"classes     3 ({beside} beside"):
        assert line in said
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size[0] > 30
    (tmp_path / "s" / Path(pattern.replace("{00..01}", "01")).name).unlink()
    assert main(["data", "inspect", pattern.replace("01}", "02}")]) == 2
    assert "2 of 3 shards are missing or damaged" in capsys.readouterr().err
    assert main(["data", "inspect", pattern, "--pages", "all"]) == 2
