"""Shards on a server that is slow, breaks off, lies about lengths, and changes its files."""

import hashlib
import importlib.util
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from shard_makers import make_shards, numbers_of
from shard_server import ShardServer, serving

from ganforge.base.errors import RunError, UserError
from ganforge.data.dataset import Dataset
from ganforge.data.load import load
from ganforge.data.shards import pattern, store_files, streamed, web_files
from ganforge.data.shards.fetched_shards import FetchedShards
from ganforge.data.shards.shard_cache import clear_shards, files_folder, kept_files
from ganforge.data.shards.shard_files import Shard, ShardLost
from ganforge.data.shards.store_files import Store
from ganforge.data.shards.streamed import StreamedBatches
from ganforge.data.shards.web_files import Fault, Part, Web, fetch_part, fetch_whole


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShardServer]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(streamed, "usual_workers", lambda: 1)
    monkeypatch.setattr(FetchedShards, "workers", 1)
    monkeypatch.setattr(web_files, "RETRY_AFTER_S", (0.01, 0.01))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "s").mkdir()
    with serving(tmp_path / "s") as running:
        yield running


@pytest.fixture
def files(server: ShardServer) -> Iterator[tuple[FetchedShards, list[str]]]:
    web, said = Web(), list[str]()
    yield FetchedShards(web.part, said.append), said
    web.session.close()


def content(size: int) -> bytes:
    return hashlib.shake_128(b"x").digest(size)


def put(server: ShardServer, name: str, size: int) -> Shard:
    (server.folder / name).write_bytes(content(size))
    return Shard(server.url + name, size, "", hashlib.sha256(content(size)).hexdigest())


def until(is_so: object) -> None:
    end = time.monotonic() + 20
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.01)


def no_parts(path: str) -> list[tuple[int, int]]:
    raise AssertionError("of tar files all is listed")


Files = tuple[FetchedShards, list[str]]


def test_a_shard_is_fetched_whole_however_often_it_breaks_off(server: ShardServer, files: Files) -> None:
    put(server, "a", 300_000)
    server.faults.cut_after = 100_000
    with files[0].found(server.url + "a", no_parts) as found:
        assert Path(found.path).read_bytes() == content(300_000)
        assert (found.size, found.stamp) == (300_000, '"1"')
        assert found.sha256 == hashlib.sha256(content(300_000)).hexdigest()
    assert [part for _, part in server.asked] == ["", *(f"bytes={at << 16}-" for at in (1, 2, 3, 4))]


def test_a_server_without_parts_begins_anew(server: ShardServer, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    shard = put(server, "a", 200_000)
    server.faults.parts = False
    server.faults.cut_after = 100_000
    with pytest.raises(ShardLost, match="broke off before the end"), files[0].found(shard.name, no_parts):
        pass
    assert len(server.asked) == 3  # once, and after each pause
    assert list(files_folder().iterdir()) == []
    server.faults.cut_after = None
    assert files[0].read(shard, 50_000, 10) == content(200_000)[50_000:50_010]


@pytest.mark.parametrize("more", [1000, 10**12])
def test_more_is_promised_than_comes(server: ShardServer, files: Files, more: int) -> None:
    put(server, "a", 70_000)
    server.faults.more = more
    why = "broke off" if more == 1000 else "bytes are the most|are the most"
    with pytest.raises(ShardLost, match=why), files[0].found(server.url + "a", no_parts):
        pass
    assert list(files_folder().iterdir()) == []


def test_what_passes_is_tried_again_and_what_does_not_is_not(server: ShardServer, files: Files) -> None:
    put(server, "a", 1000)
    server.faults.failing = {"a": (503, 2), "b": (403, 9)}
    with files[0].found(server.url + "a", no_parts):
        pass
    for name, why in (("b", "answered HTTP 403"), ("none", "answered HTTP 404")):
        server.asked.clear()
        with pytest.raises(ShardLost, match=why), files[0].found(server.url + name, no_parts):
            pass
        assert len(server.asked) == 1


def test_redirects_are_followed_a_few_times(server: ShardServer, files: Files) -> None:
    put(server, "a", 1000)
    server.faults.moved = {"b": "/a", "c": "/c", "d": "file:///etc/passwd"}
    with files[0].found(server.url + "b", no_parts) as found:
        assert found.size == 1000
    for name in "cd":
        with pytest.raises(ShardLost), files[0].found(server.url + name, no_parts):
            pass


def test_a_trickle_is_given_up(server: ShardServer, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_files, "SLOW_S", 0.05)
    monkeypatch.setattr(web_files, "SLOW_BYTES", 1 << 20)
    put(server, "a", 200_000)
    server.faults.pause_s = 0.1
    with pytest.raises(ShardLost, match="brings less than"):
        fetch_part(server.url + "a", files[0]._part, 0, 200_000)


def test_another_part_than_was_asked_for_is_no_answer(server: ShardServer, files: Files) -> None:
    shard = put(server, "a", 200_000)
    server.faults.cut_after = 100_000
    server.faults.other_part = True
    with pytest.raises(ShardLost, match="sent another part than was asked for"), files[0].found(shard.name, no_parts):
        pass


def test_a_shard_that_has_changed_is_not_taken(server: ShardServer, files: Files) -> None:
    shard = put(server, "a", 1000)
    (server.folder / "a").write_bytes(content(999) + b"?")
    with pytest.raises(ShardLost, match="changed since it was listed"):
        files[0]._get(shard)
    assert list(files_folder().iterdir()) == []
    (server.folder / "a").write_bytes(content(1001))
    with pytest.raises(ShardLost, match="changed since it was listed"):
        files[0].read(shard, 0, 10)
    files[0].expect([shard])
    until(lambda: files[0]._wrong)
    with pytest.raises(ShardLost, match="changed since it was listed"):
        files[0].path(shard)


def test_it_is_fetched_in_the_background_and_compared_where_it_was_there(server: ShardServer, files: Files) -> None:
    shards = [put(server, name, 1000 + at) for at, name in enumerate("abc")]
    assert files[0].path(shards[0]) == ""
    files[0].expect(shards)
    until(lambda: all(map(files[0].path, shards)))
    assert Path(files[0].path(shards[2])).read_bytes() == content(1002)
    place = Path(files[0].path(shards[1]))
    asked = len(server.asked)
    again = FetchedShards(files[0]._part, print)
    place.write_bytes(b"?" * 1001)  # the disk is damaged
    again.expect(shards)
    until(lambda: all(map(again.path, shards)))
    assert [name for name, _ in server.asked[asked:]] == ["b"]
    assert place.read_bytes() == content(1001)


def test_the_cache_keeps_its_bound(server: ShardServer, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    shards = [put(server, str(at), 1000) for at in range(6)]
    held, said = files
    held._limit = 3500
    held.expect(shards[:2])
    until(lambda: all(map(held.path, shards[:2])))
    for shard in shards[2:5]:
        held._get(shard)
        assert sum(size for _, size, _ in kept_files(files_folder())) <= 3500
    assert all(map(held.path, shards[:2]))  # what is in use stays
    assert said == []
    held.expect(shards[:5])
    assert "two windows take" in said[0]
    clear_shards()
    assert all(map(held.path, shards[:2]))
    held.expect([])
    until(lambda: not held._fetching)
    clear_shards()
    assert kept_files(files_folder()) == []
    monkeypatch.setenv("GANFORGE_OFFLINE", "1")
    with pytest.raises(ShardLost, match="GANFORGE_OFFLINE is set"):
        held._get(shards[0].__class__(server.url + "9", 1, "", "0"))


def everything(dataset: Dataset) -> list[int]:
    assert dataset.shards is not None
    batches = StreamedBatches(dataset.shards, dataset.count, 0)
    try:
        return numbers_of(batches(0)[0].numpy())
    finally:
        batches.close()


def test_a_data_set_on_a_server(server: ShardServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = load(make_shards(server.folder, [5, 6, 7]))
    said: list[str] = []
    monkeypatch.setattr(web_files, "CHUNK_BYTES", 4096)
    server.faults.cut_after = 10_000
    names = server.url + "train-{00..02}.tar"
    dataset = load(names, say=said.append)
    assert dataset.fingerprint() == local.fingerprint()
    assert everything(dataset) == everything(local)
    for path in files_folder().iterdir():
        path.unlink()
    again = load(names, say=said.append)
    assert again.fingerprint() == local.fingerprint()
    assert sum("Listing" in line for line in said) == 1
    server.faults.cut_after = None
    monkeypatch.setattr(FetchedShards, "expect", lambda *_: None)
    assert everything(again) == everything(local)  # by parts, as no shard is here yet
    (server.folder / "train-01.tar").unlink()
    lossy = load(names, say=said.append, max_broken=6)
    assert {*everything(lossy)} == {*range(5), *range(11, 18)}
    assert any("train-01.tar (answered HTTP 404): its 6 pictures" in line for line in said)
    with pytest.raises(RunError, match="6 of 18 pictures"):
        everything(load(names, max_broken=5))
    other = server.url + "train-{00..03}.tar"
    with pytest.raises(UserError, match=r"train-01.tar \(answered HTTP 404\), train-03.tar \(answered HTTP 404\)"):
        load(other, max_broken=3)


def test_shards_in_a_store(server: ShardServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setattr(pattern, "STORES", ("memory",))
    monkeypatch.setattr(store_files, "BLOCK_BYTES", 5_000)
    local = load(make_shards(tmp_path / "local", [5, 6]))
    for path in (tmp_path / "local").iterdir():
        fsspec.filesystem("memory").pipe_file(f"/b/{path.name}", path.read_bytes())
    store = load("memory://b/train-{00..01}.tar")
    assert store.fingerprint() == local.fingerprint()
    assert everything(store) == everything(local)
    for path in files_folder().iterdir():
        path.unlink()
    monkeypatch.setattr(FetchedShards, "expect", lambda *_: None)
    assert everything(store) == everything(local)
    with pytest.raises(UserError, match=r"train-02.tar \(missing\)"):
        load("memory://b/train-{00..02}.tar", max_broken=0)


def test_a_store_whose_reader_is_not_installed_names_the_extra() -> None:
    with pytest.raises(UserError, match=r"needs another package: pip install 'ganforge\[remote\]'"):
        Store("s3") if not importlib.util.find_spec("s3fs") else Store("oci")


def test_what_a_store_raises_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    store = Store("memory")
    for error, why in ((PermissionError(), "access is denied"), (KeyError("x"), "'x'"), (OSError("no\x1bway"), "way")):

        def info(url: str, error: Exception = error, **more: object) -> None:
            raise error

        monkeypatch.setattr(store, "_system", SimpleNamespace(info=info))
        with pytest.raises(Fault, match=why), store.part("memory://b/x", 0, None):
            pass
    monkeypatch.setattr(store, "_system", SimpleNamespace(info=lambda url, **_: {"type": "directory", "size": 0}))
    with pytest.raises(Fault, match="is no file"), store.part("memory://b/x", 0, None):
        pass


def test_an_answer_that_ends_early_is_no_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_files, "RETRY_AFTER_S", (0.0,))

    @contextmanager
    def part(url: str, first: int, last: int | None) -> Iterator[Part]:
        yield Part(iter([b"ab"][first:]), first, 5, "")

    with pytest.raises(ShardLost, match="broke off before the end"):
        fetch_whole("s3://b/x", part, lambda: lambda piece: None, 100)


def test_no_redirect_leads_out_of_https(monkeypatch: pytest.MonkeyPatch) -> None:
    web, response = Web(), requests.Response()
    response.status_code, response.url, response.raw = 200, "http://h/a", BytesIO()
    monkeypatch.setattr(web.session, "get", lambda *_, **__: response)
    with pytest.raises(Fault, match="led to a place that is not encrypted"), web.part("https://h/a", 0, None):
        pass
    with web.part("http://h/b", 0, None):
        pass
